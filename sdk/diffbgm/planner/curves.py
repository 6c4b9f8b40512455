"""The curves the composer follows.

They come from the pictures' motion and affect, the style's levels, accents, an opening and an ending.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from diffbgm.planner.bar_features import BarFeatures
from diffbgm.planner.form import Form
from diffbgm.planner.levels import POP909, density_at, level_to_value, within
from diffbgm.planner.styles import Style
from diffbgm.types import Curves, Section, Texture

SMOOTH = (0.25, 0.5, 0.25)
STEP = 0.18  # the least change of level across a boundary that a strong cut opens
THIN = 2.0  # keys sounding at once at the very least: below it there is no harmony
THEME_LIFT = (0.0, 0.12, -0.08, 0.06)  # levels of the first, second, third, fourth theme, and over again
LONGEST_REST = 4  # bars without melody
MELODY_FLOOR = 0.3  # melody onsets a beat below which it had better be silent
# Median repetition in POP909 by place (levels of `levels.POP909`): first four bars of a theme that is new there, bars
# further in, first four bars of a theme played twice in a row.
NEW, INSIDE, AGAIN = 0.43, 0.55, 0.87


def plan_curves(
    form: Form,
    features: BarFeatures,
    style: Style,
    bpm: float,
    rise: np.ndarray | None = None,
    energy: np.ndarray | None = None,
) -> Curves:
    """Plan the curves for a form: levels first, in POP909's range, then physical units.

    Args:
        form: Sections of n bars, and their accents.
        features: Of each bar.
        style: Shifts of the levels, and the texture asked for.
        bpm: Base tempo, beats per minute.
        rise: [sections, 2] what the director adds to the levels of density and polyphony in each section.
        energy: [bars] levels 0..1 that are asked for by name: then the pictures only ripple them.

    """
    sections, bars = form.sections, len(features.motion)
    arousal, valence = (by_bar(form, [getattr(s, name) for s in sections]) for name in ("arousal", "valence"))
    moving = 0.25 * arousal + relative(features.motion)  # what stands out within this video counts as well
    lifted = relative(features.affect[:, 1])
    own = theme_lift(form)
    density = 0.5 + 0.35 * arousal + 0.25 * moving + 0.15 * lifted + own + style.density
    polyphony = 0.5 + 0.30 * arousal + 0.20 * moving + 0.15 * lifted + 0.10 * climb(bars) + own + style.polyphony
    register = 0.5 + 0.25 * valence + 0.25 * relative(features.colour[:, 0]) + style.register
    melody = 0.5 + 0.20 * arousal + 0.10 * valence + 0.10 * lifted + style.melody
    if rise is not None:
        density, polyphony = density + by_bar(form, rise[:, 0]), polyphony + by_bar(form, rise[:, 1])
    if energy is not None:
        density, polyphony, melody = (led(level, energy) for level in (density, polyphony, melody))
    edges = [section.start_beat // form.beats_per_bar for section in sections] + [bars]
    levels = {"density": density, "polyphony": polyphony, "register": register, "melody": melody}
    levels = {name: smooth_inside(squash(level), edges) for name, level in levels.items()}
    for name in ("density", "polyphony"):
        levels[name] = accent(levels[name], edges, form.accents)
    shape_ends(levels, opening=energy is None)
    values = {name: level_to_value(name, level) for name, level in levels.items()}
    values["density"] = density_at(levels["density"], bpm)
    values["polyphony"] = follow_note_length(values["polyphony"], values["density"], style.texture.note_length)
    values["melody"] = rest_melody(values["melody"], levels["polyphony"], form)
    values["repetition"] = level_to_value("repetition", plan_repetition(form))
    return Curves(**{name: np.repeat(value, form.beats_per_bar) for name, value in values.items()})


def by_bar(form: Form, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return [bars] from one value for each section."""
    return np.repeat(values, [form.bars(section) for section in form.sections])


def squash(level: np.ndarray) -> np.ndarray:
    """Into 0..1 without a hard edge, so that a strong style still leaves room for the pictures' ups and downs."""
    return 0.5 + 0.5 * np.tanh((np.asarray(level, np.float64) - 0.5) / 0.5)


def relative(track: np.ndarray) -> np.ndarray:
    """-1..1: how far each bar stands out from the video's middle, in its own spread (a still track stays near 0)."""
    track = np.asarray(track, np.float64)
    return np.tanh((track - track.mean()) / (track.std() + 0.1))


def climb(bars: int) -> np.ndarray:
    """-1..1: a slow rise to a summit after three quarters of the piece, as most songs have it."""
    return np.interp(np.arange(bars) + 0.5, (0.0, 0.75 * bars, bars), (-1.0, 1.0, 0.3))


def theme_lift(form: Form) -> np.ndarray:
    """Return [bars] a level of its own for every theme, so that themes differ even over a still picture."""
    labels = list(dict.fromkeys(s.label for s in form.sections))
    lift = by_bar(form, [THEME_LIFT[labels.index(s.label) % len(THEME_LIFT)] for s in form.sections])
    return lift - lift.mean()


def smooth_inside(level: np.ndarray, edges: list[int]) -> np.ndarray:
    """Each bar averaged with its neighbours, but never across a section's edge: scenes change at once."""
    out = level.astype(np.float64)
    for a, b in pairwise(edges):
        padded = np.pad(level[a:b], 1, mode="edge")
        out[a:b] = SMOOTH[0] * padded[:-2] + SMOOTH[1] * padded[1:-1] + SMOOTH[2] * padded[2:]
    return out


