"""Streams that travel with the scored pictures: their packets copied at their own times, subtitles turned to text."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import av.error
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet

from diffbgm.media.containers import add_copy
from diffbgm.media.keep import MP4_KEYS, Track, film_tags, is_cover, track_tags
from diffbgm.media.order import stamped
from diffbgm.media.source import packets_of

MILLISECONDS = Fraction(1, 1000)
PICTURE_TYPES = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png"), "bmp": ("bmp", "image/bmp")}


class Passengers:
    """Further streams of a film on their way into `sink`, given out bit by bit so that streams stay interleaved.

    Args:
        sink: The container to write; nothing may have been written into it yet.
        source: The film, opened for these streams alone.
        tracks: Which, and how.
        muxer: FFmpeg's name of the muxer of `sink`.
        origin: Seconds in `source` that are 0 in `sink`.
        end: Seconds in `sink` from which on nothing is copied.
        reopen: Opens the film once more, for further pictures, whose stamps may have to be filled in.
    """

    def __init__(
        self,
        sink: Any,
        source: Any,
        tracks: tuple[Track, ...],
        muxer: str,
        origin: Fraction,
        end: float,
        reopen: Callable[[], Any],
    ) -> None:
        self.sink, self.muxer, self.origin, self.end = sink, muxer, origin, end
        self._streams: dict[int, tuple[Any, Any]] = {}  # index in source -> (stream of sink, its encoder or None)
        for track in tracks:
            self._board(source.streams[track.index], track.way)
        self._queues: list[tuple[Iterator[Any], list[Any]]] = []  # packets to come, and the next one
        others: list[Any] = []
        for index in self._streams:
            if source.streams[index].type == "video" and not is_cover(source.streams[index]):
                stream = reopen().streams[index]
                self._queues.append((stamped(packets_of(stream.container, stream), stream), []))
            else:
                others.append(source.streams[index])
        if others:
            self._queues.append((packets_of(source, *others), []))

    def write_until(self, time: float) -> None:
        """Writes the packets whose stamps lie up to `time`, in seconds in `sink`."""
        for packets, waiting in self._queues:
            while (packet := waiting.pop() if waiting else next(packets, None)) is not None:
                if not self._write(packet, time):
                    waiting.append(packet)
                    break

    def _write(self, packet: Any, time: float) -> bool:
        """Writes a packet, or passes over what lies outside the film; False where it is not yet time."""
        stream = packet.stream
        copy, text = self._streams[stream.index]
        shift = round(self.origin / stream.time_base)
        stamp = packet.dts if packet.pts is None else packet.pts
        if is_cover(stream):
            packet.pts = packet.dts = 0
        elif stamp is None:
            return True
        else:
            at = float((stamp - shift) * stream.time_base)
            if at > time:
                return False
            over = at + float((packet.duration or 0) * stream.time_base)
            before = over <= 0 and not packet.has_sidedata("skip_samples")  # those hold what a decoder starts with
            if at >= self.end or before or (text is not None and at < 0):
                return True
            packet.pts = stamp - shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        for written in [packet] if text is None else self._as_text(packet, stream, text):
            written.stream = copy
            self.sink.mux(written)
        return True

    def _board(self, stream: Any, way: str) -> None:
        text = None
        if way == "attachment":
            tags = stream.metadata
            self.sink.add_attachment(
                tags.get("filename", "attachment"), tags.get("mimetype", "application/octet-stream"), stream.data
            )
            return
        if way == "cover" and self.muxer == "matroska":
            ending, mime = PICTURE_TYPES.get(stream.codec_context.codec.canonical_name, ("jpg", "image/jpeg"))
            self.sink.add_attachment(stream.metadata.get("filename", f"cover.{ending}"), mime, _cover_bytes(stream))
            return
        if way in ("mov_text", "subrip"):
            stream.codec_context.open(strict=False)
            copy = self.sink.add_stream(way)
            copy.codec_context.subtitle_header = stream.codec_context.subtitle_header
            copy.time_base = copy.codec_context.time_base = MILLISECONDS
            text = copy.codec_context
        else:
            copy = add_copy(self.sink, stream)
        copy.metadata.update(track_tags(stream, self.muxer))
        flags = stream.disposition
        copy.disposition = flags & ~Disposition.default if stream.type in ("audio", "video") else flags
        self._streams[stream.index] = copy, text

    def _as_text(self, packet: Any, stream: Any, encoder: Any) -> list[Any]:
        """The packet's subtitles in the text format of the container; none where it holds no words."""
        try:
            heard = stream.codec_context.decode2(packet)
        except av.error.FFmpegError:
            return []
        if heard is None or not len(heard.rects):
            return []
        words = b"\n".join(rect.ass for rect in heard.rects if rect.type != b"bitmap")
        start = round(1000 * packet.pts * stream.time_base)
        length = round(1000 * (packet.duration or 0) * stream.time_base) or heard.end_display_time
        written = encoder.encode_subtitle(SubtitleSet.create(words, 0, length, start))
        written.pts = written.dts = start
        written.duration, written.time_base = length, MILLISECONDS
        return [written]


def tag_film(sink: Any, source: Any, origin: Fraction, end: float) -> None:
    """Title, creation time, location and chapters of the film; see `Passengers` for `origin` and `end`."""
    sink.metadata.update(film_tags(source))
    chapters: list[Any] = []
    for chapter in source.chapters():
        base = chapter["time_base"]
        first = max(0, round(chapter["start"] - origin / base))
        last = min(round(chapter["end"] - origin / base), round(Fraction(end) / base))
        if last > first:
            chapters.append({**chapter, "start": first, "end": last})
    if chapters:
        sink.set_chapters(chapters)


def tag_as_new(sink: Any, tags: Mapping[str, str]) -> None:
    """Tags of the output, where the film has none of that name."""
    there = {key.lower() for key in sink.metadata}
    sink.metadata.update({key: value for key, value in tags.items() if key not in there})


def has_own_keys(source: Any, suffix: str) -> bool:
    """Whether the film has tags that MP4 has no box for."""
    return suffix != ".mkv" and any(key.lower() not in MP4_KEYS for key in film_tags(source))


def _cover_bytes(stream: Any) -> bytes:
    packet = next((p for p in stream.container.demux(stream) if p.size), None)
    stream.container.seek(0)
    return b"" if packet is None else bytes(packet)
