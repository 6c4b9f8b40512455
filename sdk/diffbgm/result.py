"""What scoring a video gives back: everything in memory, written out by `save` as the suffix asks."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffbgm import codec, files, media
from diffbgm.errors import OutputError
from diffbgm.midi import midi_bytes, write_midi
from diffbgm.types import Audio, MusicPlan, PianoRoll, Score, VideoFeatures


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A scored video.

    audio    what the scored video sounds like; `music` the music alone, `stems` its roles (they sum to `music`).
    receipt  how well the music fits, as plain JSON values (see `receipt.make_receipt`).
    source   the video that was scored; `save` needs it for video files.
    """

    plan: MusicPlan
    roll: PianoRoll
    score: Score
    audio: Audio
    music: Audio
    stems: Mapping[str, Audio]
    features: VideoFeatures
    seed: int
    receipt: Mapping[str, Any]
    source: Path
    holder: object = None  # holds a temporary copy of the source, when there is one

    def __repr__(self) -> str:
        plan, bpm = self.plan, self.receipt["tempo"]["base"]
        return f"Result({plan.duration:.2f} s, {plan.bars} bars, {plan.key}, {bpm:.0f} bpm, seed {self.seed})"

    @property
    def midi(self) -> bytes:
        """A standard MIDI file with the true tempo map, and markers at cuts and sections."""
        return midi_bytes(self.score)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes what the suffix asks for, whole or not at all.

        .mp4 .m4v .mov .mkv  the scored video        .wav .flac .mp3  its sound
        .mid                 the music as MIDI       .json            the receipt (`NAME.plan.json`: the plan)
        .png                 a picture of the plan over its piano roll
        .fcpxml              markers for a video editor

        Raises OutputError for another suffix or a place that cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix in media.COPYABLE:
            own = self.receipt["keep_audio"] != "replace"
            media.mux(self.source, self.audio, path, duration=self.plan.duration, own_sound=own)
        elif suffix in media.SOUND_CODECS:
            media.write_audio(self.audio, path)
        elif suffix in (".mid", ".midi"):
            write_midi(self.score, path)
        elif path.name.lower().endswith(".plan.json"):
            files.write_text(path, codec.to_json(self.plan, indent=1) + "\n")
        elif suffix == ".json":
            files.write_text(path, json.dumps(dict(self.receipt), indent=2) + "\n")
        elif suffix == ".png":
            self.plot(path)
        elif suffix == ".fcpxml":
            from diffbgm.planner.markers import write_fcpxml

            f = self.features
            write_fcpxml(self.plan, path, frame_rate=f.frame_rate, width=f.width, height=f.height)
        else:
            known = (*media.COPYABLE, *media.SOUND_CODECS, ".mid", ".json", ".png", ".fcpxml")
            raise OutputError(f"{path}: no such format {suffix or '(no suffix)'}; use one of {', '.join(known)}")
        return path

    def save_all(self, folder: str | os.PathLike[str], name: str | None = None) -> dict[str, Path]:
        """Video, sound, MIDI, receipt, plan, picture, markers and every stem into `folder`; the paths, by kind."""
        folder = files.make_folder(folder)
        stem = name or f"{self.source.stem}-scored"
        suffixes = {"video": "mp4", "audio": "wav", "midi": "mid", "receipt": "receipt.json", "plan": "plan.json"}
        suffixes |= {"picture": "png", "markers": "fcpxml"}
        paths = {kind: self.save(folder / f"{stem}.{suffix}") for kind, suffix in suffixes.items()}
        for role, audio in self.stems.items():
            paths[f"stem {role}"] = folder / f"{stem}.{role}.wav"
            media.write_audio(audio, paths[f"stem {role}"])
        return paths

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws shots and cuts over tempo, curves, sections and piano roll on one time axis, as PNG."""
        from diffbgm.plot import plot_plan

        return plot_plan(self.plan, path, roll=self.roll)
