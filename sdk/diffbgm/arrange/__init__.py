"""PianoRoll + MusicPlan -> Score: the roll's two voices become a band that follows the plan.

`arrange` reads from the top: who plays, harmony, sections, parts, what the roll leaves open, how it is played.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.arrange.casting import cast, is_played_by
from diffbgm.arrange.ending import (
    accent_cuts,
    cadence,
    come_home,
    fill_gaps,
    final_chord,
    ground_ending,
    sustain_final_bar,
)
from diffbgm.arrange.expression import JITTER, articulate, humanize, pedal, pump, shape_velocity, swells
from diffbgm.arrange.harmony import Chord, harmony_unit, home_chord, read_harmony
from diffbgm.arrange.palettes import PALETTES, ROLES, Palette, Part, find_palette
from diffbgm.arrange.patterns import Ground, play_pattern, play_voices
from diffbgm.arrange.percussion import drum_part, find_take
from diffbgm.arrange.sections import SectionSpan, find_sections, part_entries, section_index
from diffbgm.arrange.sharing import FEWEST, share_in_turn, skyline
from diffbgm.arrange.speech import Span, join_spans, silence, soften_drums, spans_in_beats, thin_under_speech
from diffbgm.arrange.splice import splice_scores
from diffbgm.arrange.spotting import spot
from diffbgm.arrange.timing import melody_lead, phrase_arch
from diffbgm.arrange.voices import (
    by_onset,
    drop_unisons,
    fit_range,
    limit_voices,
    monophonic,
    pad_notes,
    repeat_eighths,
    resolve_overlaps,
    split_bass,
    strike_anew,
    strum,
)
from diffbgm.band.grooves import find_groove
from diffbgm.band.patterns import VOICES, find_pattern
from diffbgm.errors import PlanError
from diffbgm.roll import roll_to_notes
from diffbgm.types import Control, Instrumentation, MusicPlan, Note, PianoRoll, Role, Score, Track

__all__ = ["PALETTES", "ROLES", "Palette", "Part", "arrange", "cast", "find_palette"]

Parts = dict[Part, list[Note]]
ACCOMPANYING: frozenset[Role] = frozenset({"chords", "pad"})  # what thins out under speech
FILLING: tuple[Role, ...] = ("chords", "pad", "melody", "bass")  # the first of them that plays fills silence


@dataclass(frozen=True)
class _Setting:
    """What every step of one arrangement looks at; `entries`: in which sections each part plays."""

    plan: MusicPlan
    palette: Palette
    sections: list[SectionSpan]
    entries: dict[Part, list[bool]]
    harmony: list[Chord]
    speech: list[Span]  # in beats
    rng: np.random.Generator

    @property
    def filler(self) -> Part:
        """The part that fills silence and plays the cadence."""
        return next(self.palette.parts[role] for role in FILLING if role in self.palette.parts)

    @property
    def home(self) -> tuple[int, ...]:
        """The pitch classes of the last chord, its root first."""
        return self.harmony[-1].classes

    @property
    def ends_in_tune(self) -> bool:
        """Whether a tune that is given goes on into the final bar, which is then played as it is written."""
        return self.plan.tune_end > self.plan.last_bar

    @property
    def ground(self) -> Ground:
        """What patterns are played on."""
        return Ground(self.plan, self.harmony, self.sections)


def arrange(roll: PianoRoll, plan: MusicPlan, *, seed: int = 0, speech: Sequence[Span] = ()) -> Score:
    """Arrange a roll for the plan's palette and instrumentation; the same arguments give the same score.

    Args:
        roll: [4, 4 B, 88] in the plan's key.
        plan: Of B beats.
        seed: Of the small deviations in time, length and loudness; it changes nothing else.
        speech: (start, end) in seconds where somebody speaks, beside the plan's `talks`: there the melody rests, the
            harmony thins out and leaves the voice's register.

    Raises:
        PlanError: Roll and plan differ in length, or the palette or an instrument is unknown.

    """
    if roll.beats != plan.beats:
        raise PlanError(f"arrange: the roll has {roll.beats} beats, the plan {plan.beats}; compose for this plan")
    if plan.scenes:
        return _by_scene(roll, plan, seed, speech)
    palette = cast(plan)
    sections = find_sections(plan)
    melody, accompaniment = roll_to_notes(roll)
    harmony, home = read_harmony(roll, plan.key, harmony_unit(plan.beats_per_bar), plan.chords), home_chord(plan)
    harmony, added = final_chord(harmony, [*melody, *accompaniment], home, plan.last_bar, plan.beats)
    spans = spans_in_beats(join_spans([*speech, *plan.talks], plan.duration), plan.tempo)
    entries = part_entries(palette, sections)
    setting = _Setting(plan, palette, sections, entries, harmony, spans, np.random.default_rng(seed))

    parts = _orchestrate(melody, accompaniment, setting)
    if spans:
        for part in parts:
            if part.role == "melody":
                parts[part] = silence(parts[part], spans)
            elif part.role in ACCOMPANYING:
                parts[part] = resolve_overlaps(thin_under_speech(parts[part], spans, part.low, plan.tempo))
    _complete(parts, setting)
    for part, notes in parts.items():
        if part.role == "bass" and not part.pattern and entries[part][-1]:
            notes = come_home(
                [n for n in notes if n.start < plan.last_bar or n.pitch % 12 == home[0]], part, home[:1], plan
            )
        line = part.role == "melody"
        if not (line and setting.ends_in_tune):
            parts[part] = sustain_final_bar(notes, set(home), plan.last_bar, plan.beats, line=line)
    filler = setting.filler
    if filler.voices > 1 or all(note.end < plan.beats for note in parts[filler]):
        parts[filler] = resolve_overlaps([*parts[filler], *_alone(cadence(plan, filler, added, home[0]), filler)])
    parts = ground_ending(parts, filler, home[0], plan)
    parts = shape_velocity(parts, plan, sections, setting.rng)
    tune = {note.start: note.velocity for part in parts if part.role == "melody" for note in parts[part]}
    parts = {part: _play(part, notes, tune, setting) for part, notes in parts.items()}
    parts |= {part: silence(notes, spans) for part, notes in parts.items() if part.role == "melody"}
    parts |= {part: _drums(part, setting) for part in palette.of("percussion")}

    tracks = [_track(part, parts[part], setting) for part in palette.players if parts.get(part)]
    tracks = spot(tracks, plan, filler, harmony)
    numerator, denominator = map(int, plan.metre.split("/"))
    return Score(tuple(tracks), plan.tempo, tuple(_markers(plan)), plan.key, (numerator, denominator))


def _by_scene(roll: PianoRoll, plan: MusicPlan, seed: int, speech: Sequence[Span]) -> Score:
    """Return the piece with the band of each scene in its beats; what rings over the edge of a scene stays."""
    score = arrange(roll, replace(plan, scenes=()), seed=seed, speech=speech)
    for scene in plan.scenes:
        own = replace(plan, scenes=(), palette=scene.palette, instrumentation=scene.instrumentation)
        opened = np.zeros(plan.beats, bool)
        opened[scene.start_beat : scene.end_beat] = True
        score = splice_scores(score, arrange(roll, own, seed=seed, speech=speech), opened)
    return score


def _orchestrate(melody: Sequence[Note], accompaniment: Sequence[Note], setting: _Setting) -> Parts:
    """Return the pitched parts, in range, before anything is added; velocities are still the composer's."""
    palette, sections, entries = setting.palette, setting.sections, setting.entries
    per_bar = setting.plan.beats_per_bar
    parts: Parts = {}
    leads, plan = palette.of("melody"), setting.plan
    tacets = [(who, *spans_in_beats([(start, end)], plan.tempo)[0]) for who, start, end in plan.tacets]
    wanted = plan.instrumentation != Instrumentation() or float(plan.curves.melody.sum()) >= FEWEST
    tune = skyline(melody, accompaniment) if leads and wanted and len(melody) < FEWEST and not plan.tune else melody
    resting = [[(a, b) for who, a, b in tacets if is_played_by(part.program, who)] for part in leads]
    for part, line in zip(leads, share_in_turn(tune, resting, sections), strict=True):
        own = limit_voices(_fit(line, part), part.voices)
        own = own if setting.ends_in_tune else come_home(own, part, setting.home, plan)
        parts[part] = monophonic(own) if part.voices == 1 else own
    lead = [note for part in leads for note in parts[part]]
    composed = [part for part in palette.of("bass") if not part.pattern]
    if composed:
        bass, accompaniment = split_bass(accompaniment, sections, entries[composed[0]], per_bar)
        bass = repeat_eighths(bass, sections) if palette.bass_pulse else bass
        parts |= {part: _fit(bass, part) for part in composed}
    for part in palette.players:
        if part.role in ("melody", "percussion") or part in parts or part.pattern == VOICES:
            continue
        if part.pattern and not (part.role == "pad" and part.pattern == "pump"):
            notes = _fit(play_pattern(part, setting.ground, entries[part]), part)
            parts[part] = drop_unisons(notes, lead) if find_pattern(part.pattern).bass is False else notes
        elif part.role == "pad":
            parts[part] = pad_notes(setting.harmony, part, sections, entries[part], per_bar, plan.last_bar)
        else:
            notes = accompaniment if all(entries[part]) else _where_playing(accompaniment, entries[part], sections)
            parts[part] = limit_voices(drop_unisons(_fit(notes, part), lead), part.voices)
    voices = [part for part in palette.players if part.pattern == VOICES]
    held = max((part.hold for part in leads), default=0.0)
    flags = [entries[part] for part in voices]
    parts |= dict(zip(voices, play_voices(voices, setting.ground, flags, lead, held) if voices else [], strict=True))
    return {part: parts[part] for part in sorted(parts, key=_score_order)}


