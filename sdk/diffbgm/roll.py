"""Notes <-> PianoRoll, and what a roll measures: the curves and textures that training reads and plans ask for."""

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from diffbgm.types import (
    BEATS_PER_BAR,
    LOWEST_PITCH,
    PITCHES,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Curves,
    Key,
    Note,
    PianoRoll,
    Score,
    Texture,
)

# Krumhansl & Kessler (1982) key profiles, tonic first.
MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
LEAD = 0.2  # of a mode over the other, in correlation with the key profiles, that is plain enough
UNTOLD_VELOCITY = 80  # of notes whose roll says none
MIDDLE_PITCH = 60.0  # register and register of a bar with nothing in it


def notes_to_roll(melody: Iterable[Note], accompaniment: Iterable[Note], beats: int) -> PianoRoll:
    """Put notes on the sixteenth grid of `beats` beats.

    A note shorter than a sixteenth lasts one; outside the grid or the 88 keys it is dropped.
    """
    cells = np.zeros((4, beats * STEPS_PER_BEAT, PITCHES), np.uint8)
    velocity = np.zeros((2, *cells.shape[1:]), np.uint8)
    for voice, notes in enumerate((melody, accompaniment)):
        for note in sorted(notes):
            start = round(note.start * STEPS_PER_BEAT)
            end = max(start + 1, round(note.end * STEPS_PER_BEAT))
            key = note.pitch - LOWEST_PITCH
            if not (0 <= start < cells.shape[1] and 0 <= key < PITCHES):
                continue
            cells[2 * voice, start, key] = 1
            cells[2 * voice + 1, start, key] = 0
            cells[2 * voice + 1, start + 1 : end, key] = 1
            velocity[voice, start, key] = note.velocity
    return PianoRoll(cells, velocity)


def roll_to_notes(roll: PianoRoll) -> tuple[list[Note], list[Note]]:
    """Return the melody's and the accompaniment's notes, in order of start; sustains without an onset are ignored."""
    voices: list[list[Note]] = []
    for voice in range(2):
        onset, sustain = roll.cells[2 * voice], roll.cells[2 * voice + 1]
        notes: list[Note] = []
        for start, key in np.argwhere(onset).tolist():
            held = sustain[start + 1 :, key].astype(bool) & ~onset[start + 1 :, key].astype(bool)
            length = 1 + (len(held) if held.all() else int(np.argmin(held)))
            loud = int(roll.velocity[voice, start, key]) if roll.velocity is not None else 0
            notes.append(
                Note(
                    start / STEPS_PER_BEAT,
                    (start + length) / STEPS_PER_BEAT,
                    key + LOWEST_PITCH,
                    loud or UNTOLD_VELOCITY,
                )
            )
        voices.append(notes)
    return voices[0], voices[1]


def score_to_roll(score: Score) -> PianoRoll:
    """All notes but the drums' on the grid, in whole bars: the melody's tracks above, everything else below."""
    tuned = [track for track in score.tracks if not track.is_drum]
    melody = [note for track in tuned if track.role == "melody" for note in track.notes]
    others = [note for track in tuned if track.role != "melody" for note in track.notes]
    end = max([note.end for note in (*melody, *others)], default=1.0)
    bar = score.beats_per_bar
    return notes_to_roll(melody, others, math.ceil(max(1, math.ceil(end / bar)) * bar))


