"""The widgets of `Settings`, in the order of its fields, each with a plain sentence of what it does."""

from typing import Any

import gradio as gr

from space.settings import ANY, LIMITS, MOST_SEED, SHAPES, Settings, tags_of


def style_knobs() -> dict[str, Any]:
    """What most people want to say: mood, instruments, words."""
    return {
        "moods": gr.CheckboxGroup(
            tags_of("mood"), label="Mood", elem_id="moods",
            info="How it should feel. Pick none and the pictures decide; pick several and they are mixed.",
        ),
        "palette": gr.Radio(
            [ANY, *tags_of("palette")], value=ANY, label="Instruments", elem_id="palette",
            info="Who plays. Auto takes them from your words below, or the piano.",
        ),
        "text": gr.Textbox(
            label="In your own words", placeholder="a lonely rainy night, no drums", max_length=300, elem_id="text",
            info="Free text is turned into tags; the tags you pick yourself win.",
        ),
    }  # fmt: skip


def more_knobs() -> dict[str, Any]:
    """Everything else."""
    base = Settings()
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
            "level", base.level, 0.1, "Energy", "Left: thinner and calmer than planned. Right: fuller and busier."
        ),
        "shape": gr.Dropdown(
            [(f"{name}: {words}" if name != base.shape else words, name) for name, words in SHAPES.items()],
            value=base.shape, label="Energy over time", info="How the energy runs from the first bar to the last.",
        ),
        "rhythm": slider(
            "rhythm", base.rhythm, 0.1, "Guidance: rhythm",
            "How strictly the number of notes and the accents follow the plan. 1 is loose, above 2.5 gets mechanical.",
        ),
        "mood": slider(
            "mood", base.mood, 0.1, "Guidance: mood",
            "How strictly mode, register and harmony follow the plan. 1 is loose, above 2.5 gets mechanical.",
        ),
        "keep": gr.Radio(
            [("replace it", "replace"), ("mix with it", "mix"), ("duck under speech", "duck")], value=base.keep,
            label="Sound of your video",
            info="Replace it with the music, put the music under it, or lower the music where people speak.",
        ),
        "fade": slider("fade", base.fade, 0.1, "Fade at the end", "Seconds over which the last sound goes to silence."),
        "steps": slider(
            "steps", base.steps, 1, "Quality",
            "Steps of the diffusion: 24 is good, 48 a little better and twice as slow, 8 is a sketch.",
        ),
        "seed": gr.Number(
            value=None, precision=0, minimum=0, maximum=MOST_SEED, label="Seed", placeholder="a new one for every take",
            info="The same seed and settings give the same music. Leave it empty to be surprised.",
        ),
    }  # fmt: skip
    return knobs


def slider(name: str, value: float, step: float, label: str, info: str) -> gr.Slider:
    low, high = LIMITS[name]
    return gr.Slider(low, high, value=value, step=step, label=label, info=info, buttons=["reset"])
