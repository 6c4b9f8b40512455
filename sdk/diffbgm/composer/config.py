"""The denoiser's constructor arguments; config.json is exactly these, so that weights describe themselves."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from diffbgm.errors import WeightsError
from diffbgm.typed import typed
from diffbgm.types import BAR_UNITS

METRES = BAR_UNITS  # beats per bar of the metres that the network can be told of; 2/4 stands in pairs of bars
FORMAT = 1  # raised when old weights can no longer be read


@dataclass(frozen=True)
@typed(WeightsError)
class Config:
    """Shape of the network.

    channels     of the four resolutions of the U-Net.
    width, depth, heads   of the beat transformer; `width` must divide by 2 x `heads`.
    noise_width  of the embedding of the noise level.
    bars         of one window.
    clip_width   of the video embeddings in the semantic stream; 0 leaves them out.
    selector     "learned": a gate per stream and block driven by the noise level. "paper": Diff-BGM's hard switch, the
                 semantic stream above 20 % of the noise range, the dynamic one below.
    recall       heads of the attention that brings feature maps from other beats (`attention.Recall`); 0 leaves it out.
    segment_mask False lets every beat see the whole window (for ablations).
    genres, corpora, metres   names of the tokens that the network may be told, in the order of its tables; empty
                 leaves them out. Metres are among `METRES`.
    harmony      whether it may be told chords, scale share and harshness beat by beat.
    """

    channels: tuple[int, int, int, int] = (16, 32, 64, 64)
    width: int = 384
    depth: int = 6
    heads: int = 6
    noise_width: int = 128
    bars: int = 8
    clip_width: int = 0
    selector: Literal["learned", "paper"] = "learned"
    segment_mask: bool = True
    recall: int = 8
    genres: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    metres: tuple[str, ...] = ()
    harmony: bool = False

    def __post_init__(self) -> None:
        for name in ("channels", "genres", "corpora", "metres"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if unknown := sorted(set(self.metres) - set(METRES)):
            raise WeightsError(f"config: metre {', '.join(unknown)} is none of {', '.join(METRES)}")
        if min(self.heads, *self.channels) < 1 or self.width % (2 * self.heads):
            raise WeightsError(f"config: channels and heads must be above 0, width divide by 2 x heads, got {self}")

    @classmethod
    def tiny(cls, **changes: Any) -> "Config":
        """Small enough for tests; the same code in all else."""
        small = {"channels": (4, 4, 8, 8), "width": 32, "depth": 2, "heads": 2, "noise_width": 16, "recall": 2}
        return cls(**{**small, **changes})

    def to_dict(self) -> dict[str, Any]:
        """The content of config.json: the format and every field, tuples as lists."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {"format": FORMAT, **plain}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Config":
        """Raises WeightsError for another format or unknown fields."""
        values = dict(values)
        if (found := values.pop("format", None)) != FORMAT:
            raise WeightsError(
                f"config.json: format {found!r}, this version reads {FORMAT}; update diffbgm or the weights"
            )
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise WeightsError(f"config.json: unknown field(s) {', '.join(unknown)}")
        return cls(**values)
