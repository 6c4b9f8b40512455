"""The ear: how happy (valence) and how excited (arousal) music sounds to people, each -1..1, from notes in seconds.

Two logistic regressions on a few descriptors, fitted by `ear_fit.fit_ear` to the labels that 30 listeners each gave
to 161 piano phrases of game soundtracks (VGMIDI; Ferreira & Whitehead, ISMIR 2019). Valence hears how clear the key
is in every eight seconds, major against minor, and pace; arousal hears pace, shortness of notes and depth of
register: what Gabrielsson & Lindström (2010) find in a century of experiments. It knows neither loudness nor timbre
(the phrases have neither), and its middle is the border between the labels, not silence. The coefficients are in
`ear.json`.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import KEYS, note_lengths, onsets
from diffbgm.roll import key_scores
from diffbgm.types import STEPS_PER_BEAT, PianoRoll, Score, TempoMap

WINDOW = 8.0  # seconds over which a key is heard, every half of it
LONGEST = 4.0  # seconds after which a note no longer counts for the key: a struck string has died away
TOGETHER = 0.03  # seconds within which notes are struck together

FEATURES: dict[str, str] = {
    "onset_rate": "log2 of the onsets a second, notes struck together counted once",
    "note_rate": "log2 of the notes a second",
    "length": "mean log2 of the notes' lengths in seconds",
    "register": "mean MIDI pitch of the notes",
    "key_clarity": "correlation with the best key profile, mean over windows",
    "major": "best major minus best minor profile correlation, mean over windows",
}
VALENCE = ("key_clarity", "major", "onset_rate")
AROUSAL = ("onset_rate", "note_rate", "length", "register")


@dataclass(frozen=True)
class Notes:
    """Notes as arrays: `start` and `length` in seconds [n], MIDI `pitch` [n]."""

    start: np.ndarray
    length: np.ndarray
    pitch: np.ndarray

    def __post_init__(self) -> None:
        start, length = np.asarray(self.start, np.float64), np.asarray(self.length, np.float64)
        pitch = np.asarray(self.pitch, np.int64)
        if not (start.ndim == 1 and start.shape == length.shape == pitch.shape):
            raise InputError(
                f"Notes: start, length and pitch must be [n], got {start.shape}, {length.shape}, {pitch.shape}"
            )
        if (length <= 0).any() or not np.isfinite(start).all():
            raise InputError("Notes: every note needs a finite start and a length above 0 s")
        order = np.argsort(start, kind="stable")
        for name, value in (("start", start), ("length", length), ("pitch", pitch)):
            object.__setattr__(self, name, value[order])


def notes_of(music: PianoRoll | Score | Notes, tempo: float | TempoMap | None = None) -> Notes:
    """Notes in seconds. A PianoRoll needs a tempo (beats a minute, or a map); a Score has its own, less drums."""
    if isinstance(music, Notes):
        return music
    if isinstance(music, Score):
        played = [note for track in music.tracks if not track.is_drum for note in track.notes]
        start, end = (
            music.tempo.time_at(np.array([getattr(n, k) for n in played], np.float64)) for k in ("start", "end")
        )
        start, end = np.atleast_1d(start), np.atleast_1d(end)
        return Notes(start, end - start, np.array([note.pitch for note in played], np.int64))
    if tempo is None or (not isinstance(tempo, TempoMap) and not tempo > 0):
        raise InputError(f"notes_of: a PianoRoll needs a tempo above 0 beats a minute, or a TempoMap, got {tempo!r}")
    timing = tempo if isinstance(tempo, TempoMap) else TempoMap.steady(tempo, music.beats)
    voice, step, key = np.nonzero(onsets(music.cells))
    length = note_lengths(music.cells)[voice, step, key]
    start, end = (np.atleast_1d(timing.time_at(s / STEPS_PER_BEAT)) for s in (step, step + length))
    return Notes(start, end - start, KEYS[key])


def measure(notes: Notes) -> dict[str, float]:
    """`FEATURES` of at least one note."""
    start, length, pitch = notes.start, notes.length, notes.pitch
    if not len(start):
        raise InputError("measure: no notes, nothing can be heard")
    end = start + length
    duration = max(float(end.max() - start[0]), 0.25)
    first = np.concatenate([[True], np.diff(start) > TOGETHER])
    clarity, major = _keys(notes)
    return {
        "onset_rate": float(np.log2(first.sum() / duration)),
        "note_rate": float(np.log2(len(start) / duration)),
        "length": float(np.log2(np.maximum(length, 0.02)).mean()),
        "register": float(pitch.mean()),
        "key_clarity": clarity,
        "major": major,
    }


def _keys(notes: Notes) -> tuple[float, float]:
    """Key clarity and major minus minor: mean over windows of four notes or more (of everything, if none has)."""
    start, end = notes.start, notes.start + np.minimum(notes.length, LONGEST)
    lefts = np.arange(start[0], max(start[0], start[-1] - WINDOW / 2) + 1e-9, WINDOW / 2)
    heard = []
    for left, right in [*((left, left + WINDOW) for left in lefts), (-np.inf, np.inf)]:
        inside = np.minimum(end, right) - np.maximum(start, left)
        sounding = inside > 0
        if (sounding.sum() < 4 and right < np.inf) or (heard and right == np.inf):
            continue
        scores = key_scores(np.bincount(notes.pitch[sounding] % 12, weights=inside[sounding], minlength=12))
        heard.append((scores.max(), scores[0].max() - scores[1].max()))
    clarity, major = np.mean(heard, axis=0)
    return float(clarity), float(major)


@dataclass(frozen=True)
class Ear:
    """Fitted coefficients, by feature.

    For each feature: `mean` and `scale` over the phrases it was fitted on, its weight (on the scaled feature) for
    valence and arousal (0 where it is not used), and `tilt`: how many units it rises from the middle to valence 1 and
    to arousal 1 (least squares on the labels).
    """

    mean: dict[str, float]
    scale: dict[str, float]
    valence: dict[str, float]
    arousal: dict[str, float]
    bias: tuple[float, float]
    tilt: dict[str, tuple[float, float, float]]

    def hear(self, music: PianoRoll | Score | Notes, tempo: float | TempoMap | None = None) -> tuple[float, float]:
        """(valence, arousal), each -1..1: twice the probability of the positive label, less one. Silence is (0, -1)."""
        notes = notes_of(music, tempo)
        return self.judge(measure(notes)) if len(notes.start) else (0.0, -1.0)

    def judge(self, features: dict[str, float]) -> tuple[float, float]:
        """(valence, arousal) of measured `FEATURES`."""
        scaled = {name: (features[name] - self.mean[name]) / self.scale[name] for name in FEATURES}
        valence, arousal = (
            float(np.tanh((bias + sum(weight * scaled[name] for name, weight in weights.items())) / 2))
            for weights, bias in zip((self.valence, self.arousal), self.bias, strict=True)
        )
        return valence, arousal

    def typical(self, valence: float, arousal: float) -> dict[str, float]:
        """The `FEATURES` that phrases heard like this have on average: what to ask for."""
        if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
            raise InputError(f"typical: valence and arousal lie between -1 and 1, got {valence!r} and {arousal!r}")
        return {name: middle + v * valence + a * arousal for name, (middle, v, a) in self.tilt.items()}

    def to_json(self) -> str:
        """The coefficients as they stand in `ear.json`."""
        body = {
            name: {
                "mean": self.mean[name],
                "scale": self.scale[name],
                "valence": self.valence.get(name, 0.0),
                "arousal": self.arousal.get(name, 0.0),
                "tilt": list(self.tilt[name]),
            }
            for name in FEATURES
        }
        return json.dumps({"bias": list(self.bias), "features": body}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Ear":
        """The inverse of `to_json`."""
        raw = json.loads(text)
        rows = raw["features"]
        if set(rows) != set(FEATURES):
            raise InputError(f"Ear: the file has features {sorted(rows)}, this version hears {sorted(FEATURES)}")
        return cls(
            {name: row["mean"] for name, row in rows.items()},
            {name: row["scale"] for name, row in rows.items()},
            {name: rows[name]["valence"] for name in VALENCE},
            {name: rows[name]["arousal"] for name in AROUSAL},
            (raw["bias"][0], raw["bias"][1]),
            {name: (row["tilt"][0], row["tilt"][1], row["tilt"][2]) for name, row in rows.items()},
        )


@cache
def default_ear() -> Ear:
    """The ear that comes with the package (`ear.json`)."""
    return Ear.from_json(resources.files("diffbgm.research.metrics").joinpath("ear.json").read_text(encoding="utf-8"))


def hear(music: PianoRoll | Score | Notes, tempo: float | TempoMap | None = None) -> tuple[float, float]:
    """(valence, arousal) of music, each -1..1, as the default ear hears it; a PianoRoll needs its tempo."""
    return default_ear().hear(music, tempo)
