"""SF3 -> SF2: a SoundFont whose samples are Ogg Vorbis, made readable for synthesizers that know only PCM.

A piece uses a few presets of the font's 190, so only their samples are decoded, into a font of a few MB. The last few
are remembered, for retakes and for a page or a batch that plays one ensemble again; nothing is kept on the disk that
could be stale, half written or in the way.
"""

import io
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.threads import at_once

DRUM_BANK = 128
VORBIS = 0x10  # of a sample's type: it is compressed
POSITION = 6  # bytes from the head of an Ogg page to the number of samples up to its end
ZEROS = 46  # samples of silence that SoundFont 2.04 asks for after every sample
SILENCE = 64  # samples that stand for a sample nobody plays
INSTRUMENT, SAMPLE = 41, 53  # generators that link a preset to its instruments, an instrument to its samples

Preset = tuple[int, int]  # bank, program
HEADER = np.dtype([
    ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
    ("pitch", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2"),
])  # fmt: skip
PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "S12")])
NAMED = np.dtype([("name", "S20"), ("bag", "<u2")])
PAIR = np.dtype([("a", "<u2"), ("b", "<u2")])  # of bags: generator, modulator; of generators: number, amount


def decode_font(font: Path, presets: Collection[Preset]) -> bytes:
    """Return a SoundFont 2 with all presets of an SF3 font, in which those of `presets` sound.

    Args:
        font: An .sf3 file.
        presets: (bank, program) of what will be played; a drum kit that the font lacks is its first one.

    Raises:
        RenderError: The file is damaged.

    """
    state = font.stat() if font.exists() else None
    return _decode_font(font, frozenset(presets), state and (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=4)
def _decode_font(font: Path, presets: frozenset[Preset], _: object) -> bytes:
    """`decode_font`; the last argument changes with the file."""
    try:
        parts = _chunks(font.read_bytes()[12:])
        info, smpl, pdta = parts[b"INFO"], _chunks(parts[b"sdta"])[b"smpl"], _chunks(parts[b"pdta"])
        headers = np.frombuffer(pdta[b"shdr"], HEADER).copy()
        pcm = _decode(headers, smpl, _played(pdta, presets))
    except (OSError, KeyError, ValueError, IndexError) as e:
        raise RenderError(f"{font} cannot be read as an SF3 SoundFont ({e}); name another one") from e
    pdta = {**pdta, b"shdr": headers.tobytes()}
    info = info.replace(b"ifil\x04\0\0\0\x03\0", b"ifil\x04\0\0\0\x02\0")
    listed = b"".join(_chunk(name, content) for name, content in pdta.items())
    return _chunk(b"RIFF", b"sfbk" + b"".join(
        _chunk(b"LIST", kind + body)
        for kind, body in ((b"INFO", info), (b"sdta", _chunk(b"smpl", pcm)), (b"pdta", listed))
    ))  # fmt: skip


def font_presets(font: Path) -> dict[Preset, str]:
    """Return the presets of a SoundFont, with their names."""
    pdta = _chunks(_chunks(font.read_bytes()[12:])[b"pdta"])
    rows = np.frombuffer(pdta[b"phdr"], PRESET)[:-1]
    return {(int(row["bank"]), int(row["program"])): row["name"].decode("latin-1") for row in rows}


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the content of RIFF chunks by name; LIST chunks by the kind of list."""
    out: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"LIST":
            name, body = body[:4], body[4:]
        out[name] = body
        at += 8 + size + size % 2
    return out


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _played(pdta: dict[bytes, bytes], presets: Collection[Preset]) -> set[int]:
    """Return the samples that the presets reach through their instruments."""
    rows = np.frombuffer(pdta[b"phdr"], PRESET)
    have = {(int(row["bank"]), int(row["program"])) for row in rows[:-1]}
    wanted = {p if p in have or p[0] != DRUM_BANK else (DRUM_BANK, 0) for p in presets}
    chosen = [i for i, row in enumerate(rows[:-1]) if (int(row["bank"]), int(row["program"])) in wanted]
    instruments = _links(rows["bag"], pdta[b"pbag"], pdta[b"pgen"], INSTRUMENT, chosen)
    samples = _links(np.frombuffer(pdta[b"inst"], NAMED)["bag"], pdta[b"ibag"], pdta[b"igen"], SAMPLE, instruments)
    links = np.frombuffer(pdta[b"shdr"], HEADER)["link"]
    return samples | {int(links[i]) for i in samples if links[i] < len(links) - 1}


def _links(bags: np.ndarray, zones: bytes, generators: bytes, kind: int, chosen: Collection[int]) -> set[int]:
    """Return the amounts of the generators of one kind in all zones of the chosen rows."""
    first = np.frombuffer(zones, PAIR)["a"]
    pairs = np.frombuffer(generators, PAIR)
    found: set[int] = set()
    for i in chosen:
        mine = pairs[int(first[bags[i]]) : int(first[bags[i + 1]])]
        found.update(mine["b"][mine["a"] == kind].tolist())
    return found


def _decode(headers: np.ndarray, smpl: bytes, played: set[int]) -> bytes:
    """Return the PCM of the played samples and, in place, headers that point into it; the rest is silence."""
    parts = [np.zeros(SILENCE + ZEROS, np.int16)]
    at = len(parts[0])
    compressed = [i for i in sorted(played) if headers[i]["type"] & VORBIS]
    streams = (smpl[int(headers[i]["start"]) : int(headers[i]["end"])] for i in compressed)
    decoded = dict(zip(compressed, at_once(_vorbis, streams), strict=True))
    for i, row in enumerate(headers[:-1]):
        row["type"] &= ~np.uint16(VORBIS)
        if i not in played:
            row["start"], row["end"], row["loop"], row["loop_end"] = 0, SILENCE, 8, SILENCE - 8
            continue
        start, end = int(row["start"]), int(row["end"])
        if i in decoded:
            pcm = decoded[i]
            row["loop"], row["loop_end"] = row["loop"] + at, row["loop_end"] + at
        else:
            pcm = np.frombuffer(smpl[2 * start : 2 * end], "<i2")
            row["loop"], row["loop_end"] = int(row["loop"]) - start + at, int(row["loop_end"]) - start + at
        row["start"], row["end"] = at, at + len(pcm)
        parts += [pcm, np.zeros(ZEROS, np.int16)]
        at += len(pcm) + ZEROS
    return np.concatenate(parts).astype("<i2").tobytes()


def _vorbis(ogg: bytes) -> np.ndarray:
    """Return the first channel of an Ogg Vorbis stream as 16 bit, as long as the stream says that it is.

    FFmpeg leaves out the block that the decoder warms up on, and of short streams as much again at the end, where loops
    are: so it is told to leave out nothing, and its first frame, that block, is dropped here.
    """
    import av
    import av.error
    from av.codec.context import Flags2

    length = int.from_bytes(ogg[(last := ogg.rfind(b"OggS") + POSITION) : last + 8], "little")
    try:
        with av.open(io.BytesIO(ogg), "r", format="ogg") as file:
            file.streams.audio[0].codec_context.flags2 |= Flags2.skip_manual
            parts = [frame.to_ndarray()[0] for frame in file.decode(audio=0)][1:]
    except av.error.FFmpegError as e:
        raise ValueError("a sample is damaged") from e
    return np.round(np.clip(np.concatenate(parts)[:length], -1, 1) * 32767).astype(np.int16)
