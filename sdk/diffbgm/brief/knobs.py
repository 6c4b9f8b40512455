"""The knobs: options that say one thing each, in the same words as a brief, read strictly.

`KNOBS` has a reader for each option. All of them together are a `Brief`, as a text is, with `asked` saying which of its
fields they set; `merge` puts it before what the text says.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any, get_args, get_type_hints

from diffbgm.brief.cues import SIZES, read_cues
from diffbgm.brief.keys import take_key
from diffbgm.brief.lexicon import lexicon, normalise
from diffbgm.brief.model import WHOLE, Brief, Hit, Moment, Reading, Scene, Span
from diffbgm.brief.patterns import Text, read_seconds
from diffbgm.brief.reader import read_brief
from diffbgm.brief.tempi import METRES
from diffbgm.errors import OptionError

ROLES = ("melody", "chords", "bass", "pad", "percussion")  # as `types.Role` has them
SLOWEST, FASTEST = 40.0, 200.0  # beats per minute that may be asked for
GENRE_NAMES = {  # names of types.GENRES that are no rows of genres.tsv
    "piano": "romantic piano", "dance": "folk dance", "chamber": "chamber music", "orchestra": "orchestral",
    "sacred": "sacred music", "game": "game score",
}  # fmt: skip
_NUMBER = r"\d+(?:\.\d+)?"
_TIME = rf"\d{{1,3}}:[0-5]?\d(?:\.\d+)?|{_NUMBER}"

SEVERAL = ("hits", "rests", "scenes", "talks")  # of which several options may name some

Fields = dict[str, Any]  # of a Brief


def read_knobs(given: Mapping[str, Any]) -> Brief:
    """The brief that options are; empty ones say nothing.

    Raises:
        OptionError: A value that is none; the message names the option, the value and what it may be.
    """
    found: Fields = {}
    readings: list[Reading] = []
    for name, reader in KNOBS.items():
        text = str(given.get(name) or "").strip()
        if text:
            said = reader(text)
            readings.append(Reading(text, ", ".join(f"{k} {_show(v)}" for k, v in said.items()), name))
            found |= {k: (*found.get(k, ()), *v) if k in SEVERAL else v for k, v in said.items()}
    return Brief(**found, asked=frozenset(found), readings=tuple(readings))


def merge(first: Brief, then: Brief, called: str = "text") -> Brief:
    """What `first` says, and where it says nothing what `then`, `called` so, says; where they differ, that is named."""
    out: Fields = {}
    conflicts = [*first.conflicts, *then.conflicts]
    for name in (f.name for f in fields(Brief)):
        one, other = getattr(first, name), getattr(then, name)
        if name in ("hits", "rests", "tacets", "talks", "readings", "unread", "tags", "without"):
            out[name] = tuple(dict.fromkeys((*one, *other)))
            continue
        said = one not in (None, (), "", False) or name in first.asked
        out[name] = one if said else other
        if name in first.asked and other not in (None, (), "", False, one):
            conflicts.append(f"the option says {name} {_show(one)}, the {called} {_show(other)}: the option counts")
    out["conflicts"] = ()
    merged = Brief(**out)
    known = lexicon().instruments
    named, other = (first, then) if first.instruments else (then, first)

    def banned(name: str) -> bool:
        """Whether it is ruled out; what a text names although it rules out its family ("cello, no strings") is not."""
        settled = name in named.instruments and "instruments" not in named.asked
        families = other.without if settled else merged.without
        return name in merged.without or known[name].family in families

    conflicts += [f"{name} is ruled out: it does not sound" for name in merged.instruments if banned(name)]
    have = {known[name].family for name in first.instruments}
    keep = {"drums": False} if "drums" in merged.without else {}
    return replace(
        merged,
        instruments=tuple(n for n in merged.instruments if not banned(n)),
        typical=tuple(n for n in merged.typical if not banned(n) and known[n].family not in have),
        lead=None if merged.lead is None or banned(merged.lead) else merged.lead,
        conflicts=tuple(dict.fromkeys(conflicts)),
        **keep,
    )


def read_asked(given: Mapping[str, Any]) -> Brief:
    """What options ask for: the knobs, and behind them the text `prompt`, read as of the option's genre.

    Raises:
        OptionError: A knob has a value that is none.
    """
    knobs = read_knobs(given)
    return merge(knobs, read_brief(str(given.get("prompt") or ""), genre=knobs.genre))


def _bpm(text: str) -> Fields:
    match = re.fullmatch(rf"({_NUMBER})(?:\s*(?:-|–|to)\s*({_NUMBER}))?(?:\s*bpm)?", text.lower())
    numbers = sorted(float(n) for n in match.groups() if n) if match else []
    if not numbers or not SLOWEST <= numbers[0] <= numbers[-1] <= FASTEST:
        raise OptionError(
            f"bpm must be a number from {SLOWEST:g} to {FASTEST:g}, or a range such as 90-100, got {text!r}"
        )
    return {"bpm": (numbers[0], numbers[-1])}


def _key(text: str) -> Fields:
    plain = re.sub(r"\b(?:natural|harmonic|melodic) (?=min|mol)", "", text)
    for spelled in (plain[:1].upper() + plain[1:], f"key of {plain}"):
        left = Text(normalise(spelled))
        found = take_key(left, spelled)
        if found is not None and found[0][0] is not None and not left.left.strip(" ,."):
            break
    else:
        raise OptionError(f"key must be one such as 'A minor', 'F#', 'Bb major' or 'Am', got {text!r}")
    tonic, mode = found[0]
    return {"tonic": tonic, "mode": mode or "major"}


def _metre(text: str) -> Fields:
    metre = METRES.get(text.replace(" ", ""))
    if metre is None:
        raise OptionError(f"metre must be one of 4/4, 3/4, 6/8, 2/4, got {text!r}")
    return {"metre": metre}


def _genre(text: str) -> Fields:
    known = lexicon()
    phrase = " ".join(normalise(text).split())
    name = GENRE_NAMES.get(phrase) or next((m.value for m in known.find(phrase) if m.kind == "genre"), None)
    if name is None:
        raise OptionError(f"no genre is called {text!r}: {_near(phrase, [*known.genres, *GENRE_NAMES])}")
    return {"genre": name}


def _names(option: str, text: str) -> list[str]:
    """Instruments by any of their names; `strings` in `without` is a family, so these are kept as they are."""
    known = lexicon()
    families = {row.family for row in known.instruments.values()}
    out: list[str] = []
    for part in filter(None, (" ".join(normalise(p).split()) for p in re.split(r"[,;]", text))):
        if option == "without" and (part in families or part == "melody"):
            out.append(part)
            continue
        meaning = next((m for m in known.find(part) if m.kind in ("instrument", "group")), None)
        if meaning is None:
            words = [p for p, means in known.phrases.items() if any(m.kind == "instrument" for m in means)]
            raise OptionError(f"{option}: no instrument is called {part!r}: {_near(part, words)}")
        out += meaning.value.split("+") if meaning.kind == "group" else [meaning.value]
    return list(dict.fromkeys(out))


def _instruments(text: str) -> Fields:
    names = _names("instruments", text)
    drummed = any(lexicon().instruments[name].family == "drums" for name in names)
    return {"instruments": tuple(names)} | ({"drums": True} if drummed else {})


def _without(text: str) -> Fields:
    known = lexicon().instruments
    general = {"acoustic piano", "acoustic guitar", "bass guitar", "brass section", "choir", "drums", "organ", "synth"}
    names = tuple(known[name].family if name in general else name for name in _names("without", text))
    return {"without": names} | ({"drums": False} if "drums" in names else {})


def _lead(text: str) -> Fields:
    names = _names("lead", text)
    if len(names) != 1 or lexicon().instruments[names[0]].family == "drums":
        raise OptionError(f"lead must be one instrument with pitches, got {text!r}")
    return {"lead": names[0]}


def _part(text: str) -> Fields:
    parts: dict[str, str] = {}
    for part in _parts(text):
        role, equals, who = (piece.strip() for piece in part.partition("="))
        if not equals or role not in ROLES:
            raise OptionError(
                f"part must be a role and who plays it, such as 'bass=tuba', got {part!r}; roles are {', '.join(ROLES)}"
            )
        names = _names("part", who)
        if len(names) != 1:
            raise OptionError(f"part must name one instrument for {role}, got {who!r}")
        parts[role] = names[0]
    return {"parts": tuple(parts.items())}


def _energy(text: str) -> Fields:
    if re.fullmatch(_NUMBER, text):
        level = _unit("energy", text, text)
        return {"energy": ((Moment(0.0), level), (Moment(0.0, "end"), level))}
    points = [re.fullmatch(rf"({_TIME})\s*:\s*(\d?\.\d+|[01])", part) for part in re.split(r"[\s,;]+", text)]
    pairs = [(read_seconds(m.group(1)), _unit("energy", m.group(2), text)) for m in points if m]
    if len(pairs) < len(points) or not pairs:
        raise OptionError(f"energy must be a number from 0 to 1, or a curve such as '0:.2 10:.8 20:1', got {text!r}")
    if len(pairs) == 1 or [t for t, _ in pairs] != sorted({t for t, _ in pairs}):
        raise OptionError(f"energy: the times of a curve must rise, and there must be two at least, got {text!r}")
    return {"energy": tuple((Moment(time), level) for time, level in pairs)}


def _mood(text: str) -> Fields:
    match = re.fullmatch(r"([+-]?\d*\.?\d+)\s*[,; ]\s*([+-]?\d*\.?\d+)", text)
    if match is None or not all(-1 <= float(n) <= 1 for n in match.groups()):
        raise OptionError(f"mood must be 'valence,arousal', each from -1 to 1, such as '-0.5,0.2', got {text!r}")
    return {"valence": float(match.group(1)), "arousal": float(match.group(2))}


def _ending(text: str) -> Fields:
    words = get_args(get_args(get_type_hints(Brief)["ending"])[0])
    if text not in words:
        raise OptionError(f"ending must be one of {', '.join(words)}, got {text!r}")
    return {"ending": text}


def _hit(text: str) -> Fields:
    hits: list[Hit] = []
    for part in _parts(text):
        match = re.fullmatch(rf"({_TIME})\s*s?(?:\s+(\w+|\d?\.\d+))?", part)
        size = match.group(2) if match else None
        if match is None or (size and size not in SIZES and not re.fullmatch(r"0?\.\d+|1|0", size)):
            raise OptionError(
                f"hit must be a time and maybe a size, such as '12.4' or '0:45 big', got {part!r};"
                f" sizes are {', '.join(SIZES)} or a number from 0 to 1"
            )
        weight = 0.7 if not size else SIZES[size] if size in SIZES else float(size)
        hits.append(Hit(Moment(read_seconds(match.group(1))), weight))
    return {"hits": tuple(hits)}


def _cuts(option: str, text: str) -> Fields:
    cuts: list[Moment | Span] = []
    for part in _parts(text):
        if not re.fullmatch(rf"({_TIME})\s*s?|all", part, re.IGNORECASE):
            raise OptionError(f"{option} must be the time of a cut, such as '12.4' or '0:45', or 'all', got {part!r}")
        cuts.append(WHOLE if part.lower() == "all" else Moment(read_seconds(part.rstrip("s ").strip())))
    return {option: tuple(cuts)}


def _rest(text: str) -> Fields:
    rests: list[Span] = []
    for part in _parts(text):
        match = re.fullmatch(rf"({_TIME})\s*s?\s*(?:-|–|to)\s*({_TIME})?\s*s?", part)
        if match is None:
            raise OptionError(f"rest must be a stretch of time such as '8-12' or '0:08-0:12', got {part!r}")
        start = read_seconds(match.group(1))
        end = Moment(read_seconds(match.group(2))) if match.group(2) else Moment(0.0, "end")
        if end.since == "start" and end.value <= start:
            raise OptionError(f"rest must end after it starts, got {part!r}")
        rests.append(Span(Moment(start), end))
    return {"rests": tuple(rests)}


def _scene(text: str) -> Fields:
    """Briefs of stretches of the film, parted by ";" where the next begins with its time."""
    time = rf"(?:{_TIME})"
    scenes: list[Scene] = []
    for part in re.split(rf";\s*(?={time}?\s*(?:-|–|to)\s*{time}?)", text.strip(" ;")):
        match = re.fullmatch(rf"({_TIME})?\s*s?\s*(?:-|–|to)\s*({_TIME})?\s*s?\s*:?\s+(\S.*)", part.strip(), re.DOTALL)
        if match is None:
            raise OptionError(f"scene must be a time and a brief, such as '0:00-0:20 calm piano', got {part!r}")
        start, end = (read_seconds(time) if time else None for time in match.group(1, 2))
        if end is not None and end <= (start or 0.0):
            raise OptionError(f"scene must end after it starts, got {part!r}")
        span = Span(Moment(start or 0.0), Moment(0.0, "end") if end is None else Moment(end))
        scenes.append(Scene(span, read_brief(match.group(3)), match.group(3)))
    for before, after in pairwise(scenes):
        end = before.span.end
        if end.since == "end" or after.span.start.value < end.value:
            raise OptionError(f"scenes must follow each other: {after.text!r} begins inside {before.text!r}")
    return {"scenes": tuple(scenes)}


def _parts(text: str) -> Iterable[str]:
    return filter(None, (part.strip().lower() for part in re.split(r"[;,]", text)))


def _unit(option: str, text: str, whole: str) -> float:
    if not 0 <= float(text) <= 1:
        raise OptionError(f"{option} must lie between 0 and 1, got {whole!r}")
    return float(text)


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names[:12])} and more"


def _show(value: Any) -> str:
    """A field of a brief in a few words."""
    if isinstance(value, Hit):
        return f"{_show(value.at)} ({value.size:g})"
    if isinstance(value, Scene):
        return f"{value.text!r} from {_show(value.span)}"
    if isinstance(value, Span):
        return f"{_show(value.start)} to {_show(value.end)}"
    if isinstance(value, Moment):
        return f"{value.value:g} s" + ("" if value.since == "start" else " before the end")
    if isinstance(value, tuple):
        return ", ".join(_show(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return f"{value:g}" if isinstance(value, float) else str(value)


KNOBS: Mapping[str, Callable[[str], Fields]] = {  # a later one wins where two set the same field
    "genre": _genre,
    "bpm": _bpm,
    "key": _key,
    "metre": _metre,
    "chords": lambda text: {"chords": text},
    "instruments": _instruments,
    "without": _without,
    "lead": _lead,
    "part": _part,
    "energy": _energy,
    "mood": _mood,
    "ending": _ending,
    "hit": _hit,
    "rest": _rest,
    "must": lambda text: _cuts("must", text),
    "ignore": lambda text: _cuts("ignore", text),
    "scene": _scene,
    "cues": read_cues,
}
