"""Expressive timing of a band in which nobody keeps time: phrase arcs, and a melody ahead of what goes with it.

After two findings on how people play:

- A phrase begins and ends slower than its middle (the phrase arch of the KTH rules: Friberg, Bresin & Sundberg 2006,
  "Overview of the KTH rule system for musical performance").
- The notes of a melody sound up to 30 ms before those that are written with them, the more so the louder they are
  beside them (Goebl 2001, "Melody lead in piano performance: expressive device or artifact?").

The film sets the bounds. Nothing moves on a cut that is met, nor in the last bar, whose end is the last frame: so there
is no final ritard beside the one that the tempo map may have. Elsewhere nothing moves by more than `MOST`, which keeps
what sounds near a cut within the tolerance of it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from diffbgm.arrange.sections import SectionSpan
from diffbgm.types import MusicPlan, Note

PHRASE = 4  # bars, or pairs of bars of 2/4
ARCH = 0.016  # seconds by which the middle of a phrase's first half comes late, that of its second half early
TAPER = 1.0  # seconds beside a cut over which the arc comes back
LEAD = 0.02  # seconds that a melody sounds ahead of other notes of its onset, at most
LEAD_PER_VELOCITY = 0.001  # seconds for every step of MIDI velocity that it is louder
MOST = 0.03  # seconds that a note is moved at most, swing aside


def phrase_arch(plan: MusicPlan, sections: Sequence[SectionSpan], beats: np.ndarray) -> np.ndarray:
    """Return [n] the seconds by which a phrase moves what is written at `beats` [n].

    Phrases of `PHRASE` bars count from the start of their section, and a rest of less than half of that goes with the
    phrase before. A full sine over the phrase is its beginning, slower than the middle, and its end.
    """
    edges = _phrase_edges(plan, sections)
    at = np.clip(np.searchsorted(edges, beats, side="right") - 1, 0, len(edges) - 2)
    within = np.clip((beats - edges[at]) / (edges[at + 1] - edges[at]), 0.0, 1.0)
    return ARCH * np.sin(2 * np.pi * within) * _free_of_cuts(plan, beats) * (beats < plan.last_bar)


def _phrase_edges(plan: MusicPlan, sections: Sequence[SectionSpan]) -> np.ndarray:
    longest = PHRASE * plan.unit
    edges: list[float] = []
    for section in sections:
        end = min(section.end, max(plan.last_bar, 1))
        starts = np.arange(section.start, end, longest)
        edges += starts[(starts == section.start) | (end - starts >= longest / 2)].tolist()
    return np.array([*edges, float(max(plan.last_bar, 1))])


def _free_of_cuts(plan: MusicPlan, beats: np.ndarray) -> np.ndarray:
    """[n] 0 at a cut that is met, 1 from `TAPER` seconds on."""
    cuts = np.array([cut.time for cut in plan.cuts if cut.snapped])
    if not len(cuts):
        return np.ones(len(beats))
    near = np.abs(np.atleast_1d(plan.tempo.time_at(beats))[:, None] - cuts).min(1)
    return np.minimum(1.0, near / TAPER)


def melody_lead(notes: Sequence[Note], tune: Mapping[float, int], plan: MusicPlan) -> np.ndarray:
    """Return [n] the seconds by which accompanying notes come after a melody's note of the same onset.

    Args:
        notes: n of them, as they are written.
        tune: Onset in beats -> velocity of the melody there.
        plan: Its final chord is struck together.

    """
    louder = np.array([tune.get(n.start, 0) - n.velocity if n.start < plan.last_bar else 0 for n in notes], np.float64)
    return np.clip(LEAD_PER_VELOCITY * louder, 0.0, LEAD)