def _score_order(part: Part) -> int:
    return ("melody", "bass", "chords", "pad").index(part.role)


def _where_playing(notes: Sequence[Note], plays: Sequence[bool], sections: Sequence[SectionSpan]) -> list[Note]:
    return [note for note in notes if plays[section_index(sections, note.start)]]


def _fit(notes: Sequence[Note], part: Part) -> list[Note]:
    return resolve_overlaps(fit_range(notes, part.low, part.high))


def _alone(notes: Sequence[Note], part: Part) -> list[Note]:
    """Break chords for a part that plays one note at a time: upwards, a note each in equal shares of their time."""
    if part.voices > 1:
        return list(notes)
    out: list[Note] = []
    for group in by_onset(notes).values():
        step = (group[0].end - group[0].start) / len(group)
        out += [
            replace(note, start=note.start + i * step, end=note.start + (i + 1) * step) for i, note in enumerate(group)
        ]
    return out


def _complete(parts: Parts, setting: _Setting) -> None:
    """Fill silence with chords, and give every cut an onset."""
    plan, filler, harmony = setting.plan, setting.filler, setting.harmony
    played: list[tuple[Role, Part, Sequence[Note]]] = [(part.role, part, notes) for part, notes in parts.items()]
    parts[filler] = parts[filler] + _alone(fill_gaps(filler, played, harmony, plan), filler)
    everything = [note for notes in parts.values() for note in notes]
    accents = accent_cuts(plan.cuts, everything, filler, harmony, plan.tempo)
    if filler.pattern == VOICES:
        for beat, group in by_onset(accents).items():
            anew = {part: strike_anew(notes, beat) for part, notes in parts.items() if part.pattern == VOICES}
            silent = all(len(notes) == len(parts[part]) for part, notes in anew.items())
            parts |= anew
            if silent:
                parts[filler] = monophonic([*parts[filler], group[0]])
        return
    accents = accents if filler.voices > 1 else [group[-1] for group in by_onset(accents).values()]
    parts[filler] = resolve_overlaps([*parts[filler], *accents])
    if filler.voices == 1:
        parts[filler] = monophonic(parts[filler])