def top_line(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The highest notes as one line on sixteenths, each cut where the next begins.

    A note under one that sounds all the time until it ends is left out.
    """
    highest: dict[int, Note] = {}
    for note in notes:
        at = round(note.start * STEPS_PER_BEAT)
        if at not in highest or highest[at].pitch < note.pitch:
            highest[at] = note
    line: list[tuple[int, Note]] = []
    for at in sorted(highest):
        if not line or highest[at].pitch > line[-1][1].pitch or highest[at].end > line[-1][1].end:
            line.append((at, highest[at]))
    ends = [*(at for at, _ in line[1:]), math.inf]  # one too many where there are no notes
    return tuple(
        replace(
            note,
            start=at / STEPS_PER_BEAT,
            end=max(min(round(note.end * STEPS_PER_BEAT), until), at + 1) / STEPS_PER_BEAT,
        )
        for (at, note), until in zip(line, ends, strict=False)
    )


def transpose(roll: PianoRoll, semitones: int) -> PianoRoll:
    """Return the roll moved up or down; notes that would leave the keyboard move back by an octave."""
    if semitones == 0:
        return roll

    def move(cells: np.ndarray) -> np.ndarray:
        out = np.zeros_like(cells)
        for key in range(PITCHES):
            target = key + semitones
            target += 12 * ((target < 0) - (target >= PITCHES))
            np.maximum(out[..., target], cells[..., key], out=out[..., target])
        return out

    cells = move(roll.cells)
    cells[1::2][cells[0::2] == 1] = 0
    return PianoRoll(cells, None if roll.velocity is None else move(roll.velocity))


def sounding(cells: np.ndarray) -> np.ndarray:
    """[2, T, 88] bool: which keys sound in melody and accompaniment, from cells [4, T, 88]."""
    return (cells[0::2] | cells[1::2]).astype(bool)


def _bars(x: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """Return steps [T] summed by bar, T padded to whole bars -> [ceil(T / steps per bar)]."""
    steps = beats_per_bar * STEPS_PER_BEAT
    pad = -len(x) % steps
    return np.pad(x, (0, pad)).reshape(-1, steps).sum(1)


def measure_curves(cells: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> Curves:
    """Return the `Curves` of a roll's cells [4, T, 88]: measured bar by bar, given beat by beat [T / 4]."""
    sound = sounding(cells)
    onsets = cells[0::2].sum(-1).astype(np.float64)  # [2, T]
    count = sound.sum((0, 2)).astype(np.float64)  # [T]
    pitch_sum = (sound.sum(0) * (np.arange(PITCHES) + LOWEST_PITCH)).sum(-1)
    bar_keys, bar_pitch = _bars(count, beats_per_bar), _bars(pitch_sum, beats_per_bar)
    bars = {
        "polyphony": bar_keys / (beats_per_bar * STEPS_PER_BEAT),
        "density": _bars(onsets.sum(0), beats_per_bar) / beats_per_bar,
        "register": np.where(bar_keys > 0, bar_pitch / np.maximum(bar_keys, 1), MIDDLE_PITCH),
        "melody": _bars(onsets[0], beats_per_bar) / beats_per_bar,
        "repetition": repetition(cells, lag=4, beats_per_bar=beats_per_bar),
    }
    beats = cells.shape[1] // STEPS_PER_BEAT
    return Curves(**{name: np.repeat(value, beats_per_bar)[:beats] for name, value in bars.items()})


def repetition(cells: np.ndarray, lag: int, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """[bars] Jaccard index between the onsets of each bar and of the bar `lag` bars before; 0 where there is none."""
    onsets = cells[0::2].astype(bool)
    steps = beats_per_bar * STEPS_PER_BEAT
    pad = -onsets.shape[1] % steps
    flat = np.pad(onsets, ((0, 0), (0, pad), (0, 0))).reshape(2, -1, steps, PITCHES)
    flat = flat.transpose(1, 0, 2, 3).reshape(flat.shape[1], -1)  # [bars, cells]
    out = np.zeros(len(flat))
    if len(flat) > lag:
        both = (flat[lag:] & flat[:-lag]).sum(1)
        either = (flat[lag:] | flat[:-lag]).sum(1)
        out[lag:] = both / np.maximum(either, 1)
    return out


def bar_statistics(cells: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """Return [bars, 8] from which the texture of any run of bars is a sum, for cells [4, T, 88].

    All onsets, accompaniment onsets, sum of their pitches, onsets on odd sixteenths, sounding cells, chord changes
    inside the bar, chord change at its start (0 or 1), steps. A chord changes from one beat to the next when the
    accompaniment's sounding pitch classes differ by more than half (Jaccard index below 0.5).
    """
    sound = sounding(cells)
    onsets = cells[0::2].sum((0, 2)).astype(np.float64)  # [T]
    odd = onsets.copy()
    odd[::2] = 0
    accompaniment = cells[2].astype(np.float64)
    keys = np.arange(PITCHES) + LOWEST_PITCH
    classes = pitch_class_rows(sound[1].reshape(-1, STEPS_PER_BEAT, PITCHES).sum(1)) > 0  # [beats, 12]
    both = (classes[1:] & classes[:-1]).sum(1)
    either = (classes[1:] | classes[:-1]).sum(1)
    change = np.concatenate([[0.0], (either > 0) & (both < 0.5 * either)])
    at_start = change.copy()
    at_start[np.arange(len(change)) % beats_per_bar > 0] = 0
    inside = np.repeat(change - at_start, STEPS_PER_BEAT) / STEPS_PER_BEAT
    return np.stack(
        [
            _bars(onsets, beats_per_bar),
            _bars(accompaniment.sum(-1), beats_per_bar),
            _bars(accompaniment @ keys, beats_per_bar),
            _bars(odd, beats_per_bar),
            _bars(sound.sum((0, 2)).astype(np.float64), beats_per_bar),
            _bars(inside, beats_per_bar),
            at_start[::beats_per_bar],
            _bars(np.ones(len(onsets)), beats_per_bar),
        ],
        axis=1,
    )


def texture_of(statistics: np.ndarray, mode: float | None = None) -> Texture:
    """Return the texture of a run of bars from their `bar_statistics` [bars, 8]; what nothing sounds for is None."""
    onsets, below, pitch, odd, sound, inside, _, steps = statistics.sum(0)
    if onsets == 0:
        return Texture(mode=mode, density=0.0)
    return Texture(
        mode=mode,
        accompaniment_register=float(pitch / below) if below else None,
        density=float(onsets / steps * STEPS_PER_BEAT),
        syncopation=float(odd / onsets),
        note_length=float(sound / onsets / STEPS_PER_BEAT),
        harmonic_rhythm=float((inside + statistics[1:, 6].sum()) / steps * STEPS_PER_BAR),
    )


def measure_texture(cells: np.ndarray) -> Texture:
    """How the music in cells [4, T, 88], in 4/4, is made."""
    major = float(find_key(pitch_classes(cells)).mode == "major") if cells.any() else None
    return texture_of(bar_statistics(cells), major)


def pitch_class_rows(keys: np.ndarray) -> np.ndarray:
    """[N, 88] per key -> [N, 12] per pitch class, C first."""
    low = LOWEST_PITCH % 12
    padded = np.pad(np.asarray(keys, np.float64), ((0, 0), (low, -(low + PITCHES) % 12)))
    return padded.reshape(len(keys), -1, 12).sum(1)


def pitch_classes(cells: np.ndarray) -> np.ndarray:
    """[12] how long each pitch class sounds in cells [4, T, 88], in steps."""
    return pitch_class_rows(sounding(cells).sum((0, 1)).astype(np.float64)[None])[0]


@cache
def key_profiles() -> np.ndarray:
    """Return [2, 12, 12] the key profiles of Krumhansl & Kessler (1982), as `turned_profiles` gives them."""
    return turned_profiles(MAJOR_PROFILE, MINOR_PROFILE)


def turned_profiles(major: np.ndarray, minor: np.ndarray) -> np.ndarray:
    """Return [2, 12, 12] a profile [12] of major and of minor, for the tonics C to B, centred, of length 1."""
    profiles = np.stack([[np.roll(p, k) for k in range(12)] for p in (major, minor)])
    profiles = profiles - profiles.mean(-1, keepdims=True)
    return profiles / np.linalg.norm(profiles, axis=-1, keepdims=True)


def key_scores(histogram: np.ndarray, profiles: np.ndarray | None = None) -> np.ndarray:
    """[2, 12] correlation of pitch class durations [12] with profiles: Krumhansl & Schmuckler's key finding.

    Without `profiles` [2, 12, 12] (see `turned_profiles`) they are those of `key_profiles`.
    """
    x = histogram - histogram.mean()
    return (key_profiles() if profiles is None else profiles) @ x / (np.linalg.norm(x) or 1.0)


def pull_to_mode(keys: np.ndarray, major: bool) -> np.ndarray:
    """[88] -1..1 what to add to keys that sound for so long [88], for them to be in C major (or A minor).

    The lead is the correlation with that key's profile less that with the nearest key of the other mode; what is
    returned goes along its gradient, the less the nearer the lead is to LEAD, from there on 0.
    """
    heard = pitch_class_rows(np.asarray(keys, np.float64)[None])[0]
    heard = heard - heard.mean()
    heard = heard / max(float(np.linalg.norm(heard)), 1e-9)
    own, others = key_profiles()[0 if major else 1, 0 if major else 9], key_profiles()[1 if major else 0]
    rival = others[int((others @ heard).argmax())]
    lead = float((own - rival) @ heard)
    slope = own - rival - lead * heard
    push = slope / max(float(np.abs(slope).max()), 1e-9) * np.clip((LEAD - lead) / LEAD, 0.0, 1.0)
    return push[(np.arange(PITCHES) + LOWEST_PITCH) % 12]


def find_key(histogram: np.ndarray, profiles: np.ndarray | None = None) -> Key:
    """Return the key whose profile, of those of `key_scores`, a pitch class histogram [12] follows best."""
    scores = key_scores(np.asarray(histogram, np.float64), profiles)
    mode, tonic = np.unravel_index(int(scores.argmax()), scores.shape)
    return Key(int(tonic), "major" if mode == 0 else "minor")


def key_shift(key: Key) -> int:
    """Semitones -6..5 that take a key to C major or A minor, where the model works."""
    down = (key.tonic - (0 if key.mode == "major" else 9)) % 12
    return -down if down <= 6 else 12 - down


def bar_pitch_classes(cells: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """[bars, 12] how long each pitch class sounds in every bar of cells [4, T, 88], in steps."""
    sound = sounding(cells).sum(0).astype(np.float64)
    steps = beats_per_bar * STEPS_PER_BEAT
    pad = -len(sound) % steps
    return pitch_class_rows(np.pad(sound, ((0, pad), (0, 0))).reshape(-1, steps, PITCHES).sum(1))
