"""Write pictures and sound; every file takes its place only when it is whole."""

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from diffbgm.errors import OutputError
from diffbgm.files import replacing
from diffbgm.media.blocks import release
from diffbgm.media.encode import PictureEncoder
from diffbgm.types import Audio

SOUND_BIT_RATE = 192_000
SOUND_CODECS = {".wav": ("pcm_s16le", "s16"), ".flac": ("flac", "s16"), ".mp3": ("libmp3lame", "fltp")}


def write_video(
    pictures: Iterable[tuple[float, np.ndarray]], path: str | os.PathLike[str], *, end: float, quality: int = 20
) -> None:
    """Encode (seconds, [h, w, 3] uint8 RGB) as H.264; the last picture lasts until `end`. `quality`: x264's CRF."""
    with replacing(path, av.error.FFmpegError) as temporary, av.open(str(temporary), "w") as target:
        encode = None
        for time, image in pictures:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            encode = encode or PictureEncoder(target, picture, quality=quality)
            encode.add(time, picture)
        if encode is None:
            raise OutputError(f"{path}: there is no picture to write")
        encode.finish(end)


def write_audio(audio: Audio, path: str | os.PathLike[str], *, tags: Mapping[str, str] | None = None) -> None:
    """Write mono or stereo sound; .wav and .flac hold 16 bits, .mp3 192 kbit/s. What exceeds full scale is clipped.

    With `tags` (title, comment) a .wav is a Broadcast Wave: its `bext` chunk says that it begins where the film does.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SOUND_CODECS:
        raise OutputError(
            f"{path}: cannot write {suffix or 'a file without suffix'}; use one of {', '.join(SOUND_CODECS)}"
        )
    codec, form = SOUND_CODECS[suffix]
    broadcast = {"write_bext": "1"} if suffix == ".wav" and tags else {}
    with replacing(path, av.error.FFmpegError) as temporary, av.open(str(temporary), "w", options=broadcast) as target:
        target.metadata.update(tags or {})
        if broadcast:
            description = " - ".join((tags or {}).values())
            target.metadata.update({"description": description, "originator": "diffbgm", "time_reference": "0"})
        sound = SoundTrack(target, audio, codec, form)
        sound.write_until(np.inf)
        sound.finish()


class SoundTrack:
    """One sound track on its way into a container, given out bit by bit so that tracks stay interleaved.

    `length` in samples cuts it, or lets it go on in silence.
    """

    def __init__(self, target: Any, audio: Audio, codec: str, form: str, length: int | None = None) -> None:
        channels = audio.samples.shape[0]
        if channels not in (1, 2):
            raise OutputError(f"sound with {channels} channels cannot be written; mix it to one or two first")
        self.target, self.rate, self.form = target, audio.rate, form
        self.layout = "mono" if channels == 1 else "stereo"
        self.samples = audio.samples
        self.length = audio.samples.shape[1] if length is None else length
        self.stream = target.add_stream(codec, rate=audio.rate, layout=self.layout)
        if codec != "flac" and not codec.startswith("pcm"):
            self.stream.bit_rate = SOUND_BIT_RATE
        self._done = 0

    def write_until(self, time: float) -> None:
        """Writes on, in pieces of up to a second, until the next piece would begin after `time` seconds."""
        while self._done < self.length and self._done / self.rate <= time:
            size = min(self.rate, self.length - self._done)
            piece = np.clip(self.samples[:, self._done : self._done + size], -1.0, 1.0)
            piece = np.pad(piece, ((0, 0), (0, size - piece.shape[1])))
            release(self.samples)
            if self.form == "s16":
                piece = np.round(piece.T * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format=self.form, layout=self.layout)
            frame.sample_rate, frame.pts, frame.time_base = self.rate, self._done, Fraction(1, self.rate)
            self._done += frame.samples
            self.target.mux(self.stream.encode(frame))

    def finish(self) -> None:
        """Writes the packets that the encoder still holds."""
        self.target.mux(self.stream.encode(None))
