"""The only door to FFmpeg (through PyAV): probe and read videos, read and write sound, put sound under a video.

Times are seconds taken from presentation time stamps, counted from the first picture that can be shown; never a frame
number over a frame rate, so variable frame rates stay exact. Every file is written beside its target and renamed at the
end: nothing half-written stays.
"""

from diffbgm.media.containers import COPYABLE, default_suffix
from diffbgm.media.job import MuxReport, plan_mux
from diffbgm.media.limits import Limits, as_time
from diffbgm.media.muxing import mux
from diffbgm.media.opening import local_file
from diffbgm.media.reading import VideoInfo, frames, probe
from diffbgm.media.sound import read_audio
from diffbgm.media.source import DEFAULT_FRAME
from diffbgm.media.writing import (
    SOUND_CODECS,
    write_audio,
    write_video,
)

__all__ = [
    "COPYABLE",
    "DEFAULT_FRAME",
    "SOUND_CODECS",
    "Limits",
    "MuxReport",
    "VideoInfo",
    "as_time",
    "default_suffix",
    "frames",
    "local_file",
    "mux",
    "plan_mux",
    "probe",
    "read_audio",
    "write_audio",
    "write_video",
]
