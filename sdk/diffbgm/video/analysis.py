"""One walk over the pictures that feeds shots, motion and colour."""

import os
import warnings
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from diffbgm import media
from diffbgm.errors import VideoError
from diffbgm.options import Semantics
from diffbgm.progress import Progress, part_of
from diffbgm.setting import PATH, checked
from diffbgm.types import VideoFeatures
from diffbgm.video.affect import affect, cut_rate
from diffbgm.video.clip import blend_affect, choose_clip, embed_video
from diffbgm.video.colour import colour_of
from diffbgm.video.motion import difference, motion_from_change, shrink
from diffbgm.video.prefetch import prefetch
from diffbgm.video.shots import ShotFinder
from diffbgm.video.tracks import Tracks

PICTURE_SIZE = 256  # pixels of the longer side that the shot detector gets
SMALL_SIZE = 64  # for motion and colour
SHORTEST = 0.02  # seconds: a single picture at 50 per second
CLOSEST = 1 / 75  # seconds between pictures: of more than 60 per second some are passed over
END_SLACK = 0.25  # seconds at the end that decoders may swallow without the video counting as broken off
CLIP_FREE = 0.3  # share of the progress that the walk without CLIP has where CLIP reads the pictures as well
REPORT_EVERY = 0.5  # seconds of video between two calls of on_progress
EARLY, LATE = 0.1, 0.5  # seconds of sound before and after the pictures that are left out without a warning
STANDSTILL = 60.0  # seconds that a last picture may stand still, or as long as the pictures before it if that is longer


@checked(path=PATH, semantics=str, with_sound=bool, limits=media.Limits)
def analyze(
    path: str | os.PathLike[str],
    *,
    semantics: Semantics = "auto",
    with_sound: bool = False,
    limits: media.Limits | None = None,
    on_progress: Progress | None = None,
) -> VideoFeatures:
    """Analyse a video in one walk: its cuts and fades, and four times per second its motion, colour and affect.

    Memory does not grow with the length of the video beyond the tracks (48 bytes per sample). A file that breaks off is
    analysed as far as it can be decoded. Of more than 60 pictures per second some are passed over.

    Args:
        path: A local file, as a path or a `file:` URL.
        semantics: "colour" reads affect from colour, motion and cutting; "clip" has CLIP read the pictures as well, in
            a second walk at one picture per second, or warns once and does without where the model is not to be had;
            "auto" takes CLIP where it is cached, or a GPU and the network are there. `VideoFeatures.semantics` says
            which it was.
        with_sound: The film lasts until its own sound ends, its last picture standing still, as players show it. For
            music that is mixed with that sound. Without it the film ends with its last picture. Sound does not make
            the film longer where it goes on for more than a minute and more than the length of the pictures (an export
            gone wrong rather than a film; a single picture may stay), or for longer than a film may last.
        limits: Bounds on length, pictures and time, the default `media.Limits()`.
        on_progress: Called with (fraction 0..1, message); an exception there ends the walk and is passed on.

    Raises:
        VideoError: The file cannot be read, is shorter than 0.02 s, or exceeds the limits.

    Warns:
        RuntimeWarning: The file's time stamps had to be put right, or sound lies outside the pictures and is left out.
    """
    limits = limits or media.Limits()
    info = media.probe(path, limits=limits)
    end = _length(path, info, limits, with_sound=with_sound)
    if end < SHORTEST:
        raise VideoError(f"{path}: is {media.as_time(end)} long; a film to score lasts at least {SHORTEST} s")
    before: _Sample | None = None
    step, due = 0.0, 0.0
    with closing(prefetch(media.frames(path, size=PICTURE_SIZE, every=CLOSEST, limits=limits))) as pictures:
        import cv2  # as the shot detector and CLIP are: while the first pictures are decoded

        clip = choose_clip(semantics)
        share = 1.0 if clip is None else CLIP_FREE
        report = part_of(on_progress, 0.0, share)
        tracks, shots = Tracks(end), ShotFinder()
        for time, picture in pictures:
            image = shrink(picture, SMALL_SIZE).astype(np.float32)
            now = _Sample(time, image, colour_of(image))
            change = 0.0
            if before is not None:
                step, change = time - before.time, difference(before.image, image)
                tracks.show(before.time, time, before.colour)
                tracks.change(before.time, time, change)
            shots.add(time, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), image, change)
            before = now
            if time >= due:
                report(min(1.0, time / end), "Analysing the video")
                due = time + REPORT_EVERY
    if before is None:
        raise VideoError(f"{path}: no picture in it can be decoded; export it again")
    duration = _end(info, end, before.time, step)
    tracks.show(before.time, duration, before.colour)
    if duration > info.duration:  # the last picture stands still under the end of the sound
        tracks.change(max(info.duration, before.time), duration, 0.0)
    cuts, jumps = shots.finish(duration)
    for jump in jumps:
        tracks.change(jump.before, jump.time, jump.change, sign=-1)
    track = tracks.until(duration)
    motion = motion_from_change(track.change_rate)
    felt = affect(track.colour, motion, cut_rate(cuts, track.times, duration))
    read = None
    if clip is not None:
        read = embed_video(clip, path, duration, part_of(on_progress, share, 1.0), limits)
        felt = blend_affect(read, track.times, felt)
    part_of(on_progress, 0.0, 1.0)(1.0, "Analysed the video")
    return VideoFeatures(
        duration=duration,
        frame_rate=info.frame_rate,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        cuts=cuts,
        times=track.times,
        motion=motion,
        colour=track.colour,
        affect=felt,
        clip=None if read is None else read.clip,
        clip_times=None if read is None else read.clip_times,
        semantics="colour" if read is None else "clip",
    )


@dataclass(frozen=True)
class _Sample:
    """A picture in small: its time in seconds, [h, w, 3] float32 RGB, its colour [3]."""

    time: float
    image: np.ndarray
    colour: np.ndarray


def _length(path: str | os.PathLike[str], info: media.VideoInfo, limits: media.Limits, *, with_sound: bool) -> float:
    """Seconds that the film is taken to last; warns of what is put right or left out."""
    notes = list(info.notes)
    early, late = -(info.sound_start or 0.0), info.shown_duration - info.duration
    if with_sound and early > EARLY:
        notes.append(f"{path}: {early:.1f} s of its sound lie before the first picture and are left out")
    stays = info.frames == 1 or late <= max(STANDSTILL, info.duration)
    keeps = with_sound and stays and info.shown_duration <= limits.seconds
    if late > LATE and not keeps:
        notes.append(f"{path}: its sound goes on for {media.as_time(late)} after the last picture; that is left out")
    for note in notes:
        warnings.warn(note, RuntimeWarning, stacklevel=4)  # of who called analyze, past its check of types
    return info.shown_duration if keeps else info.duration


def _end(info: media.VideoInfo, end: float, last: float, step: float) -> float:
    """Where the film ends: at `end`, or after the last picture that could be decoded when the file breaks off."""
    if last >= info.last_frame - max(2 * step, END_SLACK) or end > info.duration:
        return end
    return last + (step or media.DEFAULT_FRAME)
