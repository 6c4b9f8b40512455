"""One walk over the pictures that feeds shots, motion and colour."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from diffbgm import media
from diffbgm.errors import VideoError
from diffbgm.options import Semantics
from diffbgm.types import VideoFeatures
from diffbgm.video.affect import affect, cut_rate
from diffbgm.video.clip import blend_affect, choose_clip, look
from diffbgm.video.colour import colour_of
from diffbgm.video.motion import difference, motion_from_change, shrink
from diffbgm.video.prefetch import ahead
from diffbgm.video.shots import ShotFinder
from diffbgm.video.tracks import Tracks

PICTURE_SIZE = 256  # pixels of the longer side that the shot detector sees
GLANCE_SIZE = 64  # for motion and colour
END_SLACK = 0.25  # seconds at the end that decoders may swallow without the video counting as broken off
CLIP_FREE = 0.3  # share of the progress that the walk without CLIP has where CLIP looks as well
REPORT_EVERY = 0.5  # seconds of video between two calls of on_progress


def analyze(
    path: str | os.PathLike[str],
    *,
    semantics: Semantics = "auto",
    on_progress: Callable[[float, str], None] | None = None,
) -> VideoFeatures:
    """Look at a video once: its cuts and fades, and four times a second its motion, colour and affect.

    `semantics`: "colour" reads affect from colour, motion and cutting; "clip" has CLIP look as well, in a second walk
    at one picture a second, or warns once and does without where the model is not to be had; "auto" takes CLIP where
    it is cached, or a GPU and the network are there. `VideoFeatures.semantics` says which it was.

    Memory does not grow with the length of the video beyond the tracks (48 bytes a sample). A file that breaks off is
    analysed as far as it can be decoded. Raises VideoError for what cannot be read; an exception in `on_progress`
    (fraction 0..1, message) ends the walk and is passed on.
    """
    import cv2

    info = media.probe(path)
    clip = choose_clip(semantics)
    share = 1.0 if clip is None else CLIP_FREE
    told: Callable[[float, str], None] = on_progress or (lambda fraction, message: None)

    def report(fraction: float, message: str) -> None:
        told(share * fraction, message)

    tracks, shots = Tracks(info.duration), ShotFinder()
    before: _Glance | None = None
    step, due = 0.0, 0.0
    with closing(ahead(media.frames(path, size=PICTURE_SIZE))) as pictures:
        for time, picture in pictures:
            image = shrink(picture, GLANCE_SIZE).astype(np.float32)
            now = _Glance(time, image, colour_of(image))
            change = 0.0
            if before is not None:
                step, change = time - before.time, difference(before.image, image)
                tracks.show(before.time, time, before.colour)
                tracks.change(before.time, time, change)
            shots.see(time, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), image, change)
            before = now
            if time >= due:
                report(min(1.0, time / info.duration), "Watching the video")
                due = time + REPORT_EVERY
    if before is None:
        raise VideoError(f"{path}: no picture in it can be decoded; export it again")
    duration = _end(info, before.time, step)
    tracks.show(before.time, duration, before.colour)
    cuts, jumps = shots.finish(duration)
    for jump in jumps:
        tracks.change(jump.before, jump.time, jump.change, sign=-1)
    seen = tracks.until(duration)
    motion = motion_from_change(seen.change_rate)
    felt = affect(seen.colour, motion, cut_rate(cuts, seen.times, duration))
    sight = None
    if clip is not None:
        sight = look(clip, path, duration, lambda fraction, message: told(share + (1 - share) * fraction, message))
        felt = blend_affect(sight, seen.times, felt)
    told(1.0, "Watched the video")
    return VideoFeatures(
        duration=duration,
        frame_rate=info.frame_rate,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        cuts=cuts,
        times=seen.times,
        motion=motion,
        colour=seen.colour,
        affect=felt,
        clip=None if sight is None else sight.clip,
        clip_times=None if sight is None else sight.clip_times,
        semantics="colour" if sight is None else "clip",
    )


@dataclass(frozen=True)
class _Glance:
    """A picture in small: its time in seconds, [h, w, 3] float32 RGB, its colour [3]."""

    time: float
    image: np.ndarray
    colour: np.ndarray


def _end(info: media.VideoInfo, last: float, step: float) -> float:
    """Where the video ends: as its packets say, or after the last picture that could be decoded when it breaks off."""
    if last >= info.last_frame - max(2 * step, END_SLACK):
        return info.duration
    return last + (step or media.DEFAULT_FRAME)
