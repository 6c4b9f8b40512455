"""Every option of scoring, declared once: name, type, range, default and help, without torch.

`ScoreOptions` is the declaration. `DiffBGM.score`, the command line, manifests, receipts and the table in the README
are made from it; `SETTINGS` gives it by name. `ComposeOptions` is what of it reaches the composer.
"""

import difflib
import json
import operator
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypedDict, cast, get_args

from diffbgm.brief import KNOBS
from diffbgm.errors import OptionError
from diffbgm.platforms import target_of
from diffbgm.setting import MOST_SEED, Setting, declare, need, real, show
from diffbgm.typed import typed

if TYPE_CHECKING:
    import torch

KeepAudio = Literal["replace", "mix", "duck"]
Semantics = Literal["auto", "colour", "clip"]

FEW_TAKES = 5  # composed where nobody says how many, for a
SHORT_FILM = 120.0  # seconds at most


@dataclass(frozen=True)
@typed(OptionError)
class Guidance:
    """How much more than as trained the plan's streams are followed (classifier-free guidance, Ho & Salimans 2022).

    Attributes:
        dynamic: Weight 0..10 of the dynamic stream (polyphony, density, ... of every beat); 1 = as trained.
        semantic: Weight 0..10 of the semantic stream (mode, affect, texture of every section) on top of it.
        rescale: 0..1, how far the logits are brought back to the mean and spread that they have without guidance, so
            that high weights neither saturate nor crowd them (after Lin et al. 2024, section 3.4).
        genre: Weight 0..10 of a genre other than pop, where the plan asks for one; `diffbgm evaluate genres` says how
            often it is named from the notes. The third of the steps where the noise is high takes two evaluations then.

    Raises:
        InputError: a number out of its range.
    """

    dynamic: float = 1.0
    semantic: float = 1.0
    rescale: float = 0.7
    genre: float = 2.0

    def __post_init__(self) -> None:
        check_range("guidance", self.dynamic, 0, 10)
        check_range("guidance", self.semantic, 0, 10)
        check_range("guidance rescale", self.rescale, 0, 1)
        check_range("guidance genre", self.genre, 0, 10)


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
        curve_guidance: 0..2, how far bars that stray from the plan's curves are pulled back; see
            `curves.guide_to_curves`. With 1 the density asked and played agree by an r of 0.938 instead of 0.906, the
            polyphony by 0.878 instead of 0.780 (200 windows, seed 0, `diffbgm evaluate model`).
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
    curve_guidance: float = 0.0
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
        check_range("curve_guidance", self.curve_guidance, 0, 2)
        if self.batch_size is not None:
            check_range("batch_size", self.batch_size, 1, 4096)


def whole(name: str, value: SupportsIndex) -> int:
    """A whole number, of numpy too; OptionError for another kind."""
    try:
        return operator.index(value)
    except TypeError as e:
        raise OptionError(f"{name} must be a whole number, got {show(value)}") from e


