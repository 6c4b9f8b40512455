"""The widgets of `PageSettings`, in the order of its fields, each with a plain sentence of what it does."""

from typing import Any

import gradio as gr

from diffbgm.options import SETTINGS
from diffbgm.planner.shape import SHAPES
from diffbgm.setting import Setting
from space.settings import ANY, EXPERT, LONGEST_TEXT, MOST_SEED, RANGES, PageSettings, tags_of

BASE = PageSettings()


def style_knobs() -> dict[str, Any]:
    """What most people want to say: mood, instruments, words."""
    return {
        "text": gr.Textbox(
            label="In your own words", placeholder="a lonely rainy night, no drums", max_length=LONGEST_TEXT,
            elem_id="text", info="Moods, instruments and pace are read out of your words; what you pick below wins.",
        ),
        "moods": gr.CheckboxGroup(
            tags_of("mood"), label="Mood", elem_id="moods",
            info="How it should feel. Pick none and the pictures decide; pick several and they are mixed.",
        ),
        "palette": tag_knob(
            "palette", "Instruments", "Who plays. Auto listens to your words; otherwise it is the piano."
        ),
    }  # fmt: skip


def more_knobs() -> dict[str, Any]:
    """Everything else."""
    return {
        "tempo": tag_knob(
            "tempo", "Tempo",
            "Auto follows the pace of your cuts. Slow is 60 to 80 beats per minute, medium to 108, fast to 140.",
        ),
        "motion": tag_knob(
            "motion", "Motion", "How many notes: sparse leaves room, flowing runs evenly, driving pushes on."
        ),
        "level": slider("level", "Energy", "To the left thinner and calmer, to the right fuller and busier."),
        "shape": gr.Dropdown(
            [(f"{name}: {words}" if name != BASE.shape else words, name) for name, words in SHAPES.items()],
            value=BASE.shape, label="Energy over time", info="How the energy runs from the first bar to the last.",
        ),
        "rhythm": slider(
            "rhythm", "Follow the pace of the pictures",
            "How closely pace and accents keep to the plan. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "mood": slider(
            "mood", "Follow the mood of the pictures",
            "How closely harmony and colour keep to the plan. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "fade": slider("fade", "Fade at the end", "Seconds in which the last sound fades away."),
        "steps": slider(
            "steps", "Quality",
            "How often the music is refined: 64 is good, 96 a little better and slower, 16 is a quick sketch.",
        ),
        "seed": gr.Number(
            value=BASE.seed, precision=0, minimum=0, maximum=MOST_SEED, label="Seed",
            placeholder="a new one for every take",
            info="A number that brings the same music back, with the same settings. Empty: always something new.",
        ),
    }  # fmt: skip


def expert_knobs() -> dict[str, Any]:
    """A widget for every option of the SDK that no other knob stands for, by its declaration."""
    return {name: expert_knob(name, SETTINGS[name]) for name in EXPERT}


def expert_knob(name: str, setting: Setting) -> Any:
    """The widget that fits an option's kind of values."""
    common: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(), "elem_id": f"expert-{name}",
        "info": setting.help[:1].upper() + setting.help[1:] + ".", "value": setting.default,
    }  # fmt: skip
    if setting.choices:
        empty = [] if setting.default else [(setting.unset or ANY, "")]
        common["value"] = setting.default or ""
        return gr.Dropdown([*empty, *setting.choices], **common)
    if setting.kind is str:
        return gr.Textbox(placeholder=setting.unset, max_length=LONGEST_TEXT, **common)
    whole = setting.kind is int
    if setting.default is None or setting.low is None or setting.high is None:
        return gr.Number(
            precision=0 if whole else None, minimum=setting.low, maximum=setting.high, placeholder=setting.unset,
            **common,
        )  # fmt: skip
    return gr.Slider(setting.low, setting.high, step=1 if whole else 0.05, buttons=["reset"], **common)


def tag_knob(group: str, label: str, info: str) -> gr.Radio:
    """One of the style tags of a group, or "auto"."""
    return gr.Radio([ANY, *tags_of(group)], value=ANY, label=label, info=info, elem_id=group)


def slider(name: str, label: str, info: str) -> gr.Slider:
    """A slider over the range of a setting, in whole steps where its default is a whole number."""
    low, high = RANGES[name]
    base = getattr(BASE, name)
    step = 1 if isinstance(base, int) else 0.1
    return gr.Slider(low, high, value=base, step=step, label=label, info=info, buttons=["reset"], elem_id=name)
