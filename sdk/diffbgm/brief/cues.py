"""Cue sheets: hits, rests, scenes and speech from tables, from an editor's markers and from subtitles.

A cue is a time, maybe an end, and words. Its kind is said in a column, or by its words ("hit big", "rest", "scene: calm
piano"); else a moment is a hit, and a stretch is a scene that its words are the brief of. Subtitles are speech.
"""

import csv
import io
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from diffbgm.brief.model import Hit, Moment, Scene, Span
from diffbgm.brief.reader import read_brief
from diffbgm.errors import OptionError

LARGEST = 16 * 2**20  # bytes of a cue sheet
SIZES = {"small": 0.4, "soft": 0.4, "big": 1.0, "huge": 1.0, "hard": 1.0, "strong": 1.0}
KINDS = {
    **dict.fromkeys(["hit", "accent", "sync", "stinger", "impact"], "hit"),
    **dict.fromkeys(["rest", "silence", "silent", "tacet", "no music"], "rest"),
    **dict.fromkeys(["speech", "dialogue", "dialog", "voice", "talk", "vo"], "speech"),
    **dict.fromkeys(["scene", "cue", "mood"], "scene"),
}
COLUMNS = {
    "start": ("time", "start", "in", "from", "begin", "timecode", "start_time", "tc in"),
    "end": ("end", "out", "to", "until", "end_time", "tc out"),
    "kind": ("kind", "type"),
    "text": ("text", "name", "note", "notes", "comment", "label", "description", "brief", "marker name"),
}
_WORDS = "|".join(sorted(KINDS, key=len, reverse=True))
_SAID = re.compile(rf"\s*({_WORDS})\b\s*[:\-–]?\s*(.*)", re.IGNORECASE | re.DOTALL)
_STAMP = r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)"


@dataclass(frozen=True)
class Cue:
    """A line of a cue sheet, in seconds of the film."""

    start: float
    end: float | None = None
    text: str = ""
    kind: str = ""


def read_cues(path: str) -> dict[str, Any]:
    """The fields of a `Brief` that a cue sheet sets: hits, rests, scenes, talks.

    Args:
        path: A file .csv, .json, .edl, .otio, .fcpxml, .srt or .vtt.

    Raises:
        OptionError: It cannot be read, is damaged, or holds no cue; the message names the file and the line.

    """
    suffix = Path(path).suffix.lower()
    if suffix not in READERS:
        raise OptionError(f"cues {path}: must be one of {', '.join(READERS)}; export the markers as one of them")
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as e:
        raise OptionError(f"cues {path}: cannot be read ({e.strerror or e}); check the path") from e
    try:
        if len(raw) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 2**20} MB")
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        cues = list(READERS[suffix](text))
        if not cues:
            raise ValueError("there is no cue in it")
        return _fields(sorted(cues, key=lambda cue: cue.start))
    except UnicodeDecodeError as e:
        raise OptionError(f"cues {path}: byte {e.start} is no UTF-8; save it as UTF-8") from e
    except RecursionError as e:
        raise OptionError(f"cues {path}: is nested too deeply; export it again") from e
    except (ValueError, ArithmeticError, ElementTree.ParseError) as e:
        raise OptionError(f"cues {path}: {e}; mend that, or export it again") from e


def _fields(cues: list[Cue]) -> dict[str, Any]:
    """Hits, rests, scenes and talks; only those that there are."""
    hits, rests, scenes, talks = list[Hit](), list[Span](), list[Scene](), list[Span]()
    kinds = [_kind(cue) for cue in cues]
    scene_starts = [cue.start for cue, (kind, _) in zip(cues, kinds, strict=True) if kind == "scene"]
    for cue, (kind, words) in zip(cues, kinds, strict=True):
        following = bisect_right(scene_starts, cue.start)
        later = Moment(scene_starts[following]) if following < len(scene_starts) else Moment(0.0, "end")
        span = Span(Moment(cue.start), later if cue.end is None else Moment(cue.end))
        if kind == "hit":
            sizes = [SIZES[word] for word in re.findall(r"\w+", words.lower()) if word in SIZES]
            hits.append(Hit(Moment(cue.start), sizes[0] if sizes else 0.7))
        elif kind == "scene":
            scenes.append(Scene(span, read_brief(words), words))
        elif cue.end is None:
            raise ValueError(f"the cue at {cue.start:g} s is a {kind} without an end")
        else:
            (rests if kind == "rest" else talks).append(span)
    found = {"hits": hits, "rests": rests, "scenes": scenes, "talks": talks}
    return {name: tuple(some) for name, some in found.items() if some}