def check_range(name: str, value: float, low: float, high: float) -> None:
    """OptionError where a number does not lie in low..high; NaN lies nowhere."""
    try:
        inside = bool(low <= value <= high)
    except (TypeError, ValueError, RuntimeError) as e:  # of an array, of a tensor
        raise OptionError(f"{name} must be a number from {low} to {high}, got {show(value)}") from e
    if not inside:
        raise OptionError(f"{name} must be a number from {low} to {high}, got {show(value)}")


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """Everything that may be asked of the music of a video; `README.md` has the table of it.

    Values are checked and made plain when the options are made: numpy's numbers become Python's, tags become one text
    ("calm,piano"), a pair for guidance becomes a `Guidance`, and None becomes the default.

    Raises:
        OptionError: A value that its option cannot have.
    """

    style: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "style tags, for example calm,piano (see: diffbgm styles)", metavar="TAGS",
            unset="the pictures decide",
        ),
    )  # fmt: skip
    prompt: str | None = field(
        default="",
        metadata=declare(
            str, "plan", 'free text that is turned into tags, for example "a lonely rainy night"', metavar="TEXT",
            unset="none",
        ),
    )  # fmt: skip
    bpm: str | float | None = field(
        default="",
        metadata=declare(
            str, "plan", "tempo in beats per minute, from 40 to 200, or a range such as 90-100", metavar="BPM",
            unset="as the text, the style or the pictures have it",
        ),
    )  # fmt: skip
    key: str | None = field(
        default="", metadata=declare(str, "plan", "the key: A minor, F#, Bb major, Am", metavar="KEY", unset="chosen")
    )
    metre: str | None = field(
        default="", metadata=declare(str, "plan", "4/4, 3/4, 6/8 or 2/4", metavar="METRE", unset="4/4, or the genre's")
    )
    genre: str | None = field(
        default="",
        metadata=declare(
            str, "plan", "the kind of music, for example samba, film noir, lo-fi", metavar="GENRE", unset="none",
        ),
    )  # fmt: skip
    chords: str | None = field(
        default="",
        metadata=declare(str, "plan", "the harmony, for example Am F C G", metavar="CHORDS", unset="composed"),
    )
    instruments: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "who has to play, for example cello,harp", metavar="NAMES", unset="the style's band"
        ),
    )
    without: str | Sequence[str] | None = field(
        default="",
        metadata=declare(str, "plan", "who must not: names, strings, drums, melody", metavar="NAMES", unset="nobody"),
    )
    lead: str | None = field(
        default="", metadata=declare(str, "plan", "who plays the melody", metavar="NAME", unset="the band's leader")
    )
    part: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "who plays a role (melody, chords, bass, pad, percussion): bass=tuba; several times",
            metavar="ROLE=NAME", unset="as the band has it", many=True,
        ),
    )  # fmt: skip
    energy: str | float | None = field(
        default="",
        metadata=declare(
            str, "plan", "how much happens, 0 to 1, or over time: '0:.2 10:.8 20:1'", metavar="LEVEL|CURVE",
            unset="as in the pictures",
        ),
    )  # fmt: skip
    mood: str | Sequence[float] | None = field(
        default="",
        metadata=declare(
            str, "plan", "valence,arousal, each from -1 to 1, for example -0.5,0.2", metavar="V,A",
            unset="as in the pictures",
        ),
    )  # fmt: skip
    hit: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a moment at which the music strikes: 12.4 or '0:45 big'; several times", metavar="TIME",
            unset="none", many=True,
        ),
    )  # fmt: skip
    rest: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "seconds in which no note begins: 8-12; several times", metavar="FROM-TO", unset="none",
            many=True,
        ),
    )  # fmt: skip
    must: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a cut that has to lie on a beat, by its time: 12.4, or all; several times", metavar="TIME",
            unset="as many cuts as can be had", many=True,
        ),
    )  # fmt: skip
    ignore: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a cut that the music takes no notice of, by its time: 12.4, or all; several times",
            metavar="TIME",
            unset="none", many=True,
        ),
    )  # fmt: skip
    scene: str | Sequence[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a brief for a stretch of the film: '0:00-0:20 calm piano'; several times",
            metavar="FROM-TO TEXT", unset="one brief for all", many=True,
        ),
    )  # fmt: skip
    cues: str | os.PathLike[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a cue sheet (.csv, .json), markers (.edl, .otio, .fcpxml) or subtitles (.srt, .vtt)",
            metavar="FILE", unset="none",
        ),
    )  # fmt: skip
    like: str | os.PathLike[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a temp track, whose tempo, metre, key, energy, density and brightness are measured",
            metavar="FILE", unset="none",
        ),
    )  # fmt: skip
    melody: str | os.PathLike[str] | None = field(
        default="",
        metadata=declare(
            str, "plan", "a tune to compose under: .mid, .musicxml; its key, metre and tempo count unless asked for",
            metavar="FILE", unset="composed",
        ),
    )  # fmt: skip
    ending: str | None = field(
        default="",
        metadata=declare(str, "plan", "fade, final (a chord that rings) or cut", metavar="KIND", unset="final"),
    )
    ensemble: str | None = field(
        default="",
        metadata=declare(
            str, "plan", "who plays: an ensemble by name (see: diffbgm styles) or a file of your own, NAME.toml",
            metavar="NAME", unset="the style decides",
        ),
    )  # fmt: skip
    semantics: Semantics | None = field(
        default="auto",
        metadata=declare(
            str, "look", "what reads the pictures: colour and motion, CLIP as well, or CLIP where it is at hand",
            choices=get_args(Semantics),
        ),
    )  # fmt: skip
    seed: int | None = field(
        default=None,
        metadata=declare(
            int, "compose", "the same seed gives the same music", low=0, high=MOST_SEED, metavar="N",
            unset="a new one is drawn",
        ),
    )  # fmt: skip
    steps: int | None = field(
        default=64,
        metadata=declare(
            int, "compose", "steps of the sampler: more is slower and a little better", low=1, high=1000, metavar="N",
        ),
    )  # fmt: skip
    takes: int | None = field(
        default=None,
        metadata=declare(
            int, "choose", "takes to compose, of which the critic's choice is played", low=1, high=16, metavar="N",
            unset=f"1 with a seed or for a film of over two minutes, else {FEW_TAKES}",
        ),
    )  # fmt: skip
    guidance: float | Sequence[float] | Guidance | None = field(
        default=1.0,
        metadata=declare(
            float, "compose", "how strictly the plan is followed; or a pair: dynamic, semantic", low=0, high=10,
            metavar="G",
        ),
    )  # fmt: skip
    bar_correlation: float | None = field(
        default=0.8,
        metadata=declare(
            float, "compose", "how far the bars of a piece share their noise", low=0, high=1, metavar="R",
        ),
    )  # fmt: skip
    section_coupling: float | None = field(
        default=0.3,
        metadata=declare(
            float, "compose", "how far sections with one label are pulled together", low=0, high=1, metavar="C",
        ),
    )  # fmt: skip
    mode_guidance: float | None = field(
        default=0.5,
        metadata=declare(
            float, "compose", "nats by which notes outside the plan's mode are held back", low=0, high=4, metavar="P",
        ),
    )  # fmt: skip
    curve_guidance: float | None = field(
        default=0.0,
        metadata=declare(
            float, "compose", "how far bars are held to as many notes as the plan asks of them", low=0, high=2,
            metavar="D",
        ),
    )  # fmt: skip
    keep_audio: KeepAudio | None = field(
        default="replace",
        metadata=declare(
            str, "sound",
            "the video's own sound: replaced, under the music, or with the music ducked where people speak",
            choices=get_args(KeepAudio),
        ),
    )  # fmt: skip
    loudness: str | float | None = field(
        default="-16",
        metadata=declare(str, "sound", "loudness in LUFS, or the name of a preset", metavar="LUFS|PRESET"),
    )
    fade: float | None = field(
        default=None,
        metadata=declare(
            float, "sound", "seconds of the final fade", low=0, high=600, metavar="S",
            unset="0.8, at most a fifth of the piece",
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            read = _READERS.get(name, setting.check)
            object.__setattr__(self, name, read(name, getattr(self, name)))

    def takes_for(self, seconds: float) -> int:
        """How many takes are composed for a film: as many as were asked for, else a few where that is soon done.

        A seed names one take, and asks for it.

        Args:
            seconds: Length of the film.
        """
        return self.takes or (FEW_TAKES if self.seed is None and seconds <= SHORT_FILM else 1)

    def to_plain(self) -> dict[str, Any]:
        """The options as JSON values, as a receipt holds them."""
        return {name: asdict(v) if is_dataclass(v) else v for name, v in settings_of(self).items()}  # pyright: ignore

    @classmethod
    def from_receipt(cls, receipt: "Mapping[str, Any] | str | os.PathLike[str]") -> "ScoreOptions":
        """The options of the take that a receipt (or the file of one) belongs to, its seed included.

        The same video, weights, device and version with these options give the same notes. Where the receipt's
        `given` names a plan, a roll or features, those have to be handed in again as well; a RuntimeWarning says so.

        Raises:
            OptionError: This is no receipt of version 0.5 or later.
        """
        need("receipt", receipt, (Mapping, str, os.PathLike))
        where = "this receipt" if isinstance(receipt, Mapping) else os.fspath(receipt)
        if not isinstance(receipt, Mapping):
            try:
                receipt = json.loads(Path(receipt).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError) as e:
                reason = getattr(e, "strerror", None) or "it is no JSON"
                raise OptionError(f"{where}: cannot be read as a receipt ({reason}); check the path") from e
        options = receipt.get("options") if isinstance(receipt, Mapping) else None
        if not isinstance(options, Mapping):
            raise OptionError(f"{where}: holds no options; receipts do since version 0.5")
        given = receipt.get("given") if isinstance(receipt, Mapping) else None
        if own := [name for name in ("plan", "roll") if isinstance(given, Sequence) and name in given]:
            what = " and ".join(f"a {name}" for name in own)
            told = f"{where}: its take was made from {what} that was handed in; without it, other music may come out"
            warnings.warn(told, RuntimeWarning, stacklevel=2)
        plain = dict(cast("Mapping[str, Any]", options))
        if isinstance(guidance := plain.get("guidance"), Mapping):
            try:
                plain["guidance"] = Guidance(**cast("Mapping[str, Any]", guidance))
            except TypeError as e:
                raise OptionError(f"{where}: guidance must hold {', '.join(f.name for f in fields(Guidance))}") from e
        return with_changes(cls(), plain)


class Changes(TypedDict, total=False):
    """Options by name, for type checkers: `DiffBGM.score(video, seed=1, steps=32)`."""

    style: str | Sequence[str] | None
    prompt: str | None
    bpm: str | float | None
    key: str | None
    metre: str | None
    genre: str | None
    chords: str | None
    instruments: str | Sequence[str] | None
    without: str | Sequence[str] | None
    lead: str | None
    part: str | Sequence[str] | None
    energy: str | float | None
    mood: str | Sequence[float] | None
    hit: str | Sequence[str] | None
    rest: str | Sequence[str] | None
    must: str | Sequence[str] | None
    ignore: str | Sequence[str] | None
    scene: str | Sequence[str] | None
    cues: str | os.PathLike[str] | None
    like: str | os.PathLike[str] | None
    melody: str | os.PathLike[str] | None
    ending: str | None
    ensemble: str | None
    semantics: Semantics | None
    seed: int | None
    steps: int | None
    takes: int | None
    guidance: float | Sequence[float] | Guidance | None
    bar_correlation: float | None
    section_coupling: float | None
    mode_guidance: float | None
    curve_guidance: float | None
    keep_audio: KeepAudio | None
    loudness: str | float | None
    fade: float | None


SETTINGS: Mapping[str, Setting] = {
    f.name: replace(f.metadata["setting"], default=f.default) for f in fields(ScoreOptions)
}


def settings_of(holder: object) -> dict[str, Any]:
    """The options that an object has as attributes of the same names, for `DiffBGM.score(video, **settings)`."""
    return {name: getattr(holder, name) for name in SETTINGS}


def guidance_of(options: ScoreOptions) -> Guidance:
    """The guidance of both streams."""
    guidance = _read_guidance("guidance", options.guidance)
    return guidance if isinstance(guidance, Guidance) else Guidance(guidance, guidance)


def with_changes(options: ScoreOptions | None, changes: Mapping[str, Any]) -> ScoreOptions:
    """The options (None: the defaults) with some of them changed.

    Raises:
        OptionError: There is no option of that name, a value that its option cannot have, or `options` are none.
    """
    if options is not None and not isinstance(cast("Any", options), ScoreOptions):
        raise OptionError(f"options must be a ScoreOptions, got {show(options)}; or name each one, such as seed=1")
    for name in changes:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SETTINGS)}"
            raise OptionError(f"no option is called {name!r}: {hint}")
    return ScoreOptions(**{**settings_of(options or ScoreOptions()), **changes})


