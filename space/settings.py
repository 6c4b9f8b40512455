"""What a visitor can turn: one frozen value, to and from a link, and the `ScoreOptions` that it asks the SDK for.

Options of the SDK that no knob here stands for are "expert" ones: they get a widget and a place in the link by their
declaration in `diffbgm.options.SETTINGS`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from diffbgm import STYLES
from diffbgm.errors import InputError, StyleError
from diffbgm.options import SETTINGS, ComposeOptions, Guidance, KeepAudio, ScoreOptions, parse_option
from diffbgm.planner import combine_styles
from diffbgm.planner.shape import FOLLOW, SHAPES
from diffbgm.planner.styles import GROUPS

ANY = "auto"
RANGES: Mapping[str, tuple[float, float]] = {  # on this page; the SDK allows more
    "rhythm": (0.0, 4.0), "mood": (0.0, 4.0), "level": (-1.0, 1.0), "steps": (4, 96), "fade": (0.0, 8.0),
}  # fmt: skip
# Options that another knob stands for, or that have no place on the page.
COVERED = (
    "style", "prompt", "ensemble", "mood", "seed", "steps", "guidance", "takes", "keep_audio", "fade", "semantics"
)  # fmt: skip
# Those that name a file would name one of the server's: no visitor may have them read.
FILES = tuple(name for name, setting in SETTINGS.items() if setting.metavar == "FILE")
EXPERT: tuple[str, ...] = tuple(name for name in SETTINGS if name not in (*COVERED, *FILES))
LISTED = ("instruments", "without")  # their widgets hold lists, the options text
KEEP: tuple[str, ...] = SETTINGS["keep_audio"].choices
MOST_SEED = 2**31 - 1
NEW_SEEDS = 1_000_000  # new ones are drawn below: easy to read out and to type
LONGEST_TEXT = 300  # characters of free text


@dataclass(frozen=True)
class PageSettings:
    """Every knob with its default; the names are those in a link.

    Attributes:
        moods: Style tags of `diffbgm.STYLES` about mood; `motion`, `palette`, `tempo` hold one each ("auto": none).
        text: Free text, the `prompt` of the SDK.
        rhythm: Guidance of the dynamic stream, `mood` that of the semantic stream.
        level: Energy, -1 (less) to 1 (more); `shape` says how it runs over the piece.
        seed: None draws a new one for every take.
        steps: Of the sampler.
        keep: What becomes of the video's own sound; `fade`: seconds of the final fade.
        expert: Options of the SDK by name, where they differ from their default.
    """

    moods: tuple[str, ...] = ()
    motion: str = ANY
    palette: str = ANY
    tempo: str = ANY
    text: str = ""
    rhythm: float = Guidance().dynamic
    mood: float = Guidance().semantic
    level: float = 0.0
    shape: str = FOLLOW
    seed: int | None = None
    steps: int = ComposeOptions().steps
    keep: KeepAudio = "replace"
    fade: float = 0.8
    expert: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Emptied widgets take their default; raises InputError for what is out of range."""
        put = object.__setattr__
        put(self, "moods", tuple(self.moods or ()))
        put(self, "text", (self.text or "").strip())
        for name in ("motion", "palette", "tempo"):
            put(self, name, getattr(self, name) or ANY)
            if getattr(self, name) not in (ANY, *tags_of(name)):
                raise InputError(f"{name} must be {ANY} or one of {', '.join(tags_of(name))}")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} must lie between {low:g} and {high:g}, got {value:g}")
        if len(self.text) > LONGEST_TEXT:
            raise InputError(f"the text has {len(self.text)} characters; use at most {LONGEST_TEXT}")
        put(self, "steps", whole("steps", self.steps))
        if self.seed is not None:
            put(self, "seed", whole("seed", self.seed))
            if not 0 <= self.seed <= MOST_SEED:
                raise InputError(f"seed must lie between 0 and {MOST_SEED}, got {self.seed}")
        if self.shape not in SHAPES:
            raise InputError(f"shape must be one of {', '.join(SHAPES)}, got {self.shape!r}")
        put(self, "expert", tuple(changed_expert(dict(self.expert)).items()))
        if self.keep not in KEEP:
            raise InputError(f"keep_audio must be {', '.join(KEEP[:-1])} or {KEEP[-1]}, got {self.keep!r}")

    @property
    def tags(self) -> tuple[str, ...]:
        """The style tags in the order of the page."""
        return (*self.moods, *(tag for tag in (self.motion, self.palette, self.tempo) if tag != ANY))

    @property
    def values(self) -> list[Any]:
        """A value for every widget: in the order of the fields, then of `EXPERT`."""
        expert = dict(self.expert)
        knobs = [list(self.moods) if name == "moods" else getattr(self, name) for name in KNOBS]
        return [*knobs, *(_for_widget(name, expert.get(name, SETTINGS[name].default)) for name in EXPERT)]

    def options(self, seed: int) -> ScoreOptions:
        """What the SDK is asked for, with this seed."""
        return ScoreOptions(
            style=",".join(self.tags),
            prompt=self.text,
            seed=seed,
            steps=self.steps,
            guidance=(self.rhythm, self.mood),
            keep_audio=self.keep,
            fade=self.fade,
            **dict(self.expert),
        )


