"""The plan as tensors: one dynamic token a beat, one semantic token a section; for training and composing alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from diffbgm.composer.config import Config
from diffbgm.types import BEATS_PER_BAR, CURVES, GENRES, TEXTURE

MAX_SECTIONS = 8  # that one window of 8 bars can tell apart

# Mean and standard deviation over POP909's bars and 8-bar windows, so that the network sees numbers around zero.
CURVE_SCALE = {
    "polyphony": (3.8, 0.9),
    "density": (5.2, 1.9),
    "register": (60.5, 4.1),
    "melody": (1.0, 0.8),
    "repetition": (0.16, 0.2),
}
TEXTURE_SCALE = {
    "mode": (0.5, 0.5),
    "accompaniment_register": (61.0, 3.5),
    "density": (4.9, 1.55),
    "syncopation": (0.16, 0.15),
    "note_length": (0.83, 0.3),
    "harmonic_rhythm": (1.24, 0.47),
    "valence": (0.57, 0.33),
    "arousal": (-0.22, 0.4),
    "tempo": (80.0, 20.0),
}
AFFECT_REACH = 1.5  # standard deviations of POP909 that a valence or arousal of 1, as plans have it, stands for
FORM = 9  # what a dynamic token knows of the form: boundaries, place in the piece, first and last bar
DYNAMIC_WIDTH = 2 * len(CURVE_SCALE) + FORM
SEMANTIC_WIDTH = 2 * len(TEXTURE_SCALE) + 1
# Scale share and harshness with whether each is known, a chord's pitch classes and its bass from C up, whether known.
COLOUR_SCALE = {"scale_share": (0.97, 0.03), "harshness": (0.035, 0.03)}
HARMONY_WIDTH = 2 * len(COLOUR_SCALE) + 12 + 12 + 1
TOKENS = ("genre", "corpus", "metre")
# The corpus that stands for a genre where a plan asks for it.
CORPUS_OF_GENRE = {
    "pop": "POP909",
    "art song": "openscore-lieder",
    "popular song": "openewld-pd",
    "piano": "nifc-piano",
    "dance": "nifc-piano",
    "chamber": "openscore-quartets",
    "orchestra": "openscore-orchestra",
    "sacred": "nifc-sacred",
    "hymn": "openhymnal",
    "game": "freedoom",
}


@dataclass(frozen=True)
class Condition:
    """A batch of windows' tokens.

    dynamic [B, L, DYNAMIC_WIDTH], semantic [B, S, SEMANTIC_WIDTH + clip width]; section [B, L] which of the S sections
    a beat lies in; section_at [B, S] the beat in the middle of each; has_dynamic, has_semantic [B] False where a stream
    is dropped.
    harmony [B, L, HARMONY_WIDTH] what `harmony_tokens` gives; genre, corpus, metre [B] the number of the name in the
    network's configuration, from 1; all zeros, the default, is unknown.
    """

    dynamic: Tensor
    semantic: Tensor
    section: Tensor
    section_at: Tensor
    has_dynamic: Tensor
    has_semantic: Tensor
    harmony: Tensor = field(default_factory=lambda: torch.empty(0))
    genre: Tensor = field(default_factory=lambda: torch.empty(0))
    corpus: Tensor = field(default_factory=lambda: torch.empty(0))
    metre: Tensor = field(default_factory=lambda: torch.empty(0))

    def __post_init__(self) -> None:
        batch, beats = self.section.shape
        if self.harmony.numel() == 0:
            object.__setattr__(self, "harmony", self.dynamic.new_zeros(batch, beats, HARMONY_WIDTH))
        for name in TOKENS:
            if getattr(self, name).numel() == 0:
                object.__setattr__(self, name, self.section.new_zeros(batch))

    def __len__(self) -> int:
        return len(self.section)

    def __getitem__(self, index: slice | Tensor) -> "Condition":
        return Condition(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device | str) -> "Condition":
        """The same batch with every tensor on `device`."""
        return Condition(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def without(self, *, dynamic: bool = False, semantic: bool = False) -> "Condition":
        """The same windows with a stream dropped: what guidance calls the unconditional."""
        none = torch.zeros_like(self.has_dynamic)
        return replace(
            self,
            has_dynamic=none if dynamic else self.has_dynamic,
            has_semantic=none if semantic else self.has_semantic,
        )

    def without_genre(self) -> "Condition":
        """The same windows with their genre unknown, and the corpus that stands for it."""
        return replace(self, genre=torch.zeros_like(self.genre), corpus=torch.zeros_like(self.corpus))

    @staticmethod
    def stack(windows: Sequence["WindowTokens"], config: Config | None = None) -> "Condition":
        """Stacks windows [L, ...] to a batch [B, L, ...].

        `config` numbers the names of genre, corpus and metre; a name that it lacks is unknown, as are all without it.
        """

        def batch(name: str) -> Tensor:
            return torch.as_tensor(np.stack([getattr(w, name) for w in windows]))

        kept = {
            name: torch.tensor([getattr(w, name) for w in windows], dtype=torch.bool)
            for name in ("has_dynamic", "has_semantic")
        }
        for name, known in zip(TOKENS, (config.genres, config.corpora, config.metres) if config else (), strict=False):
            numbers = [known.index(said) + 1 if (said := getattr(w, name)) in known else 0 for w in windows]
            kept[name] = torch.tensor(numbers)
        silent = np.zeros((len(windows[0].section), HARMONY_WIDTH), np.float32)
        kept["harmony"] = torch.as_tensor(np.stack([silent if w.harmony is None else w.harmony for w in windows]))
        return Condition(batch("dynamic"), batch("semantic"), batch("section"), batch("section_at"), **kept)


@dataclass(frozen=True)
class WindowTokens:
    """One window's tokens in numpy; shapes as in `Condition` without the batch. Empty names are unknown."""

    dynamic: np.ndarray
    semantic: np.ndarray
    section: np.ndarray
    section_at: np.ndarray
    has_dynamic: bool = True
    has_semantic: bool = True
    harmony: np.ndarray | None = None
    genre: str = ""
    corpus: str = ""
    metre: str = ""


