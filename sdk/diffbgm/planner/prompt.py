"""A brief as style: the tags it comes to beside those that are given, and its say on mood, mode, tempo and band."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from diffbgm.band import find_instrument, find_palette
from diffbgm.brief import Brief, lexicon, read_brief
from diffbgm.errors import PlanError, StyleError
from diffbgm.planner.styles import PALETTES, STYLES, Style, combine_styles
from diffbgm.typed import typed

TextRanker = Callable[[str], Sequence[str]]  # a text -> mood tags, the nearest first
BANDS = {  # instrument or family -> palettes that suit it, the first that there is
    "electric piano": ("lo-fi",), "harpsichord": ("baroque", "strings"), "music box": ("music-box",),
    "pizzicato strings": ("pizzicato", "strings"), "ukulele": ("ukulele-pop", "guitar"),
    "distorted guitar": ("rock", "band"), "electric guitar": ("indie", "band"), "organ": ("pipe-organ", "strings"),
    "hammond organ": ("soul", "band"), "accordion": ("musette", "guitar"), "banjo": ("bluegrass", "guitar"),
    "square lead": ("chiptune", "synth"),
    "piano": ("piano",), "mallets": ("bells", "music-box"), "plucked": ("harp-and-flute", "guitar"),
    "guitar": ("guitar",), "strings": ("strings",), "voices": ("choral", "strings"),
    "brass": ("brass-band", "orchestral"), "reeds": ("chamber-group", "orchestral"), "flutes": ("orchestral",),
    "synth": ("synth",), "pads": ("ambient", "synth"), "bass": ("band",), "drums": ("band",),
    "percussion": ("orchestral",),
}  # fmt: skip
PLAYED = {  # families that a palette cannot do without, for briefs that rule some out
    "guitar": {"guitar"}, "music-box": {"mallets", "plucked"}, "strings": {"strings"}, "piano": {"piano", "strings"},
    "synth": {"synth", "pads"}, "orchestral": {"reeds", "plucked", "strings"}, "lo-fi": {"mallets", "piano"},
}  # fmt: skip


@dataclass(frozen=True)
@typed(PlanError)
class Understood:
    """What a brief and the given tags come to.

    Attributes:
        tags: The given ones, then the brief's that go with them.
        style: All of them as one style, with the brief's mode, tempo, mood, palette and genre.
        remarks: What was left out and why, and what CLIP said.

    """

    tags: tuple[str, ...]
    style: Style
    remarks: tuple[str, ...] = ()


def understand(
    brief: Brief | str, given: Sequence[str] = (), text_ranker: TextRanker | None = None, text: str = ""
) -> Understood:
    """Weigh given tags and a brief: an option beats a tag, a tag beats the text.

    Args:
        brief: What is asked for, or a text of it.
        given: Tags that are settled.
        text_ranker: Ranks the mood tags for a text (CLIP does); it is asked where the brief names no mood, and its
            first choice that contradicts nothing is taken.
        text: The brief's text, for the ranker.

    Raises:
        StyleError: The given tags are unknown or contradict each other.

    """
    if isinstance(brief, str):
        brief, text = read_brief(brief), brief
    settled = combine_styles(given)
    tags, remarks = list(given), list[str]()
    for tag in brief.tags:
        mode = STYLES[tag].mode
        against = mode and mode != (settled.mode or brief.mode or mode)
        if tag in tags or STYLES[tag].group == "palette":
            continue
        if against or not _go_together([*tags, tag]):
            remarks.append(f"{tag} is left out: it contradicts the rest")
            continue
        tags.append(tag)
    told = brief.valence is not None or any(STYLES[tag].group == "mood" for tag in tags)
    if text_ranker is not None and text.strip() and not told:
        fitting = (tag for tag in text_ranker(text) if tag not in tags and _go_together([*tags, tag]))
        nearest = list(itertools.islice(fitting, 1))
        tags += nearest
        remarks += [f"the text as a whole: {tag} (the nearest mood to CLIP)" for tag in nearest]
    return Understood(tuple(tags), _ask(combine_styles(tags), settled, brief), tuple(remarks))


def _ask(style: Style, settled: Style, brief: Brief) -> Style:
    """The style with the brief's say on what the given tags leave open, or what an option sets."""

    def free(name: Literal["mode", "bpm", "valence", "arousal", "palette", "genre"]) -> bool:
        return name in brief.asked or getattr(settled, name) is None

    if brief.mode is not None and free("mode") and style.mode != brief.mode:
        other = {"major": 1.0, "minor": 0.0}[brief.mode]
        texture = style.texture if style.mode is None else replace(style.texture, mode=other)
        style = replace(style, mode=brief.mode, texture=texture)
    if brief.bpm is not None and free("bpm"):
        style = replace(style, bpm=brief.bpm)
    if brief.valence is not None and free("valence"):
        style = replace(style, valence=brief.valence)
    if brief.arousal is not None and free("arousal"):
        style = replace(style, arousal=brief.arousal)
    if brief.density is not None:
        style = replace(style, density=brief.density - 0.5, polyphony=(brief.density - 0.5) / 2)
    if brief.register is not None:
        style = replace(style, register=brief.register - 0.5)
    row = lexicon().genres.get(brief.genre or "")
    if row is not None and settled.genre is None:
        style = replace(style, genre=row.heard_as)
    palette = palette_of(brief, style.bands)
    return replace(style, palette=palette) if palette and settled.palette is None else style


def palette_of(brief: Brief, bands: Sequence[str] = ()) -> str | None:
    """The palette that suits a brief's genre and instruments, and does not hang on what it rules out.

    Where it rules instruments out and names none, one of the mood's `bands` that has none of them, or another.
    """
    known = lexicon()
    row = known.genres.get(brief.genre or "")
    choices: list[str] = []
    alone = len(brief.instruments) == 1 and brief.drums is not True
    for name in brief.instruments if alone or row is None or not brief.typical else ():
        choices += [*BANDS.get(name, ()), *BANDS.get(known.instruments[name].family, ())]
    choices += row.palettes if row is not None else ()
    unwanted = set(brief.without)
    if unwanted - {"melody", "drums"} and not choices:
        choices = [name for name in bands if not _kinds(name) & unwanted] + list(PLAYED)
    return next((name for name in choices if name in PALETTES and not PLAYED.get(name, set()) & unwanted), None)


def _kinds(palette: str) -> set[str]:
    """The instruments of a palette, and their families."""
    players = [find_instrument(part.instrument) for part in find_palette(palette).players if part.role != "percussion"]
    return {name for player in players for name in (player.name, *player.families)}


def tell_brief(brief: Brief) -> tuple[str, ...]:
    """Return what was asked for, one line for each thing, with where it was said; and what was not understood."""
    lines = [
        f"the text says {reading.text!r}: {reading.meaning}"
        if reading.source == "text"
        else f"the option {reading.source} asks for {reading.meaning}"
        for reading in brief.readings
    ]
    lines += brief.conflicts
    if brief.typical:
        lines.append(f"{brief.genre} usually has {', '.join(brief.typical)}")
    if brief.unread:
        lines.append("unread: " + ", ".join(f'"{part}"' for part in brief.unread[:12]))
    return tuple(lines)


def _go_together(tags: Sequence[str]) -> bool:
    try:
        combine_styles(tags)
    except StyleError:
        return False
    return True
