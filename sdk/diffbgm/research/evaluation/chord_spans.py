"""Chords asked and chords heard: one template over each span, compared by root and quality."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffbgm.research.datasets.chords import QUALITIES, sounding_weight, template_scores
from diffbgm.types import STEPS_PER_BEAT, PlannedChord
from diffbgm.types.chord import ChordSymbol

NAMES = tuple(QUALITIES)
_LABEL = re.compile(r"([A-G][#b]?):([^/()]+)")


@dataclass(frozen=True)
class Span:
    """A chord from beat `start` to `end`: its root 0..11 and its quality, one of `family`'s."""

    start: int
    end: int
    root: int
    quality: str


def family(tones: Sequence[int]) -> str:
    """Return the quality of a chord's triad: maj, min, dim, aug or sus (no third)."""
    if 4 in tones:
        return "aug" if 8 in tones and 7 not in tones else "maj"
    if 3 in tones:
        return "dim" if 6 in tones and 7 not in tones else "min"
    return "sus"


def spans_of(chords: Sequence[PlannedChord]) -> list[Span]:
    """Return a plan's chords."""
    return [Span(c.start, c.end, c.chord.root, family(c.chord.tones)) for c in chords]


def read_labels(text: str, times: np.ndarray) -> list[Span]:
    """Return chords of lines "START END LABEL" in seconds, such as POP909's, on beats.

    Args:
        text: Labels such as Bb:min7/b3; N is none.
        times: [beats + 1] seconds of the beats.

    """
    qualities = {"maj": "maj", "min": "min", "dim": "dim", "hdi": "dim", "aug": "aug", "sus": "sus"}
    out: list[Span] = []
    for line in text.splitlines():
        start, end, label = line.split()
        found = _LABEL.match(label)
        first, last = (round(float(np.interp(float(at), times, np.arange(len(times))))) for at in (start, end))
        if found is None or last <= first:
            continue
        root = ChordSymbol.parse(found[1]).root
        out.append(Span(first, last, root, qualities.get(found[2][:3], "maj")))  # 7, 9: on a major triad
    return out


def hear(cells: np.ndarray, start: int, end: int) -> tuple[int, str]:
    """Return root and quality of what sounds in cells [4, T, 88] between two beats; (-1, "") for silence."""
    sound = sounding_weight(cells[:, start * STEPS_PER_BEAT : end * STEPS_PER_BEAT]).sum(0)[None]
    score, lowest = template_scores(sound)
    if lowest[0] < 0:
        return -1, ""
    state = int(score[0].argmax())
    return state % 12, family(QUALITIES[NAMES[state // 12]])


def agreement(cells: np.ndarray, spans: Sequence[Span]) -> tuple[float, float]:
    """Return the share of beats whose chord is heard as asked: by root and quality, and by root alone."""
    beats = np.array([span.end - span.start for span in spans], np.float64)
    heard = [hear(cells, span.start, span.end) for span in spans]
    roots = [root == span.root for (root, _), span in zip(heard, spans, strict=True)]
    whole = [got == (span.root, span.quality) for got, span in zip(heard, spans, strict=True)]
    return float(np.average(whole, weights=beats)), float(np.average(roots, weights=beats))