@dataclass(frozen=True)
class SectionCondition:
    """A section as the network is told of it: its beats in the piece and its texture.

    `texture` has the fields of `types.Texture`, the tempo in beats per minute; absent fields are unknown.
    """

    start: int
    end: int
    texture: Mapping[str, float | None]
    clip: np.ndarray | None = None


def window_tokens(
    curves: Mapping[str, np.ndarray],
    sections: Sequence[SectionCondition],
    piece_beats: int,
    start: int,
    beats: int,
    clip_width: int = 0,
    beats_per_bar: int = BEATS_PER_BAR,
) -> WindowTokens:
    """The tokens of beats `start` .. `start + beats` of a piece.

    `curves` [piece_beats] in the units of `types.Curves` (register in the model's key), NaN where nothing
    is asked; sections tile the piece. Beats after the end belong to the last section.
    """
    at = np.arange(start, start + beats)
    inside = np.clip(at, 0, piece_beats - 1)
    over = at >= piece_beats
    edges = np.array([section.start for section in sections] + [piece_beats])
    which = np.searchsorted(edges, inside, side="right") - 1  # [L] section of every beat

    columns: list[np.ndarray] = []
    for name, (mean, sd) in CURVE_SCALE.items():
        value = np.where(over, np.nan, np.asarray(curves[name], np.float64)[inside])
        columns += list(_known((value - mean) / sd))
    left = piece_beats - at  # beats to the end
    columns += [
        (at == edges[which]) & ~over,
        np.minimum(inside - edges[which], 32) / 16,
        np.minimum(edges[which + 1] - inside, 32) / 16,
        inside / piece_beats,
        np.exp(-inside / 16),
        np.exp(-np.maximum(left, 0) / 16),
        inside < beats_per_bar,
        (left <= beats_per_bar) & ~over,
        over,
    ]
    dynamic = np.stack([np.asarray(c, np.float32) for c in columns], axis=-1)

    first = int(which[0])
    number = np.minimum(which - first, MAX_SECTIONS - 1)
    semantic = np.zeros((MAX_SECTIONS, SEMANTIC_WIDTH + clip_width), np.float32)
    section_at = np.zeros(MAX_SECTIONS, np.float32)
    for i in range(int(number.max()) + 1):
        section = sections[first + i]
        values = [_scaled(section.texture.get(name), *scale) for name, scale in TEXTURE_SCALE.items()]
        row = np.stack(_known(np.array(values)), axis=1).ravel()
        semantic[i, :SEMANTIC_WIDTH] = [*row, min(section.end - section.start, 64) / 32]
        if clip_width and section.clip is not None:
            semantic[i, SEMANTIC_WIDTH:] = section.clip
        mine = np.flatnonzero(number == i)
        section_at[i] = (mine[0] + mine[-1]) / 2
    return WindowTokens(dynamic, semantic, number.astype(np.int64), section_at)


def harmony_tokens(
    beats: int,
    *,
    scale_share: np.ndarray | float = float("nan"),
    harshness: np.ndarray | float = float("nan"),
    chord: np.ndarray | None = None,
    bass: np.ndarray | None = None,
) -> np.ndarray:
    """[beats, HARMONY_WIDTH] what the network is told of the harmony.

    Args:
        beats: Of the window.
        scale_share: [beats] or one number: share of onsets inside the major scale in force; NaN where not asked.
        harshness: [beats] or one number: share of pairs struck together that are a semitone, a tritone or a major
            seventh apart; NaN where not asked.
        chord: [beats, 12] pitch classes of the chord from C up, in the key where the model works; rows without any
            are unknown.
        bass: [beats, 12] the pitch class of its bass.
    """
    columns: list[np.ndarray] = []
    for value, (mean, sd) in zip((scale_share, harshness), COLOUR_SCALE.values(), strict=True):
        columns += list(_known((np.broadcast_to(np.asarray(value, np.float64), (beats,)) - mean) / sd))
    classes = np.zeros((beats, 12)) if chord is None else chord
    low = np.zeros((beats, 12)) if bass is None else bass
    known = classes.any(1, keepdims=True)
    return np.concatenate([np.stack(columns, 1), classes * known, low * known, known], axis=1).astype(np.float32)


def heard_affect(name: str, planned: float) -> float:
    """A plan's valence or arousal, -1..1 over all music, as the ear hears it in pop piano: see `TEXTURE_SCALE`."""
    mean, sd = TEXTURE_SCALE[name]
    return mean + AFFECT_REACH * sd * planned


def planned_affect(name: str, heard: float) -> float:
    """The inverse of `heard_affect`, within -1..1."""
    mean, sd = TEXTURE_SCALE[name]
    return min(max((heard - mean) / (AFFECT_REACH * sd), -1.0), 1.0)


def _known(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and whether each is known; 0 where it is not. Clipped to +-4 so that wild requests stay in range."""
    known = np.isfinite(value)
    return np.clip(np.where(known, value, 0.0), -4, 4), known.astype(np.float64)


def _scaled(value: float | None, mean: float, sd: float) -> float:
    return float("nan") if value is None else (value - mean) / sd


assert set(CURVE_SCALE) == set(CURVES)
assert set(CORPUS_OF_GENRE) == set(GENRES)
assert set(TEXTURE) <= set(TEXTURE_SCALE)
