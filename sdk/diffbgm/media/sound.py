"""Read the sound of a file by its time stamps: holes are silence, what starts late stays late."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler

from diffbgm.errors import VideoError
from diffbgm.media.blocks import BLOCK, new_sound, release
from diffbgm.media.limits import Limits, Stopwatch
from diffbgm.media.opening import four_letter_code, shown
from diffbgm.media.source import decoded, open_video, packets_of, sound_streams
from diffbgm.media.timeline import timeline
from diffbgm.types import Audio

TOLERANCE = 0.015  # seconds by which stamps may differ from the count of samples; clocks of containers are coarse
OVERLAP = 0.2  # seconds by which pieces may overlap: then the first one counts
MOST_WRONG = 16  # pieces of sound with wrong stamps, one after the other
SPARE = 1.0  # seconds of room beyond the end that the packets tell
CHANNELS = range(1, 65)  # that a track may have
USUAL = {*range(1, 9), 12, 14, 16, 24}  # numbers of channels to which FFmpeg gives places of itself
RATES = range(1000, 768_001)  # samples per second
LOUDEST = 16.0  # samples beyond it (24 dB over full scale) are damage
ADVICE = 'replace the sound (keep_audio="replace"), or export the film again'


def read_audio(
    path: str | os.PathLike[str], rate: int = 48_000, *, until: float | None = None, limits: Limits | None = None
) -> Audio | None:
    """The sound of a video as players play it; None where there is no sound track, or an empty one.

    Every piece of sound lies where its time stamp says: holes are silence, a track that starts late begins with
    silence, what lies before the first picture is left out. Changes of layout and rate inside a track are resampled by
    FFmpeg. Samples that are no numbers are silence. Of several tracks the default one is read; mono tracks of one
    camera are read together. Sound files work too.

    Args:
        path: A local file.
        rate: Samples per second of the answer.
        until: Seconds from the first picture at which to stop. Sound behind it is neither decoded nor kept, so that
            ten hours of it cost nothing; the answer may be shorter than `until` but is never longer. None: all of it,
            also what lies behind the last picture (see `VideoInfo.shown_duration`).
        limits: Bounds on the length of sound that is read.

    Returns:
        Stereo float32 [2, N], sample 0 at the first picture; beyond a few minutes in a temporary file mapped into
        memory (see `diffbgm.media.blocks`).

    Raises:
        VideoError: FFmpeg has no decoder for the sound, nothing of it can be decoded, or it exceeds the limits.
    """
    limits = limits or Limits()
    line = timeline(path, limits)
    if line.sound is None:
        return None
    end = line.sound[1] + SPARE if until is None else min(until, line.sound[1] + SPARE)
    limits.check_sound(path, end - SPARE)
    watch = Stopwatch(path, limits)
    with open_video(path, limits) as container:
        streams = sound_streams(container)
        for stream in streams:
            _check(path, container, stream)
        samples = new_sound(2, max(0, round(end * rate)))
        gain = 1 / len(streams) ** 0.5  # microphones hear different things: their powers add up
        tracks = {s.index: _Placer(s, samples, rate, line.origin, gain) for s in streams}
        for stream, piece in _heard(container, streams):
            watch.check()
            tracks[stream.index].add(piece)
            if all(track.full for track in tracks.values()):
                break
        for track in tracks.values():
            track.finish()
    length = max(track.written for track in tracks.values())
    if not any(track.pieces for track in tracks.values()):
        raise VideoError(f"{shown(path)}: nothing of its sound can be decoded; {ADVICE}")
    sound = samples[:, :length]
    sound.setflags(write=False)  # then `Audio` takes it as it is
    return Audio(sound, rate)


def _check(path: str | os.PathLike[str], container: Any, stream: Any) -> None:
    """Raises VideoError for a track that FFmpeg cannot decode, or whose header asks for what no sound has."""
    context = stream.codec_context
    if context is None:
        code = four_letter_code(container, stream)
        raise VideoError(f"{shown(path)}: the sound is coded as {code}, which FFmpeg cannot read; {ADVICE}")
    if context.channels not in CHANNELS or context.sample_rate not in RATES:
        claim = f"{context.channels} channels at {context.sample_rate} Hz"
        raise VideoError(f"{shown(path)}: the sound claims to have {claim}; {ADVICE}")


def _heard(container: Any, streams: list[Any]) -> Iterator[tuple[Any, Any]]:
    """(stream, decoded piece of sound); what cannot be decoded is passed over."""
    for packet in packets_of(container, *streams):
        for piece in decoded(packet.stream, packet):
            yield packet.stream, piece
    for stream in streams:
        for piece in decoded(stream, None):
            yield stream, piece


class _Placer:
    """Puts the pieces of one track where their time stamps say, added to what is there.

    Pieces that follow one another go through one resampler; at a hole, or where layout or rate change, another begins.
    """

    def __init__(self, stream: Any, samples: np.ndarray, rate: int, origin: Fraction | None, gain: float) -> None:
        self.samples, self.rate, self.gain = samples, rate, gain
        self.written = self.pieces = 0
        self._base, self._origin = stream.time_base, origin
        self._resampler: AudioResampler | None = None
        self._kind: tuple[object, ...] = ()
        self._at = 0  # sample of the answer that the resampler gives next
        self._next = 0.0  # seconds at which the next piece should begin
        self._free = 0  # sample before which this track has been written
        self._behind = 0  # pieces behind the end, one after the other

    def add(self, piece: Any) -> None:
        if piece.sample_rate not in RATES or piece.layout.nb_channels not in CHANNELS:
            return
        time = self._next
        if piece.pts is not None:
            stamp = piece.pts * (piece.time_base or self._base)  # flushed pieces carry no time base
            self._origin = stamp if self._origin is None else self._origin
            time = float(stamp - self._origin)
        if self.pieces and abs(time - self._next) <= TOLERANCE:
            time = self._next
        if piece.layout.name == f"{piece.layout.nb_channels} channels" and piece.layout.nb_channels not in USUAL:
            piece = as_mono(piece)  # FFmpeg does not know where they stand
        kind = (piece.format.name, piece.layout.name, piece.layout.nb_channels, piece.sample_rate)
        if not self.pieces or kind != self._kind or time != self._next:
            self.finish()
            self._kind, self._at = kind, round(time * self.rate)
            if self._at < self._free - OVERLAP * self.rate:  # the stamps before were wrong, or these are
                self._free = self._at
            self._resampler = AudioResampler(format="fltp", layout="stereo", rate=self.rate)
        self.pieces += 1
        self._next = time + piece.samples / piece.sample_rate
        self._behind = self._behind + 1 if time * self.rate >= self.samples.shape[1] else 0
        if not self._behind and self._resampler is not None:
            self._write(self._resampler.resample(piece))

    @property
    def full(self) -> bool:
        """Whether nothing more is to come: one stamp may be wrong, but not many."""
        return self._behind > MOST_WRONG

    def finish(self) -> None:
        """Takes what the resampler still holds."""
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
        self._resampler = None

    def _write(self, pieces: list[Any]) -> None:
        for piece in pieces:
            sound = piece.to_ndarray()
            start = max(0, self._at, self._free)
            end = min(self._at + sound.shape[1], self.samples.shape[1])
            if start < end:
                self.samples[:, start:end] += self.gain * _finite(sound[:, start - self._at : end - self._at])
                self._free = end
                self.written = max(self.written, end)
            if self._at // BLOCK != end // BLOCK:
                release(self.samples)
            self._at += sound.shape[1]


def as_mono(piece: Any) -> Any:
    """The mean of all channels, as float samples.

    They are packed first: PyAV reads beyond the planes of a piece with more than eight of them.
    """
    packed = AudioResampler(format="flt", layout=piece.layout, rate=piece.sample_rate).resample(piece)
    sound = np.concatenate([part.to_ndarray().reshape(-1, piece.layout.nb_channels) for part in packed])
    mono = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.mean(1)[None]), format="fltp", layout="mono")
    mono.sample_rate, mono.pts, mono.time_base = piece.sample_rate, piece.pts, piece.time_base
    return mono


def _finite(sound: np.ndarray) -> np.ndarray:
    """Samples with silence for what is no number, and no louder than LOUDEST."""
    if np.abs(sound).max() <= LOUDEST:  # not so where one is NaN
        return sound
    return np.clip(np.nan_to_num(sound, posinf=0.0, neginf=0.0), -LOUDEST, LOUDEST)
