"""The widgets of `PageSettings`, in the order of its fields, each with a plain sentence of what it does."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from diffbgm.planner.shape import SHAPES
from space.settings import ANY, KEEP, LONGEST_TEXT, MOST_SEED, RANGES, PageSettings, tags_of

BASE = PageSettings()
KEEP_WORDS: Mapping[str, str] = {"replace": "replace it", "mix": "mix with it", "duck": "quiet under speech"}


def style_knobs() -> dict[str, Any]:
    """What most people want to say: mood, instruments, words."""
    return {
        "moods": gr.CheckboxGroup(
            tags_of("mood"), label="Mood", elem_id="moods",
            info="How it should feel. Pick none and the pictures decide; pick several and they are mixed.",
        ),
        "palette": tag_knob(
            "palette", "Instruments", "Who plays. Auto listens to your words below; otherwise it is the piano."
        ),
        "text": gr.Textbox(
            label="In your own words", placeholder="a lonely rainy night, no drums", max_length=LONGEST_TEXT,
            elem_id="text", info="Moods, instruments and pace are read out of your words; what you pick above wins.",
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
        "keep": gr.Radio(
            [(KEEP_WORDS.get(word, word), word) for word in KEEP], value=BASE.keep, label="Sound of your video",
            info="Replace it by the music, put the music under it, or make the music quiet where people speak.",
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


def tag_knob(group: str, label: str, info: str) -> gr.Radio:
    """One of the style tags of a group, or "auto"."""
    return gr.Radio([ANY, *tags_of(group)], value=ANY, label=label, info=info, elem_id=group)


def slider(name: str, label: str, info: str) -> gr.Slider:
    """A slider over the range of a setting, in whole steps where its default is a whole number."""
    low, high = RANGES[name]
    base = getattr(BASE, name)
    step = 1 if isinstance(base, int) else 0.1
    return gr.Slider(low, high, value=base, step=step, label=label, info=info, buttons=["reset"], elem_id=name)
