"""What may be asked of the music of a video, in one table: for `DiffBGM.score`, manifests and the command line.

`ScoreOptions` is one video's; `SETTINGS` says of each what it holds and what to tell people about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from diffbgm.errors import InputError, PlanError

if TYPE_CHECKING:
    import torch

Method = Literal["ancestral", "ddim", "dpm"]
KeepAudio = Literal["replace", "mix", "duck"]
Semantics = Literal["auto", "colour", "clip"]


@dataclass(frozen=True)
class Guidance:
    """How much more than usual the plan is followed (classifier-free guidance, Ho & Salimans 2022); 1 = as trained.

    `rhythm` weighs the dynamic stream, `mood` the semantic one on top of it. `rescale` 0..1: how far the logits are
    brought back to the mean and spread that they have without guidance, so that high weights neither saturate nor crowd
    them (after Lin et al. 2024, section 3.4).
    """

    rhythm: float = 1.0
    mood: float = 1.0
    rescale: float = 0.7


class Manner(TypedDict):
    """How to sample, as `sample` and `sampling` take it."""

    method: Method
    eta: float
    temperature: float
    rhyme: float


@dataclass(frozen=True)
class ComposeOptions:
    """steps and method of the sampler (see `sampling.sample`), guidance, seed.

    `chunk` windows go through the network at once, which bounds memory (None: what suits the device), computing in
    `dtype` (None: bfloat16 where the hardware is fast at it, else float32).
    `temperature`: above 1 more notes, and less likely ones, are tried while little is settled; see `sampling.sample`.
    `rhyme` 0..1: how far bars share the luck of the draw, see `sampling.draw`.
    `tie` 0..1: how far sections with one label are pulled together while they emerge, besides sharing their noise.
    `lean`: nats by which music that strays from the plan's mode is pulled back, see `sampling.lean`.
    """

    seed: int = 0
    steps: int = 64
    method: Method = "ancestral"
    guidance: Guidance = field(default_factory=Guidance)
    eta: float = 1.0
    temperature: float = 1.0
    rhyme: float = 0.8
    tie: float = 0.3
    lean: float = 0.5
    chunk: int | None = None
    dtype: "torch.dtype | None" = None

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise PlanError(f"steps must lie between 1 and 1000, got {self.steps}")
        for name in ("rhythm", "mood"):
            if not 0 <= getattr(self.guidance, name) <= 10:
                raise PlanError(f"guidance must lie between 0 and 10, got {getattr(self.guidance, name)}")
        if not 0.1 <= self.temperature <= 10:
            raise PlanError(f"temperature must lie between 0.1 and 10, got {self.temperature}")
        if not 0 <= self.rhyme <= 1:
            raise PlanError(f"rhyme must lie between 0 and 1, got {self.rhyme}")
        if not 0 <= self.lean <= 4:
            raise PlanError(f"lean must lie between 0 and 4 nats, got {self.lean}")

    def manner(self) -> Manner:
        """What of this the sampler asks for."""
        return {"method": self.method, "eta": self.eta, "temperature": self.temperature, "rhyme": self.rhyme}


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