def accent(level: np.ndarray, edges: list[int], accents: tuple[float, ...]) -> np.ndarray:
    """Let a strong cut be heard: the bar after it differs from the bar before by at least STEP times its strength."""
    out = level.copy()
    for i in range(1, len(edges) - 1):
        a, b = edges[i], edges[i + 1]
        wanted = STEP * accents[i]
        step = out[a] - out[a - 1]
        if abs(step) >= wanted:
            continue
        down = step < 0 and out[a - 1] > wanted  # what already falls falls further, the rest rises
        push = (-wanted if down else wanted) - step
        fade = np.linspace(1.0, 0.5, b - a)
        out[a:b] = np.clip(out[a:b] + push * fade, 0.0, 1.0)
    return out


def led(level: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Return a level [bars] that follows the energy asked for, with a third of its own ups and downs."""
    return energy + 0.25 * (level.mean() - 0.5) + (level - level.mean()) / 3


def shape_ends(levels: dict[str, np.ndarray], *, opening: bool = True) -> None:
    """In place: a lighter opening and a last bar that thins out into a held chord, as far as the piece is long enough.

    In POP909 the first and the last four bars have 0.5-0.75 and 0.85-0.5 of the density of the song.
    """
    bars = len(levels["density"])
    if bars >= 8 and opening:
        for name, depth in (("density", 0.2), ("polyphony", 0.15), ("melody", 0.15)):
            levels[name][:2] = np.maximum(levels[name][:2] - depth * np.array([1.0, 0.6]), 0.0)
    if bars >= 4:
        levels["density"][-2] *= 0.75
        levels["melody"][-2] *= 0.75
    if bars >= 2:
        levels["density"][-1] = 0.0
        levels["melody"][-1] = 0.0


def follow_note_length(polyphony: np.ndarray, density: np.ndarray, note_length: float | None) -> np.ndarray:
    """Move polyphony halfway to the mean note length (beats) that a style asks for, not in the last bar, which is held.

    Keys sounding at once are onsets per beat times that length, which stays within 0.5 to 1.5 beats.
    """
    if note_length is not None:
        polyphony = np.append(np.sqrt(polyphony * density * note_length)[:-1], polyphony[-1])
    return np.clip(np.clip(polyphony, 0.5 * density, np.maximum(1.5 * density, THIN)), THIN, POP909["polyphony"][-1])


def rest_melody(melody: np.ndarray, level: np.ndarray, form: Form) -> np.ndarray:
    """Silence the melody in the first two bars, where the quietest sections start, and where almost none is asked.

    In POP909 it rests in a quarter of all bars; here in up to a fifth, four at a time, and only in pieces of twelve
    bars or more. Where a strong cut opens a section it rather plays.
    """
    out = np.where(melody < MELODY_FLOOR, 0.0, melody)
    bars = len(melody)
    if bars < 12:
        return out
    out[:2] = 0.0
    spans = [(s.start_beat // form.beats_per_bar, s.end_beat // form.beats_per_bar) for s in form.sections]
    quiet = [float(level[a:b].mean()) + 0.5 * accent for (a, b), accent in zip(spans, form.accents, strict=True)]
    left = bars // 5 - 2
    rested = {0}
    for i in sorted(range(1, len(spans) - 2), key=quiet.__getitem__):
        start, end = spans[i]
        length = min(end - start, LONGEST_REST)
        if length <= left and not {i - 1, i + 1} & rested:
            out[start : start + length] = 0.0
            rested.add(i)
            left -= length
    return out


def plan_repetition(form: Form) -> np.ndarray:
    """[bars] level of repetition: how much of a bar should be the bar four bars earlier.

    Low where four bars earlier is another theme, high where the same theme starts again right after four
    bars of itself, in between inside a section. A theme that comes back after another one cannot show here: its twin
    lies further back than four bars, and the composer reads that from the label.
    """
    theme = [(s.label, k) for s in form.sections for k in range(form.bars(s))]
    out = np.full(len(theme), NEW)
    for i in range(4, len(theme)):
        (label, k), (before, j) = theme[i], theme[i - 4]
        if label == before:
            out[i] = AGAIN if k == j else INSIDE
    return out


def with_textures(sections: tuple[Section, ...], curves: Curves, style: Style, mode: float) -> tuple[Section, ...]:
    """Fill in the sections' textures: what the style asks for, and the rest from affect, within POP909's range.

    `mode` is 1 for a piece in major, 0 in minor; a section is moved to the other side as its affect is.
    """
    return tuple(replace(s, texture=section_texture(s, curves, style, mode)) for s in sections)


def section_texture(section: Section, curves: Curves, style: Style, mode: float) -> Texture:
    """Return the texture of one section; see `with_textures`."""
    beats = slice(section.start_beat, section.end_beat)
    density = float(curves.density[beats].mean())
    note_length = float(curves.polyphony[beats].mean()) / max(density, 1e-6)
    asked = style.texture

    def choose(name: str, level: float) -> float:
        value = getattr(asked, name)
        return within(name, float(level_to_value(name, level) if value is None else value))

    register = float(level_to_value("accompaniment_register", 0.5 + 0.25 * section.valence + style.register))
    if asked.accompaniment_register is not None:
        register = 0.5 * (register + asked.accompaniment_register)
    return Texture(
        mode=asked.mode if asked.mode is not None else float(np.clip(mode + 0.35 * section.valence, 0.0, 1.0)),
        accompaniment_register=within("accompaniment_register", register),
        density=density,
        syncopation=choose("syncopation", 0.45 + 0.2 * section.arousal),
        note_length=float(np.clip(note_length, 0.4, 1.6)),
        harmonic_rhythm=choose("harmonic_rhythm", 0.45 + 0.3 * section.arousal),
    )
