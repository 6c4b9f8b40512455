"""What may be asked of the music of a video, in one table: for `DiffBGM.score`, manifests and the command line.

`ScoreOptions` is one video's; `SETTINGS` says of each what it holds and what to tell people about it.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, get_args

from diffbgm.errors import InputError

if TYPE_CHECKING:
    import torch

KeepAudio = Literal["replace", "mix", "duck"]
Semantics = Literal["auto", "colour", "clip"]


@dataclass(frozen=True)
class Guidance:
    """How much more than as trained the plan's streams are followed (classifier-free guidance, Ho & Salimans 2022).

    Attributes:
        dynamic: Weight 0..10 of the dynamic stream (polyphony, density, ... of every beat); 1 = as trained.
        semantic: Weight 0..10 of the semantic stream (mode, affect, texture of every section) on top of it.
        rescale: 0..1, how far the logits are brought back to the mean and spread that they have without guidance, so
            that high weights neither saturate nor crowd them (after Lin et al. 2024, section 3.4).

    Raises:
        InputError: a number out of its range.
    """

    dynamic: float = 1.0
    semantic: float = 1.0
    rescale: float = 0.7

    def __post_init__(self) -> None:
        check_range("guidance", self.dynamic, 0, 10)
        check_range("guidance", self.semantic, 0, 10)
        check_range("guidance rescale", self.rescale, 0, 1)


@dataclass(frozen=True)
class ComposeOptions:
    """How a plan is composed.

    Attributes:
        seed: 0 .. 2^63 - 1; the same seed gives the same music on the same machine.
        steps: 1..1000 evaluations per window by the sampler.
        guidance: Weights of the plan's streams.
        bar_correlation: 0..1, of the random numbers that the cells of all bars are drawn with; see
            `sampling.draw_cells`.
        section_coupling: 0..1, how far sections with one label are pulled together while they emerge, besides sharing
            their noise; see `sections.couple_sections`.
        mode_guidance: 0..4 nats by which music that strays from the plan's mode is pulled back, at most; see
            `guidance.guide_to_mode`.
        batch_size: Windows per batch of the network, which bounds memory; None: what suits the device.
        dtype: Precision to compute in; None: bfloat16 where the hardware is fast at it, else float32.

    Raises:
        InputError: a number out of its range.
    """

    seed: int = 0
    steps: int = 64
    guidance: Guidance = field(default_factory=Guidance)
    bar_correlation: float = 0.8
    section_coupling: float = 0.3
    mode_guidance: float = 0.5
    batch_size: int | None = None
    dtype: "torch.dtype | None" = None

    def __post_init__(self) -> None:
        for name in ("seed", "steps", "batch_size"):
            if (number := getattr(self, name)) is not None:
                object.__setattr__(self, name, whole(name, number))
        check_range("seed", self.seed, 0, 2**63 - 1)
        check_range("steps", self.steps, 1, 1000)
        check_range("bar_correlation", self.bar_correlation, 0, 1)
        check_range("section_coupling", self.section_coupling, 0, 1)
        check_range("mode_guidance", self.mode_guidance, 0, 4)
        if self.batch_size is not None:
            check_range("batch_size", self.batch_size, 1, 4096)


def whole(name: str, value: SupportsIndex) -> int:
    """A whole number, of numpy too; InputError for another kind."""
    try:
        return operator.index(value)
    except TypeError as e:
        raise InputError(f"{name} must be a whole number, got {value!r}") from e


def check_range(name: str, value: float, low: float, high: float) -> None:
    """InputError where a number does not lie in low..high; NaN lies nowhere."""
    try:
        inside = low <= value <= high
    except TypeError as e:
        raise InputError(f"{name} must be a number between {low} and {high}, got {value!r}") from e
    if not inside:
        raise InputError(f"{name} must lie between {low} and {high}, got {value}")


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """As for `DiffBGM.score`. Raises InputError for a word that is none of the choices."""

    style: "str | Sequence[str]" = ""
    prompt: str = ""
    semantics: Semantics = "auto"
    seed: int | None = None
    steps: int | None = None
    guidance: "float | tuple[float, float] | Guidance | None" = None
    keep_audio: KeepAudio = "replace"
    fade: float | None = None

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            if setting.choices and getattr(self, name) not in setting.choices:
                raise InputError(f"{name} must be one of {', '.join(setting.choices)}, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Setting:
    """One of the settings as people write it down: its kind, a line of help, the words it may be (if not any)."""

    kind: type[str] | type[int] | type[float]
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None


SETTINGS: Mapping[str, Setting] = {
    "style": Setting(str, "for example calm,piano (see: diffbgm styles)", metavar="TAGS"),
    "prompt": Setting(str, 'free text, for example "a lonely rainy night"', metavar="TEXT"),
    "semantics": Setting(
        str,
        "what reads the pictures: colour and motion, CLIP as well, or CLIP where it is at hand (default)",
        get_args(Semantics),
    ),
    "seed": Setting(int, "the same seed gives the same music"),
    "steps": Setting(int, "of the sampler: more is slower and a little better (default 64)"),
    "guidance": Setting(float, "how strictly the plan is followed (default 1)"),
    "keep_audio": Setting(
        str,
        "the video's own sound: replaced, under the music, or with the music ducked where people speak",
        get_args(KeepAudio),
    ),
    "fade": Setting(float, "seconds of the final fade (default .8)"),
}


def settings_of(holder: object) -> dict[str, Any]:
    """The settings that an object has as attributes of the same names, for `DiffBGM.score(video, **settings)`."""
    return {name: getattr(holder, name) for name in SETTINGS}