LINKED = tuple(f.name for f in fields(PageSettings) if f.name != "expert")
KNOBS = tuple(name for name in LINKED if name != "keep")  # those with a widget; the player holds the other one


def changed_expert(given: Mapping[str, Any]) -> dict[str, Any]:
    """The expert options that differ from their default, checked; an emptied widget is at its default."""
    texts = {name: ",".join(map(str, v)) if isinstance(v, list) else v for name, v in given.items()}  # pyright: ignore
    checked = {name: SETTINGS[name].check(name, value if value != "" else None) for name, value in texts.items()}
    for name, value in checked.items():
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise InputError(f"{name} has {len(value)} characters; use at most {LONGEST_TEXT}")
    return {name: checked[name] for name in EXPERT if name in checked and checked[name] != SETTINGS[name].default}


def _for_widget(name: str, value: Any) -> Any:
    """The value of an expert option as its widget holds it."""
    return [part.strip() for part in value.split(",") if part.strip()] if name in LISTED else value


def whole(name: str, value: float) -> int:
    """A whole number; InputError for a fraction, infinity and NaN."""
    if not math.isfinite(value) or value != int(value):
        raise InputError(f"{name} must be a whole number, got {value:g}")
    return int(value)


def from_values(values: Sequence[Any]) -> PageSettings:
    """PageSettings from the widgets, in the order of `PageSettings.values`; an emptied one is at its default."""
    named = dict(zip((*KNOBS, *EXPERT), values, strict=True))
    given = {name: named[name] for name in KNOBS if named[name] is not None}
    return PageSettings(**given, expert=tuple((name, named[name]) for name in EXPERT if named[name] is not None))


def to_query(settings: PageSettings) -> str:
    """The settings that differ from the defaults as "moods=calm,sad&steps=48"; empty when none does."""
    changed: dict[str, Any] = {}
    for f in fields(settings):
        value = getattr(settings, f.name)
        if f.name in LINKED and value != f.default:
            changed[f.name] = ",".join(settings.moods) if f.name == "moods" else value
    return urlencode({**changed, **dict(settings.expert)})


def from_query(query: Mapping[str, str]) -> PageSettings:
    """PageSettings from a link. A link may be old or mistyped: what cannot be used is passed over."""
    settings = PageSettings()
    for name, text in query.items():
        settings = _with_text(settings, name, text)
    return settings


def _with_text(settings: PageSettings, name: str, text: str) -> PageSettings:
    """The settings with one of them as a link has it; the same where that cannot be used."""
    try:
        if name in LINKED:
            return replace(settings, **{name: _parsed(name, text)})
        if name in EXPERT:
            return replace(settings, expert=(*settings.expert, (name, parse_option(name, text))))
    except (ValueError, InputError):
        pass
    return settings


def _parsed(name: str, text: str) -> Any:
    if name == "moods":
        return tuple(tag for tag in text.split(",") if tag in tags_of("mood"))
    if name in ("motion", "palette", "tempo"):
        return text if text in tags_of(name) else ANY
    if name in ("seed", "steps"):
        return int(text)
    return float(text) if name in RANGES else text


def tags_of(group: str) -> list[str]:
    """The style tags about mood, motion, palette or tempo."""
    return [name for name, style in STYLES.items() if style.group == group]


def from_tags(tags: str | Sequence[str], **others: Any) -> PageSettings:
    """PageSettings from style tags as the command line takes them; StyleError for unknown or clashing ones."""
    names = combine_styles(tags).name.split(", ") if tags else []
    by_group = {group: [n for n in names if n and STYLES[n].group == group] for group in GROUPS}
    motions = by_group["motion"]
    if len(motions) > 1:
        raise StyleError(f"style tags {motions[0]!r} and {motions[1]!r} are both about motion: choose one of them")
    single = {group: by_group[group][0] for group in ("motion", "palette", "tempo") if by_group[group]}
    return PageSettings(moods=tuple(by_group["mood"]), **single, **others)
