"""What is put right in a finished MP4 or QuickTime file, in place, where FFmpeg's muxer writes less than it could."""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from diffbgm.media.marks import Marks
from diffbgm.media.wholeness import outer_boxes

TRACK_ID, LANGUAGE = (12, 20), (20, 32)  # bytes from the start of tkhd's and mdhd's body, in versions 0 and 1
ENABLED = 1  # of the flags of tkhd
LETTERS = re.compile("[a-z]{3}")


@dataclass(frozen=True)
class Told:
    """What is known of a written track: its language as ISO 639-2 ("": none), and whether it waits to be chosen."""

    language: str
    optional: bool


def settle(path: Path, marks: Marks, tracks: Sequence[Told]) -> None:
    """Writes over single fields of a finished file; no box changes its size.

    FFmpeg 8 writes a box of Apple's, `vexu`, beside st3d and sv3d. It knows neither a layout nor a pose, and FFmpeg's
    own reader believes it alone: where it says less it becomes a free box. FFmpeg's QuickTime muxer knows only the
    languages of the Macintosh; QuickTime itself also reads three letters, packed as in MP4. Both muxers switch the
    first subtitles on where none are to be shown unasked.

    Args:
        path: The file.
        marks: Of its pictures.
        tracks: Its streams in order, also those without a packet, which FFmpeg leaves out.
    """
    with open(path, "r+b") as file:
        start, index = _index(file)
        if marks.hidden_by_vexu(index):
            file.seek(start + index.index(b"vexu"))
            file.write(b"free")
        for at, value in _fields(index, tracks):
            file.seek(start + at)
            file.write(value)


def _index(file: IO[bytes]) -> tuple[int, bytes]:
    """Where the body of `moov` starts, and the body."""
    for name, start, end in outer_boxes(file):
        if name == b"moov":
            file.seek(start)
            return start, file.read(end - start)
    return 0, b""


def _fields(index: bytes, tracks: Sequence[Told]) -> Iterator[tuple[int, bytes]]:
    """Places in `moov`, and what to write there: languages of three letters in five bits each, flags of tracks."""
    for name, start, end in _boxes(index, 0, len(index)):
        if name != b"trak":
            continue
        inner = {inside: at for inside, at, _ in _boxes(index, start, end)}
        header = inner[b"tkhd"]
        (number,) = struct.unpack_from(">I", index, header + TRACK_ID[index[header]])
        if number > len(tracks):  # the muxer's own: time code, names of chapters
            continue
        told = tracks[number - 1]
        if told.optional:
            yield header + 3, bytes([index[header + 3] & ~ENABLED])
        media = {inside: at for inside, at, _ in _boxes(index, inner[b"mdia"], end)}[b"mdhd"]
        if LETTERS.fullmatch(told.language):
            first, second, third = (ord(letter) - 0x60 for letter in told.language)
            yield media + LANGUAGE[index[media]], struct.pack(">H", first << 10 | second << 5 | third)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the body of each box between two places."""
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size < 8:
            return
        yield name, start + 8, min(start + size, end)
        start += size
