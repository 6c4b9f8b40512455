"""Whether a file is all there: the outermost boxes of MP4, Matroska and AVI tell how far they reach.

What was downloaded or copied in part plays up to where it ends, and nothing in its time stamps says that more was meant
to come.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

EBML, SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"  # ids of the first two elements of Matroska
OPENING = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot"})  # first boxes of MP4
MOST_BOXES = 10_000  # that are walked over; fragments have two each
UNKNOWN = {0, 0xFFFFFFFF}  # sizes that a writer leaves in RIFF who cannot go back


def missing_share(path: str | os.PathLike[str]) -> float:
    """The share of a file that its outermost boxes tell of and that is not there; 0 where they tell of no more."""
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        head = file.read(8)
        if head[:4] == b"RIFF" and len(head) == 8:
            (told,) = struct.unpack_from("<I", head, 4)
            end = 0 if told in UNKNOWN else 8 + told
        elif head[:4] == EBML:
            end = _end_of_segment(file)
        else:
            end = _end_of_boxes(file, size) if head[4:8] in OPENING else 0
    return max(0.0, 1 - size / end) if end else 0.0


def outer_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the body of each outermost box of an MP4 or QuickTime file, up to one of no known size."""
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or not head[4:8].isalnum():
            return
        (length,) = struct.unpack_from(">I", head)
        body = at + 8
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
            body = at + 16
        if length < 8:  # 0: up to the end of the file
            return
        yield head[4:8], body, at + length
        at += length


def _end_of_boxes(file: IO[bytes], size: int) -> int:
    """Where the last box of a file ends, which may be beyond it; 0 where the boxes do not tell of its end."""
    return next((end for _, _, end in outer_boxes(file) if end >= size), 0)


def _end_of_segment(file: IO[bytes]) -> int:
    """Where the segment of a Matroska file ends; 0 where its size is left open."""
    file.seek(len(EBML))
    header = _read_size(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(len(SEGMENT)) != SEGMENT:
        return 0
    length = _read_size(file)
    return 0 if length is None else file.tell() + length


def _read_size(file: IO[bytes]) -> int | None:
    """A number of EBML: its leading zero bits tell its length; None where all bits are set, or nothing is left."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
