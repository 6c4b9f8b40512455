"""What may be asked of the music of a video, in one table: for `DiffBGM.score`, manifests and the command line.

`Settings` is one video's; `SETTINGS` says of each what it holds and what to tell people about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from diffbgm.errors import InputError

if TYPE_CHECKING:
    from diffbgm.sampling import Guidance

KeepAudio = Literal["replace", "mix", "duck"]
Semantics = Literal["auto", "colour", "clip"]


@dataclass(frozen=True, kw_only=True)
class Settings:
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
