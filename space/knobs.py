"""The widgets of `PageSettings`, in the order of its fields, each with a plain sentence of what it does."""

from typing import Any

import gradio as gr

from space.settings import ANY, LIMITS, MOST_SEED, SHAPES, PageSettings, tags_of


def style_knobs() -> dict[str, Any]:
    """What most people want to say: mood, instruments, words."""
    return {
        "moods": gr.CheckboxGroup(
            tags_of("mood"), label="Mood", elem_id="moods",
            info="How it should feel. Pick none and the pictures decide; pick several and they are mixed.",
        ),
        "palette": gr.Radio(
            [ANY, *tags_of("palette")], value=ANY, label="Instruments", elem_id="palette",
            info="Who plays. Auto listens to your words below; otherwise it is the piano.",
        ),
        "text": gr.Textbox(
            label="In your own words", placeholder="a lonely rainy night, no drums", max_length=300, elem_id="text",
            info="Moods, instruments and pace are read out of your words; what you pick above wins.",
        ),
    }  # fmt: skip


def more_knobs() -> dict[str, Any]:
    """Everything else."""
    base = PageSettings()
    knobs: dict[str, Any] = {
        "tempo": gr.Radio(
            [ANY, *tags_of("tempo")], value=ANY, label="Tempo",
            info="Auto follows the pace of your cuts. Slow is 60 to 80 beats a minute, medium to 108, fast to 140.",
        ),
        "motion": gr.Radio(
            [ANY, *tags_of("motion")], value=ANY, label="Motion",
            info="How many notes: sparse leaves room, flowing runs evenly, driving pushes on.",
        ),
        "level": slider(
            "level", base.level, 0.1, "Energy", "To the left thinner and calmer, to the right fuller and busier."
        ),
        "shape": gr.Dropdown(
            [(f"{name}: {words}" if name != base.shape else words, name) for name, words in SHAPES.items()],
            value=base.shape, label="Energy over time", info="How the energy runs from the first bar to the last.",
        ),
        "rhythm": slider(
            "rhythm", base.rhythm, 0.1, "Guidance: rhythm",
            "How closely pace and accents follow your pictures. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "mood": slider(
            "mood", base.mood, 0.1, "Guidance: mood",
            "How closely harmony and colour follow the mood. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "keep": gr.Radio(
            [("replace it", "replace"), ("mix with it", "mix"), ("quiet under speech", "duck")], value=base.keep,
            label="Sound of your video",
            info="Replace it by the music, put the music under it, or make the music quiet where people speak.",
        ),
        "fade": slider("fade", base.fade, 0.1, "Fade at the end", "Seconds in which the last sound fades away."),
        "steps": slider(
            "steps", base.steps, 1, "Quality",
            "How often the music is refined: 64 is good, 96 a little better and slower, 16 is a planned.",
        ),
        "seed": gr.Number(
            value=None, precision=0, minimum=0, maximum=MOST_SEED, label="Seed", placeholder="a new one for every take",
            info="A number that brings the same music back, with the same settings. Empty: always something new.",
        ),
    }  # fmt: skip
    return knobs


def slider(name: str, value: float, step: float, label: str, info: str) -> gr.Slider:
    low, high = LIMITS[name]
    return gr.Slider(low, high, value=value, step=step, label=label, info=info, buttons=["reset"])