def _read_style(name: str, value: Any) -> str:
    """Tags as one text; which tags there are is the planner's to say."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        tags = list(value)
    except TypeError as e:
        raise OptionError(f"{name} must be tags such as 'calm,piano' or a list of them, got {show(value)}") from e
    for tag in tags:
        if not isinstance(tag, str):
            raise OptionError(f"{name} must be a list of tags such as 'calm', got {show(tag)} in it")
    return ",".join(tags)


def _read_guidance(name: str, value: Any) -> "float | Guidance":
    """A number for both streams, or one for each."""
    setting = SETTINGS[name]
    if isinstance(value, Guidance):
        rescale = real(value.rescale)
        if rescale is None or not 0 <= rescale <= 1:
            raise OptionError(f"{name}: rescale must be a number from 0 to 1, got {show(value.rescale)}")
        dynamic, semantic, genre = (
            float(setting.number(name, weight)) for weight in (value.dynamic, value.semantic, value.genre)
        )
        return Guidance(dynamic, semantic, rescale, genre)
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__len__"):
        return setting.check(name, value)
    parts = list(cast("Sequence[Any]", value))
    if len(parts) != 2:
        raise OptionError(f"{name} must be a number or a pair (dynamic, semantic), got {show(value)}")
    return Guidance(*(float(setting.number(name, weight)) for weight in parts))


def _read_knob(name: str, value: Any) -> str:
    """A knob as one text, which `brief.KNOBS` can read: a number, a word, or a list of either."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = ("; " if SETTINGS[name].many else ",").join(map(str, cast("Sequence[Any]", value)))
    if isinstance(value, os.PathLike):
        value = os.fspath(cast("os.PathLike[str]", value))
    if (number := real(value)) is not None:
        value = f"{number:g}"
    text = str(SETTINGS[name].check(name, value)).strip()
    if text and name in KNOBS:
        KNOBS[name](text)
    return text


def _read_loudness(name: str, value: Any) -> str:
    """A number or a platform, as a text that `target_of` can read."""
    text = _read_knob(name, value)
    if text:
        target_of(text)
    return text


_READERS = {
    "style": _read_style,
    "guidance": _read_guidance,
    **dict.fromkeys([*KNOBS, "like", "melody"], _read_knob),
    "loudness": _read_loudness,
}


def parse_option(name: str, text: str) -> Any:
    """The value of an option that a text stands for, as people type it; `2.5,1` is a pair, for guidance.

    Raises:
        OptionError: The text is no value of this option.
    """
    if name == "guidance" and "," in text:
        number = SETTINGS[name]
        return _read_guidance(name, [number.parse(name, part) for part in text.split(",")])
    if name in KNOBS or name == "loudness":
        return _READERS[name](name, text)
    return SETTINGS[name].parse(name, text)
