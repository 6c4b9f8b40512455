"""The form of the piece: bars gathered into sections that follow the scenes, and labels that come back with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.planner.bar_features import BarFeatures, bar_features
from diffbgm.typed import typed
from diffbgm.types import BEATS_PER_BAR, PlannedCut, Section, TempoMap, VideoFeatures

LONGEST = 8  # bars in a section
SHORTEST = 2
# How unwilling a section is to have that many bars: music comes in fours.
LENGTH_COST = {1: 9.0, 2: 2.2, 3: 3.0, 4: 0.4, 5: 2.6, 6: 1.3, 7: 2.6, 8: 0.7}
# What counts as one step of difference to the eye: brightness, saturation, warmth, motion, valence, arousal.
SCALES = np.array([0.15, 0.15, 0.25, 0.15, 0.35, 0.35])
CLIP_SCALE = 0.35  # length of the difference of two unit CLIP vectors that counts as one step
SAME = 1.2  # sections nearer than this share a label
SPREAD = 0.25  # weight of the squared distance of bars from their section's mean
RESTLESS = 1.5  # steps from the video's mean that bars may have before their differences are scaled down
CUT_WORTH = 4.5  # what a strong cut on the downbeat adds to a boundary, while there are few
FEW = 6  # bars for every such cut


@dataclass(frozen=True)
@typed(PlanError)
class Form:
    """Sections that tile the beats, and for each whether a strong cut opens it (0..1); how long a bar is."""

    sections: tuple[Section, ...]
    accents: tuple[float, ...]
    beats_per_bar: int = BEATS_PER_BAR

    def bars(self, section: Section) -> int:
        """Return how many bars a section has."""
        return section.beats // self.beats_per_bar


def plan_form(
    features: VideoFeatures, tempo: TempoMap, cuts: Sequence[PlannedCut], beats_per_bar: int = BEATS_PER_BAR
) -> Form:
    """Gather bars into sections of 2 to 8, labelled by what they look like (of 1 where there is but one)."""
    bars = tempo.beats // beats_per_bar
    by_bar = bar_features(features, tempo.edges[::beats_per_bar])
    rows = describe(by_bar)
    accents = bar_accents(cuts, bars, beats_per_bar)
    edges = section_bars(rows, accents)
    means = np.stack([rows[a:b].mean(0) for a, b in pairwise(edges)])
    labels = vary_runs(label_sections(means))
    sections: list[Section] = []
    for label, (a, b) in zip(labels, pairwise(edges), strict=True):
        valence, arousal = by_bar.affect[a:b].mean(0)
        sections.append(Section(a * beats_per_bar, b * beats_per_bar, label, float(valence), float(arousal)))
    return Form(tuple(sections), tuple(float(accents[a]) for a in edges[:-1]), beats_per_bar)


def describe(features: BarFeatures) -> np.ndarray:
    """[n, D] in steps of visible difference, so that plain distance between rows means something."""
    rows = np.concatenate([features.colour, features.motion[:, None], features.affect], axis=1) / SCALES
    if features.clip is None:
        return rows
    unit = features.clip / np.maximum(np.linalg.norm(features.clip, axis=1, keepdims=True), 1e-9)
    return np.concatenate([rows * 0.6, (unit - unit.mean(0)) / CLIP_SCALE], axis=1)


def bar_accents(cuts: Sequence[PlannedCut], bars: int, beats_per_bar: int) -> np.ndarray:
    """[bars] strength of the snapped cut on each bar's downbeat, 0 where there is none."""
    out = np.zeros(bars)
    for cut in cuts:
        bar, rest = divmod(cut.beat, beats_per_bar)
        if cut.snapped and rest == 0 and bar < bars:
            out[int(bar)] = max(out[int(bar)], cut.strength)
    return out


def section_bars(rows: np.ndarray, accents: np.ndarray) -> list[int]:
    """Rising bar numbers [sections + 1] from 0 to n that split rows [n, D] where the pictures change.

    Dynamic programming over the last boundary: a section costs the spread of its bars around their mean and the
    awkwardness of its length; a boundary earns the cut that sits on it. In a video whose pictures change all the time
    only what stands out from that counts.
    """
    n = len(rows)
    spread_of_all = float(np.sqrt(((rows - rows.mean(0)) ** 2).sum(1).mean()))
    rows = rows * min(1.0, RESTLESS / max(spread_of_all, 1e-9))
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((rows**2).sum(1))])
    shortest = SHORTEST if n >= SHORTEST else 1
    worth = CUT_WORTH * min(1.0, n / FEW / max(float(accents.sum()), 1e-9))
    best = np.full(n + 1, np.inf)
    best[0] = 0.0
    back = np.zeros(n + 1, int)
    for end in range(shortest, n + 1):
        for length in range(shortest, min(LONGEST, end) + 1):
            start = end - length
            spread = squares[end] - squares[start] - ((sums[end] - sums[start]) ** 2).sum() / length
            earned = worth * accents[start] if start else 0.0
            cost = best[start] + SPREAD * max(spread, 0.0) + LENGTH_COST[length] - earned
            if cost < best[end]:
                best[end], back[end] = cost, start
    edges = [n]
    while edges[-1]:
        edges.append(int(back[edges[-1]]))
    return edges[::-1]


def label_sections(means: np.ndarray) -> list[int]:
    """Return a number for every row of [n, D], the same for rows that look alike; numbered by first appearance.

    Each row joins the nearest group within reach or opens one; reach grows until the piece has few enough themes to
    be remembered (about the square root of its sections).
    """
    allowed = max(2, round(len(means) ** 0.5) + 1)
    reach = SAME
    while True:
        groups: list[list[int]] = []
        labels: list[int] = []
        for i, row in enumerate(means):
            distances = [float(np.linalg.norm(row - means[group].mean(0))) for group in groups]
            nearest = int(np.argmin(distances)) if distances else -1
            if nearest >= 0 and distances[nearest] <= reach:
                groups[nearest].append(i)
            else:
                nearest = len(groups)
                groups.append([i])
            labels.append(nearest)
        if len(groups) <= allowed:
            return labels
        reach *= 1.25


def vary_runs(numbers: Sequence[int]) -> list[str]:
    """Name group numbers A, B, C ...; a group that stays for four sections gets a contrasting third: A A B A."""
    keys: list[tuple[int, bool]] = []
    start = 0
    for i in range(1, len(numbers) + 1):
        if i == len(numbers) or numbers[i] != numbers[start]:
            run = i - start
            keys += [(numbers[start], run >= 4 and k % 4 == 2) for k in range(run)]
            start = i
    names: dict[tuple[int, bool], str] = {}
    for key in keys:
        names.setdefault(key, letter(len(names)))
    return [names[key] for key in keys]


def letter(number: int) -> str:
    """0 -> A, 25 -> Z, 26 -> A1 ..."""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")
