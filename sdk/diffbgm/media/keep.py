"""What of a film goes into another container, and what cannot: one rule for every stream, chapter and tag.

Whatever the container takes goes there unchanged, text subtitles at least as text, a cover as a cover. What it does not
take is named, with the container that would.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from av.stream import Disposition

from diffbgm.media.containers import COPYABLE, MUXERS, codec_name, has_dolby, holds
from diffbgm.media.marks import Marks, marks_of
from diffbgm.media.opening import data_code
from diffbgm.media.source import open_video, picture_stream, pictures_of, sound_streams

Way = Literal["copy", "mov_text", "subrip", "cover", "attachment"]

TEXT = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip"}
TEXTS = {"subrip", "ass", "ssa", "webvtt", "mov_text", "text", "ttml"}  # subtitles that are words
STYLED = {"ass", "ssa"}
PLAIN_NAMES = {"subrip": "SubRip", "hdmv_pgs_subtitle": "PGS", "dvd_subtitle": "DVD", "dvb_subtitle": "DVB"}
# Tags that describe the old file, not the film.
OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id", "handler_name",
               "bps", "number_of_frames", "number_of_bytes"}  # fmt: skip
# Tags with a box of their own in MP4 and QuickTime.
MP4_KEYS = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "location", "location-eng"),
    *("creation_time", "timecode", "language"),
}


@dataclass(frozen=True)
class Track:
    """A stream to take along: its index in the input, and how."""

    index: int
    way: Way


@dataclass(frozen=True)
class Luggage:
    """What of a film goes into a container besides the scored pictures and their sound.

    tracks    further streams.
    left_out  what does not, one line each.
    marks     of the pictures.
    muxer     FFmpeg's name of the muxer.
    sound     index of the sound track that the scored sound stands for; -1 where there is none.
    """

    tracks: tuple[Track, ...]
    left_out: tuple[str, ...]
    marks: Marks
    muxer: str
    sound: int


def pack(video: str | os.PathLike[str], suffix: str) -> Luggage:
    """Decides what of `video` goes into the container `suffix`."""
    with open_video(video) as container:
        pictures = picture_stream(container, video)
        replaced = [s.index for s in sound_streams(container)]
        muxer = _muxer_for(container, pictures, replaced, suffix)
        tracks: list[Track] = []
        left_out: list[str] = []
        for stream in container.streams:
            if stream.index == pictures.index or stream.index in replaced or is_derived(container, stream):
                continue
            way = way_for(stream, suffix)
            if way == "cover" and muxer == "mov":
                way = None
            if way is not None:
                tracks.append(Track(stream.index, way))
            if way is None or (way in ("mov_text", "subrip") and codec_name(stream) in STYLED):
                left_out.append(_named(stream, suffix, styling=way is not None))
        if pictures.metadata.get("alpha_mode") == "1" and suffix != ".mkv":
            left_out.append("transparency (alpha): write .mkv to keep it")
        aspect = pictures.sample_aspect_ratio
        if suffix == ".mkv" and aspect not in (None, 1) and codec_name(pictures) in COPYABLE[".mkv"]:
            left_out += _lost_aspect(pictures, aspect)
        dolby = has_dolby(pictures)  # before anything is decoded
        marks = marks_of(pictures, next(pictures_of(container, pictures), None), dolby=dolby)
        return Luggage(tuple(tracks), tuple(left_out), marks, muxer, replaced[0] if replaced else -1)


def _muxer_for(container: Any, pictures: Any, replaced: Iterable[int], suffix: str) -> str:
    """FFmpeg's name of the muxer for a container.

    QuickTime files are written by the MP4 muxer, under their own brand, as far as it takes their streams: FFmpeg's
    QuickTime muxer writes no covers, no Dolby Vision, no spheres and few languages.
    """
    if suffix != ".mov":
        return MUXERS[suffix]
    name = codec_name(pictures)
    others = [
        s for s in container.streams if s.index not in (pictures.index, *replaced) and not is_derived(container, s)
    ]
    copied = [s for s in others if way_for(s, suffix) == "copy"]
    old = name in COPYABLE[".mov"] - COPYABLE[".mp4"] or any(
        codec_name(s).startswith("pcm_") or not holds(s, ".mp4") for s in copied
    )
    return "mov" if old else "mp4"


def way_for(stream: Any, suffix: str) -> Way | None:
    """How a stream goes into a container; None where it cannot."""
    if stream.type == "attachment":
        return "attachment" if suffix == ".mkv" else None
    if stream.type == "video" and is_cover(stream):
        return "cover" if suffix == ".mkv" or holds(stream, suffix) else None
    if stream.type == "video" and codec_name(stream) not in COPYABLE[suffix]:
        return None
    if holds(stream, suffix):
        return "copy"
    if stream.type == "subtitle" and codec_name(stream) in TEXTS:
        return "mov_text" if TEXT[suffix] == "mov_text" else "subrip"
    return None


def is_cover(stream: Any) -> bool:
    """Whether a stream is a cover picture rather than a film."""
    return bool(stream.disposition & Disposition.attached_pic)


def is_derived(container: Any, stream: Any) -> bool:
    """Tracks that MP4 and QuickTime make of other fields, and make again: time code, and the names of chapters."""
    if stream.type != "data":
        return False
    return data_code(stream) == "tmcd" or (bool(container.chapters()) and stream.discard.name == "all")


def time_code(container: Any, pictures: Any) -> str | None:
    """The time code of the first picture, wherever in the file it stands."""
    for tags in (pictures.metadata, *(s.metadata for s in container.streams), container.metadata):
        for key, value in tags.items():
            if key.lower() == "timecode":
                return value
    return None


def film_tags(container: Any) -> dict[str, str]:
    """The tags of the film as a whole: title, creation time, location, ... (the time code goes to the pictures)."""
    return _without(container.metadata, OF_THE_FILE | {"timecode"})


def track_tags(stream: Any, muxer: str) -> dict[str, str]:
    """The tags of one stream: language, title (which FFmpeg writes into MP4 but reads from there as `name`), ..."""
    drop = OF_THE_FILE if muxer == "matroska" else (OF_THE_FILE - {"handler_name"}) | {"filename", "mimetype"}
    tags = _without(stream.metadata, drop)
    if "name" in tags:
        tags.setdefault("title", tags.pop("name"))
    return tags


def _without(tags: dict[str, str], drop: set[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in tags.items():
        name = key.lower()
        if name.removesuffix("-eng") not in drop and not name.startswith("_statistics"):
            kept[key] = value
    return kept


def _lost_aspect(pictures: Any, aspect: Any) -> list[str]:
    """A pixel aspect that only the container knows goes into H.264 itself; PyAV does not reach Matroska's own field."""
    own = pictures.codec_context.sample_aspect_ratio
    if codec_name(pictures) == "h264" or own == aspect:
        return []
    return [f"the pixel aspect {aspect.numerator}:{aspect.denominator}: write .mp4 to keep it"]


def _named(stream: Any, suffix: str, *, styling: bool) -> str:
    """One line that names what is left out, and the container that could hold it."""
    codec = codec_name(stream)
    about = [PLAIN_NAMES.get(codec, codec.upper())] if codec else []
    about += [stream.metadata[key] for key in ("language", "title", "filename") if key in stream.metadata]
    about = [a for a in about if a != "und"]
    noun = {"audio": "sound track", "subtitle": "subtitles", "video": "picture track", "attachment": "attachment"}
    what = "cover picture" if stream.type == "video" and is_cover(stream) else noun.get(stream.type, "data track")
    if what == "data track" and "handler_name" in stream.metadata:
        about.append(stream.metadata["handler_name"].strip("\0 "))
    if styling:
        what = f"the styling of {what}"
    line = f"{what} ({', '.join(about)})" if about else what
    others = [
        s for s in (".mkv", ".mov", ".mp4") if s != suffix and way_for(stream, s) in ("copy", "attachment", "cover")
    ]
    return f"{line}: write {others[0]} to keep {'them' if what == 'subtitles' else 'it'}" if others else line
