"""The widgets of `PageSettings`, each with a plain sentence of what it does.

Options of the SDK come from their declaration (`expert_knob`), in `PLAIN` words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from diffbgm import STYLES
from diffbgm.brief import lexicon
from diffbgm.options import SETTINGS
from diffbgm.planner.shape import SHAPES
from diffbgm.platforms import PLATFORMS
from diffbgm.types import METRES, PITCH_NAMES
from space.settings import ANY, EXPERT, LISTED, LONGEST_TEXT, MOST_SEED, RANGES, PageSettings, tags_of

BASE = PageSettings()
KEYS = [f"{name} {mode}" for mode in ("major", "minor") for name in PITCH_NAMES]
PLAYERS = [name for name, row in lexicon().instruments.items() if row.family != "effects"]
KINDS_OF_PLAYERS = sorted({row.family for row in lexicon().instruments.values()} - {"effects"})
LOUDNESSES = [
    (f"{lufs:g}: {', '.join(name for name, at in PLATFORMS.items() if at == lufs)}", f"{lufs:g}")
    for lufs in sorted(set(PLATFORMS.values()), reverse=True)
]
# What stands together under "More", by its heading.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Pace and energy": ("tempo", "bpm", "motion", "level", "shape", "energy", "curve_guidance"),
    "Harmony": ("key", "metre", "chords"),
    "Who plays": ("instruments", "without", "lead", "part"),
    "Moments": ("must", "ignore", "hit", "rest", "ending", "fade"),
    "Sound": ("loudness",),
    "How it is made": ("steps", "seed", "rhythm", "mood"),
}


@dataclass(frozen=True)
class Plain:
    """An option in plain words; `choices` are offered, `open`: others may be typed."""

    label: str
    info: str
    choices: Sequence[tuple[str, str] | str] = ()
    open: bool = False


PLAIN: Mapping[str, Plain] = {
    "genre": Plain("Kind of music", "Samba, film noir, lo-fi, or what your words say.", list(lexicon().genres), True),
    "bpm": Plain("Beats per minute", "A number from 40 to 200, or a range such as 90-100; it wins over Tempo."),
    "key": Plain("Key", "Which key it is in.", KEYS, True),
    "metre": Plain("Beats of a bar", "3/4 is a waltz, 6/8 rocks, 2/4 marches.", list(METRES)),
    "chords": Plain("Chords", "One for each bar, from the start again when they are used up: Am F C G."),
    "instruments": Plain("With", "Who has to play.", PLAYERS),
    "without": Plain("Without", "Who must not play.", ["melody", *KINDS_OF_PLAYERS, *PLAYERS]),
    "lead": Plain("Melody by", "Who plays the melody.", PLAYERS),
    "part": Plain("Parts", "Who plays melody, chords, bass, pad or percussion: bass=tuba; chords=harp."),
    "energy": Plain("Energy over time", "Drag over it under the film, or write seconds and levels: 0:.2 10:.8 20:1."),
    "hit": Plain("Strike at", "Moments at which the music strikes: 12.4; 0:45 big."),
    "must": Plain("Cuts on the beat", "Click a cut under the film until it says so, or write its time: 12.4; 0:45."),
    "ignore": Plain("Cuts to ignore", "Click a cut under the film twice, or write its time."),
    "rest": Plain("Rest from, to", "Choose bars under the film, or write stretches: 8-12; 20-22."),
    "ending": Plain(
        "Ending", "How it ends.",
        [("a last chord that rings", "final"), ("fades away", "fade"), ("cut off with the last picture", "cut")],
    ),
    "bar_correlation": Plain("Bars alike", "To the right the bars of the piece have more in common."),
    "section_coupling": Plain("Sections alike", "To the right, sections that look alike sound more alike."),
    "mode_guidance": Plain("Keep to the key", "To the right fewer notes leave the key."),
    "curve_guidance": Plain(
        "Keep to the energy", "How closely every bar has as many notes as its energy asks for: 0 freely, 2 strictly."
    ),
    "loudness": Plain(
        "Loudness", "As the place wants it where you publish: -14 is loud, -23 is for television. In LUFS.",
        LOUDNESSES,
        True,
    ),
}  # fmt: skip


def style_knobs() -> dict[str, Any]:
    """What most people want to say: words, mood, kind of music, band."""
    return {
        "text": gr.Textbox(
            label="In your own words", placeholder="a lonely rainy night, cello, no drums", max_length=LONGEST_TEXT,
            elem_id="text", info="In any of ten languages. What was understood stands below; what you pick wins.",
        ),
        "note": gr.HTML("<div id='knob-note'></div>", js_on_load=None),
        "moods": gr.CheckboxGroup(
            tags_of("mood"), label="Mood", elem_id="moods",
            info="Pick none and the pictures decide; pick several and they are mixed.",
        ),
        "genre": expert_knob("genre"),
        "palette": gr.Dropdown(
            [(ANY, ANY), *((f"{name}: {STYLES[name].description}", name) for name in tags_of("palette"))],
            value=BASE.palette, label="Band", elem_id="palette",
            info="Who plays. Auto listens to your words and the kind of music.",
        ),
    }  # fmt: skip


def more_knobs() -> dict[str, Any]:
    """Everything else, under its headings; options that nobody named come last."""
    own = {
        "tempo": lambda: tag_knob("tempo", "Tempo", "Auto follows your cuts. Slow is 60 to 80, fast up to 140."),
        "motion": lambda: tag_knob("motion", "Motion", "Sparse leaves room, flowing runs evenly, driving pushes on."),
        "level": lambda: slider("level", "Energy", "To the left thinner and calmer, to the right fuller and busier."),
        "shape": lambda: gr.Dropdown(
            [(f"{name}: {words}" if name != BASE.shape else words, name) for name, words in SHAPES.items()],
            value=BASE.shape, label="Course of the energy", info="From the first bar to the last.", elem_id="shape",
        ),
        "rhythm": lambda: slider(
            "rhythm", "Follow the pace of the pictures",
            "How closely pace and accents keep to the plan. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "mood": lambda: slider(
            "mood", "Follow the mood of the pictures",
            "How closely harmony and colour keep to the plan. 1 is natural, above 2.5 it gets mechanical.",
        ),
        "fade": lambda: slider("fade", "Fade at the end", "Seconds in which the last sound fades away."),
        "steps": lambda: slider(
            "steps", "Quality",
            "How often the music is refined: 64 is good, 96 a little better and slower, 16 is a quick sketch.",
        ),
        "seed": lambda: gr.Number(
            value=BASE.seed, precision=0, minimum=0, maximum=MOST_SEED, label="Seed", elem_id="seed",
            placeholder="a new one for every take",
            info="A number that brings the same music back, with the same settings. Empty: always something new.",
        ),
    }  # fmt: skip
    parts: dict[str, Any] = {}
    named = {name for names in GROUPS.values() for name in names} | {"genre"}
    rest = tuple(name for name in EXPERT if name not in named)
    for heading, names in {**GROUPS, "How it is made": (*GROUPS["How it is made"], *rest)}.items():
        gr.Markdown(f"### {heading}", elem_classes="head")
        for name in names:
            parts[name] = own[name]() if name in own else expert_knob(name)
    return parts


def expert_knob(name: str) -> Any:
    """The widget that fits an option's kind of values."""
    setting = SETTINGS[name]
    plain = PLAIN.get(name) or Plain(
        name.replace("_", " ").capitalize(), f"{setting.help[:1].upper()}{setting.help[1:]}.", setting.choices
    )
    value: Any = setting.default
    if plain.choices and name in LISTED:
        value = []
    elif plain.choices:
        value = setting.default or ""
    common: dict[str, Any] = {"label": plain.label, "elem_id": f"knob-{name}", "info": plain.info, "value": value}
    if plain.choices and name in LISTED:
        return gr.Dropdown(plain.choices, multiselect=True, **common)
    if plain.choices:
        empty = [] if setting.default else [(ANY, "")]
        return gr.Dropdown([*empty, *plain.choices], allow_custom_value=plain.open, **common)
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