def _kind(cue: Cue) -> tuple[str, str]:
    """The kind of a cue, and its words without the one that says it."""
    said = KINDS.get(cue.kind.strip().lower())
    if cue.kind.strip() and said is None:
        raise ValueError(f"the cue at {cue.start:g} s has kind {cue.kind!r}; there are hit, rest, scene, speech")
    match = _SAID.match(cue.text)
    if said is None and match is not None:
        return KINDS[match.group(1).lower()], match.group(2)
    long = cue.end is not None and cue.end > cue.start + 0.5
    return said or ("scene" if long and cue.text.strip() else "hit"), cue.text


def _cue(start: Any, end: Any = None, text: Any = "", kind: Any = "") -> Cue:
    """A checked cue of what a cell or a field holds."""
    first = _seconds(start)
    last = None if end is None or not str(end).strip() else _seconds(end)
    if last is not None and last < first:
        raise ValueError(f"a cue ends at {end} before it starts at {start}")
    return Cue(first, last, str(text or ""), str(kind or ""))


def _seconds(value: Any) -> float:
    """Seconds of 12.4, "0:12.4", "00:00:12,400" or "12.4 s"."""
    match = re.fullmatch(_STAMP, str(value).strip())
    if match:
        hours, minutes, seconds = match.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
    number = re.fullmatch(r"\d{1,7}(?:\.\d+)?(?:e-?\d{1,2})?", str(value).strip().removesuffix("s").strip())
    if number is None:
        raise ValueError(f"{str(value)[:40]!r} is no time such as 12.4 or 0:12.4")
    return float(number.group(0))


def _csv(text: str) -> Iterator[Cue]:
    try:
        dialect = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(io.StringIO(text), dialect, strict=True) if any(cell.strip() for cell in row)]
    except csv.Error as e:
        raise ValueError(f"it is no table ({e})") from e
    if not rows:
        return
    yield from _records([dict(zip((c.strip().lower() for c in rows[0]), row, strict=False)) for row in rows[1:]], 2)


def _json(text: str) -> Iterator[Cue]:
    try:
        plain: Any = json.loads(text)
    except ValueError as e:
        raise ValueError(f"it is no JSON ({e})") from e
    found = cast("dict[str, Any]", plain).get("cues") if isinstance(plain, dict) else plain
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in cast("list[Any]", found)):
        raise ValueError('it must be a list of objects such as {"time": 12.4, "text": "hit"}')
    yield from _records(cast("list[dict[str, Any]]", found), 1)


def _records(rows: list[dict[str, Any]], first: int) -> Iterator[Cue]:
    for number, row in enumerate(rows, first):
        given = {
            field: next((row[name] for name in names if row.get(name) not in (None, "")), None)
            for field, names in COLUMNS.items()
        }
        if given["start"] is None:
            raise ValueError(f"row {number} has no time; its column is one of {', '.join(COLUMNS['start'])}")
        try:
            yield _cue(**given)
        except ValueError as e:
            raise ValueError(f"row {number}: {e}") from e


def _subtitles(text: str) -> Iterator[Cue]:
    """SubRip and WebVTT: every stretch with words is speech."""
    stamp = r"(?:\d{1,3}:)?\d{1,3}:\d{1,2}[.,]\d{1,3}"
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if "-->" not in line:
            continue
        match = re.match(rf"\s*({stamp})\s*-->\s*({stamp})", line)
        if match is None:
            raise ValueError(f"line {number + 1} has no times such as 00:00:01,000 --> 00:00:04,000")
        said: list[str] = []
        for words in lines[number + 1 :]:
            if not words.strip() or "-->" in words:
                break
            said.append(re.sub(r"<[^>]*>", "", words))
        if not re.fullmatch(r"[\s\d♪♫\[\]()]*", " ".join(said)):
            yield _cue(match.group(1), match.group(2), " ".join(said), "speech")