def _play(part: Part, notes: Sequence[Note], tune: Mapping[float, int], setting: _Setting) -> list[Note]:
    """How one part's notes are struck and held; `tune`: velocity of the melody by onset."""
    plan, palette, rng = setting.plan, setting.palette, setting.rng
    pushes = _pushes(part, notes, tune, setting) if palette.is_free else None
    notes = humanize(notes, plan, palette.swing, rng, pushes=pushes, jitter=0.0 if palette.mechanical else JITTER)
    if part.role == "chords" and part.strum:
        notes = strum(notes, part.strum, plan.tempo)
    changes = [float(chord.start) for chord in setting.harmony]
    return resolve_overlaps(articulate(resolve_overlaps(notes), part, changes, plan.beats, rng))


def _pushes(part: Part, notes: Sequence[Note], tune: Mapping[float, int], setting: _Setting) -> np.ndarray:
    """[n, 2] seconds by which the notes of a part are meant to start and to end late."""
    plan, sections = setting.plan, setting.sections
    start = phrase_arch(plan, sections, np.array([note.start for note in notes], np.float64))
    end = phrase_arch(plan, sections, np.array([note.end for note in notes], np.float64))
    if part.role != "melody":
        start += melody_lead(notes, tune, plan)
    return np.stack([start, end], axis=1)


def _drums(part: Part, setting: _Setting) -> list[Note]:
    """Return all grooves of the percussion; a recorded one keeps the time that its drummer kept."""
    plan, out = setting.plan, list[Note]()
    for name in part.pattern.split("+"):
        groove = find_groove(name)
        notes = drum_part(groove, plan, setting.sections, setting.entries[part])
        notes = soften_drums(notes, setting.speech)
        if find_take(groove, plan) is None:
            jitter = 0.0 if setting.palette.mechanical else JITTER
            notes = humanize(notes, plan, setting.palette.swing, setting.rng, jitter=jitter)
        out += [replace(note, start=max(0.0, note.start)) for note in notes if note.end > 0]
    return sorted(out)


def _track(part: Part, notes: Sequence[Note], setting: _Setting) -> Track:
    """One part with its controls, as far as the film goes: one shorter than its single bar ends inside it."""
    plan = setting.plan
    end = float(plan.tempo.beat_at(plan.duration))
    if end < plan.beats - 1e-3:
        notes = [replace(note, end=min(note.end, end)) for note in notes if note.start < end]
    controls: list[Control] = pump(plan) if part.pattern == "pump" else swells(part, plan, setting.sections)
    if part.pedal and part.role == "chords":
        controls += pedal(setting.harmony, plan)
    return Track(part.role, part.program, tuple(sorted(notes)), tuple(sorted(controls)), part.pan, part.gain)


def _markers(plan: MusicPlan) -> list[tuple[float, str]]:
    """(beat, text) for the sections and every cut; a cut that was let go sits where it is, between the beats."""
    markers = [(float(s.start_beat), f"section {s.label}") for s in plan.sections]
    for number, cut in enumerate(plan.cuts, 1):
        beat = cut.beat if cut.snapped else float(plan.tempo.beat_at(cut.time))
        markers.append((min(max(beat, 0.0), float(plan.beats)), f"cut {number}" + ("" if cut.snapped else " (free)")))
    return sorted(markers, key=lambda marker: marker[0])
