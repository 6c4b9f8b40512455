"""What happens to files on their way: bits flip, ends are cut, parts change places, headers become extreme."""

import random
import re
import struct

HEAD = 4096  # bytes at both ends of a file, where most containers have their tables
WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00FFFFFF, 0x10000)
NUMBERS = (
    "-1",
    "0",
    "1e400",
    "-1e308",
    "NaN",
    "Infinity",
    "9" * 40,
    "1e-300",
    '"7"',
    "null",
    "true",
    "[]",
    "{}",
    "2.5",
)
SCRAPS = (b"[" * 3000, b"\xff\xfe", b"\x00", b"\xef\xbb\xbf", b'"', b"{}", b"\n\n", b"\xe2\x80\xa8", b"nan", b",,,,")


def flip(data: bytearray, rng: random.Random) -> None:
    """A few bits."""
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def cut(data: bytearray, rng: random.Random) -> None:
    """The end, the start, or something in the middle is missing."""
    start = rng.randrange(len(data))
    length = rng.choice((1, 3, 188, len(data) // 10 + 1, len(data)))
    if rng.random() < 0.2:
        start = 0
    del data[start : start + length]


def swap(data: bytearray, rng: random.Random) -> None:
    """Two parts of one length change places."""
    length = rng.choice((1, 4, 16, 188, 1000, len(data) // 4))
    if len(data) <= 2 * length or not length:
        return
    a, b = sorted(rng.randrange(len(data) - length + 1) for _ in range(2))
    if b - a >= length:
        data[a : a + length], data[b : b + length] = data[b : b + length], data[a : a + length]


def extreme(data: bytearray, rng: random.Random) -> None:
    """Words of a header get the values that code forgets."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        form = rng.choice((">I", "<I", ">H", "<H", "B", ">Q"))
        size = struct.calcsize(form)
        if len(data) >= size:
            at = min(_place(data, rng), len(data) - size)
            value = rng.choice(WORDS) & (256**size - 1)
            data[at : at + size] = struct.pack(form, value)


def twice(data: bytearray, rng: random.Random) -> None:
    """A part comes twice."""
    at = rng.randrange(len(data))
    part = data[at : at + rng.choice((8, 188, 1000, len(data)))]
    data[at:at] = part


def retype(data: bytearray, rng: random.Random) -> None:
    """In text: a number or a word becomes another value, a line vanishes, or odd letters come in."""
    numbers = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?|\"[^\"\n]{0,40}\"|true|false|null", bytes(data)))
    if numbers and rng.random() < 0.8:
        for found in sorted(rng.sample(numbers, min(len(numbers), rng.choice((1, 1, 3)))), key=lambda m: -m.start()):
            data[found.start() : found.end()] = rng.choice(NUMBERS).encode()
        return
    lines = data.split(b"\n")
    if len(lines) > 2 and rng.random() < 0.5:
        del lines[rng.randrange(len(lines))]
        data[:] = b"\n".join(lines)
        return
    at = rng.randrange(len(data))
    data[at:at] = rng.choice(SCRAPS)


BINARY = (flip, cut, swap, extreme, extreme, twice)
TEXT = (retype, retype, retype, flip, cut, swap)


def mutated(data: bytes, rng: random.Random, *, text: bool) -> tuple[bytes, str]:
    """A damaged copy that is not empty, and what was done to it."""
    changed, names = bytearray(data), []
    for _ in range(rng.choice((1, 1, 1, 2))):
        how = rng.choice(TEXT if text else BINARY)
        names.append(how.__name__)
        if changed:
            how(changed, rng)
    return bytes(changed), "+".join(names)


def _place(data: bytearray, rng: random.Random) -> int:
    """Mostly in the first or last kilobytes."""
    if rng.random() < 0.75 and len(data) > HEAD:
        at = rng.randrange(HEAD)
        return at if rng.random() < 0.5 else len(data) - 1 - at
    return rng.randrange(len(data))