def _edl(text: str) -> Iterator[Cue]:
    """Markers of a CMX 3600 list: "* LOC: 01:00:12:00 RED hit", or "|M:hit |D:1" below an event."""
    stamps = re.findall(r"(?<![\d:])(\d\d):(\d\d):(\d\d)[:;](\d\d)(?!\d)", text)
    if not stamps:
        raise ValueError("there is no time code such as 01:00:12:00 in it")
    drop = bool(re.search(r"FCM:\s*DROP", text))
    most = max(int(frames) for *_, frames in stamps)
    rate = 30000 / 1001 if drop else 60 if most >= 30 else 30 if most >= 25 else 25 if most == 24 else 24
    zero: list[float] = []

    def seconds(code: str) -> float:
        hours, minutes, secs, frames = map(int, re.split("[:;]", code))
        if drop:
            total = 60 * hours + minutes
            return ((total * 60 + secs) * 30 + frames - 2 * (total - total // 10)) / rate
        return 3600 * hours + 60 * minutes + secs + frames / rate

    code = r"(\d\d:\d\d:\d\d[:;]\d\d)"
    last: float | None = None
    for line in text.splitlines():
        event = re.match(rf"\s*\d+\s+\S+\s+\S+.*?{code}\s+{code}\s+{code}\s+{code}", line)
        place = re.match(rf"\s*\*\s*LOC:\s*{code}\s*(\w*)\s*(.*)", line)
        if event:
            last = seconds(event.group(3))
            zero = zero or [3600.0 * int(event.group(3)[:2])]
        elif place:
            zero = zero or [3600.0 * int(place.group(1)[:2])]
            yield Cue(max(0.0, seconds(place.group(1)) - zero[0]), None, place.group(3))
        elif (marker := re.search(r"\|M:([^|]*)(?:\|D:(\d+))?", line)) and last is not None:
            length = int(marker.group(2) or 1)
            start = max(0.0, last - zero[0])
            yield Cue(start, start + length / rate if length > 1 else None, marker.group(1).strip())


def _fcpxml(text: str) -> Iterator[Cue]:
    """Markers of Final Cut Pro XML, whose times are fractions such as 3600/24s, inside clips inside the sequence."""
    if "<!ENTITY" in text:
        raise ValueError("it declares entities, which no editor writes")
    root = ElementTree.fromstring(text)

    def time(element: ElementTree.Element, name: str) -> Fraction:
        value = element.get(name, "0s").removesuffix("s")
        if not re.fullmatch(r"-?\d{1,12}(?:/[1-9]\d{0,9}|\.\d{1,9})?", value):
            raise ValueError(f"<{element.tag}> has {name} {value!r}, which is no time such as 3600/24s")
        return Fraction(value)

    def walk(element: ElementTree.Element, shift: Fraction) -> Iterator[Cue]:
        for child in element:
            inside = shift
            if child.get("offset") is not None:
                inside = shift + time(child, "offset") - time(child, "start")
            if child.tag in ("marker", "chapter-marker"):
                start = max(Fraction(0), shift + time(child, "start"))
                end = start + time(child, "duration")
                words = " ".join(filter(None, [child.get("value"), child.get("note")]))
                yield Cue(float(start), float(end) if end - start > Fraction(1, 2) else None, words)
            else:
                yield from walk(child, inside)

    for sequence in root.iter("sequence"):
        spine = sequence.find("spine")
        yield from walk(sequence if spine is None else spine, -time(sequence, "tcStart"))


def _otio(text: str) -> Iterator[Cue]:
    """Markers of an OpenTimelineIO timeline, wherever they hang, read with the library."""
    if find_spec("opentimelineio") is None:
        raise ValueError("reading it needs opentimelineio (pip install 'diffbgm[editors]')")
    import opentimelineio as otio  # pyright: ignore[reportMissingTypeStubs]

    tools = cast("Any", otio)
    try:
        timeline = tools.adapters.read_from_string(text, "otio_json")
        holders = [timeline.tracks, *timeline.tracks, *timeline.find_children()]
        marks: dict[int, Cue] = {}
        for holder in holders:
            for marker in holder.markers:
                span = holder.transformed_time_range(marker.marked_range, timeline.tracks)
                start, length = span.start_time.to_seconds(), span.duration.to_seconds()
                words = " ".join(filter(None, [marker.name, getattr(marker, "comment", "")]))
                marks[id(marker)] = Cue(max(0.0, start), start + length if length > 0.5 else None, words)
    except Exception as e:  # the library raises its own kinds, and TypeErrors of its bindings
        raise ValueError(f"it is no timeline ({str(e).splitlines()[0] if str(e) else type(e).__name__})") from e
    yield from marks.values()


READERS: Mapping[str, Callable[[str], Iterator[Cue]]] = {
    ".csv": _csv,
    ".json": _json,
    ".edl": _edl,
    ".otio": _otio,
    ".fcpxml": _fcpxml,
    ".srt": _subtitles,
    ".vtt": _subtitles,
}
