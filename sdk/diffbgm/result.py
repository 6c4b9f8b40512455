"""What scoring a video gives back: everything in memory, written out by `save` as the suffix asks."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from diffbgm import codec, files, media
from diffbgm.errors import InputError, OutputError, RenderError
from diffbgm.leadsheet import lead_sheet
from diffbgm.midi import midi_bytes, write_midi
from diffbgm.notation import write_musicxml
from diffbgm.options import KeepAudio, ScoreOptions, with_changes
from diffbgm.paths import companion, digest_of
from diffbgm.planner.markers import xml_text
from diffbgm.receipt import finite
from diffbgm.render import Rendering
from diffbgm.render.ducking import find_speech, mix_under
from diffbgm.setting import PATH, checked, need_all
from diffbgm.timeline import Clip, write_fcpxml, write_otio
from diffbgm.typed import typed
from diffbgm.types import Audio, MusicPlan, PianoRoll, Score, VideoFeatures

PLAN = ".plan.json"
LEAD_SHEET = ".lead.musicxml"
CUT_OFF = 0.02  # seconds of a fade that nobody hears as one
TIMELINES = (".otio", ".fcpxml")  # they hold the files that lie beside them
FORMATS = (*media.COPYABLE, *media.SOUND_CODECS, ".mid", ".midi", ".musicxml", ".json", ".png", *TIMELINES)


@dataclass(frozen=True, eq=False)
@typed(InputError)
class Take:
    """One of several takes of a plan, as a critic hears it.

    Args:
        seed: The notes were drawn with it.
        roll: The notes, in the plan's key.
        score: What they are ranked by, the higher the better.
        reasons: Why, in a few words each: "strikes 7 of 7 cuts", "a little busy".
    """

    seed: int
    roll: PianoRoll
    score: float = 0.0
    reasons: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The reasons in a line."""
        return ", ".join(self.reasons)


@dataclass(frozen=True, eq=False, repr=False)
@typed(InputError)
class Result:
    """A scored video.

    Args:
        plan: What was composed.
        roll: The notes, in the plan's key.
        score: The same arranged for instruments.
        audio: What the scored video sounds like.
        music: The music alone.
        stems: Its roles, which sum to `music`.
        features: What the pictures say.
        options: All options of the take, with the seed that was used.
        source: The video that was scored; `save` needs it for video files.
        receipt: How well the music fits, as plain JSON values (see `receipt.make_receipt`).
        holder: What keeps a temporary copy of the source alive, where there is one.
        sound: The rendering before any `remix`; None where no stems were kept.
        gains: dB by stem that `remix` was asked for.
        takes: All takes, the best first; this result is one of them. Empty where only one was composed.
    """

    plan: MusicPlan
    roll: PianoRoll
    score: Score
    audio: Audio
    music: Audio
    stems: Mapping[str, Audio]
    features: VideoFeatures
    options: ScoreOptions
    receipt: Mapping[str, Any]
    source: Path
    holder: object = None
    sound: Rendering | None = None
    gains: Mapping[str, float] = field(default_factory=dict[str, float])
    takes: tuple[Take, ...] = ()

    def __repr__(self) -> str:
        plan, bpm = self.plan, self.receipt["tempo"]["base"]
        return f"Result({plan.duration:.2f} s, {plan.bars} bars, {plan.key}, {bpm:.0f} bpm, seed {self.seed})"

    @property
    def seed(self) -> int:
        """The seed that the notes were drawn with."""
        return self.options.seed or 0

    @property
    def midi(self) -> bytes:
        """A standard MIDI file with the true tempo map, and markers at cuts and sections."""
        return midi_bytes(self.score)

    @checked(gains=Mapping)
    def remix(
        self,
        gains: Mapping[str, float] | None = None,
        *,
        keep_audio: KeepAudio | None = None,
        fade: float | None = None,
        loudness: float | str | None = None,
    ) -> "Result":
        """The same music mixed otherwise, from its stems: nothing is composed, arranged or synthesised.

        Gains are of the music as it was rendered, whatever it was remixed to since; a stem that is not named keeps the
        gain it has. The music stays as loud as it is unless `loudness` says otherwise, and is limited. "duck" only
        ducks here: the notes do not make way for speech as they do where `score` was asked for it.

        Args:
            gains: dB by stem, see `stems`; `-math.inf` mutes.
            keep_audio: What becomes of the video's own sound; None: as it is.
            fade: Seconds of the final fade; None: as it is.
            loudness: LUFS of the music, or a platform (see `platforms.PLATFORMS`); None: as it is.

        Returns:
            The remixed take.

        Raises:
            RenderError: No stems were kept.
            OptionError: There is no such stem, gain, loudness or option.
            VideoError: The video's own sound is wanted and cannot be read.
        """
        from diffbgm.render.remix import remix

        if self.sound is None:
            raise RenderError("this result kept no stems to mix again; score with stems")
        wanted = {"keep_audio": keep_audio, "fade": fade, "loudness": loudness}
        settings = with_changes(self.options, {name: value for name, value in wanted.items() if value is not None})
        asked = {**self.gains, **(gains or {})}
        first_fade = self.receipt.get("rendered_fade", self.options.fade)
        first_loudness = self.receipt.get("rendered_loudness", self.options.loudness)
        loudness = None if settings.loudness == first_loudness else settings.loudness
        fade, old_fade = (final_fade(self.plan, seconds) for seconds in (settings.fade, first_fade))
        sound = remix(self.sound, self.score, asked, fade=fade, old_fade=old_fade, loudness=loudness)
        audio, speech = under_own_sound(self.source, sound.mix, settings, self.receipt["speech"])
        receipt = {
            **self.receipt,
            "audio_duration": audio.duration,
            "keep_audio": settings.keep_audio,
            "options": settings.to_plain(),
            "loudness_lufs": finite(round(sound.lufs, 2)),
            "true_peak_dbtp": finite(round(sound.true_peak, 2)),
            "speech": [[round(a, 3), round(b, 3)] for a, b in speech],
            "rendered_fade": first_fade,
            "rendered_loudness": first_loudness,
            "gains": {name: finite(gain) for name, gain in asked.items()},
        }
        return replace(
            self, audio=audio, music=sound.mix, stems=sound.stems, options=settings, receipt=receipt, gains=asked
        )

    @checked(path=PATH)
    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes what the suffix asks for, whole or not at all.

        .mp4 .m4v .mov .mkv  the scored video        .wav .flac .mp3  its sound
        .mid                 the music as MIDI       .json            the receipt (`NAME.plan.json`: the plan)
        .png                 a picture of the plan over its piano roll
        .musicxml            the full score, with the plan's chords over the melody (`NAME.lead.musicxml`: a lead
                             sheet, with the chords that are heard where none are asked for)
        .otio .fcpxml        a timeline for a video editor: the film, and the mix (.wav) and stems that lie beside it,
                             as clips on tracks of their own, with markers at cuts and sections

        Args:
            path: The file to write; another of this name is replaced, the video that was scored never.

        Returns:
            The path.

        Raises:
            OutputError: Another suffix, a place that cannot be written, or the video that was scored.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        self._check_target(path)
        if suffix in media.COPYABLE:
            self.write_video(path)
        elif suffix in media.SOUND_CODECS:
            media.write_audio(self.audio, path, tags=self._tags("mix"))
        elif suffix in (".mid", ".midi"):
            write_midi(self.score, path)
        elif path.name.lower().endswith(PLAN):
            files.write_text(path, codec.to_json(self.plan, indent=1) + "\n")
        elif suffix == ".json":
            files.write_json(path, dict(self.receipt), indent=2)
        elif suffix == ".png":
            self.plot(path)
        elif path.name.lower().endswith(LEAD_SHEET):
            score, chords = lead_sheet(self.score, self.roll, self.plan)
            write_musicxml(score, path, title=xml_text(self.source.stem), chords=chords)
        elif suffix == ".musicxml":
            write_musicxml(self.score, path, title=xml_text(self.source.stem), chords=self.plan.chords)
        elif suffix == ".otio":
            write_otio(self.plan, path, *self._clips(path))
        else:
            write_fcpxml(self.plan, path, *self._clips(path), width=self.features.width, height=self.features.height)
        return path

    def _check_target(self, path: Path) -> None:
        """Raise OutputError for the video that was scored, and for what no format is called."""
        if path.exists() and self.source.exists() and path.samefile(self.source):
            raise OutputError(f"{path}: is the video that was scored; choose another name")
        if (suffix := path.suffix.lower()) not in FORMATS:
            raise OutputError(f"{path}: no such format {suffix or '(no suffix)'}; use one of {', '.join(FORMATS)}")

    def _clips(self, timeline: Path) -> tuple[Clip, list[Clip]]:
        """The film, and the sound files that lie beside a timeline; the film is the scored one where no other stays."""
        scored = next((p for s in media.COPYABLE if (p := companion(timeline, s)).exists()), self.source)
        rate = self.features.frame_rate or 25.0
        film = Clip("film", scored if self.holder else self.source, round(self.features.duration * rate), rate)
        mixes = [p for s in media.SOUND_CODECS if (p := companion(timeline, s)).exists()]
        sounds = [Clip("mix", path, self.audio.samples.shape[1], self.audio.rate) for path in mixes[:1]]
        for name, stem in self.stems.items():
            if (path := companion(timeline, f".{name}.wav")).exists():
                sounds.append(Clip(name, path, stem.samples.shape[1], stem.rate, enabled=not mixes))
        return film, sounds

    def write_video(self, path: Path) -> media.MuxReport:
        """Writes the scored video; returns whether the pictures were copied, and what could not be kept.

        Raises:
            OutputError: It cannot be written, or is the video that was scored.
        """
        self._check_target(path)
        own = self.receipt["keep_audio"] != "replace"
        tags = self._tags(xml_text(self.source.stem))  # a name on a disk may hold what is no letter
        return media.mux(self.source, self.audio, path, duration=self.plan.duration, own_sound=own, tags=tags)

    def _tags(self, title: str) -> dict[str, str]:
        """What a file says of itself."""
        return {"title": title, "comment": f"music by diffbgm, seed {self.seed}"}

    @checked(video=PATH, kinds=Iterable, stems=bool)
    def save_files(
        self, video: str | os.PathLike[str], kinds: Iterable[str] = (), *, stems: bool = False
    ) -> tuple[dict[str, Any], list[Path]]:
        """Writes the scored video, the MIDI file and the receipt, and what else is wanted, beside each other.

        The receipt names every file with its digest, so that a later run knows which files are its own. It is written
        first, without digests, so that this is so even where the work is broken off in between, and again at the end.

        Args:
            video: The scored video; the other files have its name with other suffixes.
            kinds: Suffixes of further files, such as ".wav" and ".png"; a timeline comes with the mix as .wav.
            stems: Whether to write NAME.STEM.wav for every stem.

        Returns:
            The receipt as it was written, and all paths.

        Raises:
            OutputError: One of them cannot be written.
        """
        video, kinds = Path(video), with_mix([kinds] if isinstance(kinds, str) else kinds)
        need_all("kinds", kinds, str)
        if not video.name:
            raise OutputError(f"{video}: is a folder; give the name of the file to write")
        receipt = companion(video, ".receipt.json")
        paths = [video, *(companion(video, suffix) for suffix in (".mid", *kinds))]
        roles = {role: companion(video, f".{role}.wav") for role in self.stems} if stems else {}
        if video.suffix.lower() not in media.COPYABLE:
            raise OutputError(f"{video}: the scored video must be one of {', '.join(media.COPYABLE)}")
        for path in (*paths, receipt):
            self._check_target(path)
        written = [*paths, *roles.values()]
        told = {**self.receipt, "files": {path.name: None for path in written}}
        files.write_json(receipt, told, indent=2)
        report = self.write_video(video)
        told["video"] = {"pictures": report.pictures, "why": report.why, "left_out": list(report.left_out)}
        for role, path in roles.items():
            media.write_audio(self.stems[role], path, tags=self._tags(role))
        for path in paths[1:]:
            self.save(path)
        told["files"] = {path.name: digest_of(path) for path in written}
        files.write_json(receipt, told, indent=2)
        return told, [*paths[:2], receipt, *paths[2:], *roles.values()]

    @checked(folder=PATH, name=str)
    def save_all(self, folder: str | os.PathLike[str], name: str | None = None) -> dict[str, Path]:
        """Writes video, sound, MIDI, score, lead sheet, receipt, plan, picture, timelines and every stem.

        The OpenTimelineIO file is left out where opentimelineio is not installed.

        Args:
            folder: Where to; made where it is missing.
            name: What the files are called (default: the video's name and "-scored").

        Returns:
            The paths, by kind.

        Raises:
            OutputError: One of them cannot be written.
        """
        folder = files.make_folder(folder)
        video = folder / f"{name or f'{self.source.stem}-scored'}{media.default_suffix(self.source)}"
        kinds = {
            "audio": ".wav",
            "plan": PLAN,
            "picture": ".png",
            "score": ".musicxml",
            "lead sheet": LEAD_SHEET,
            "markers": ".fcpxml",
        }
        kinds |= {"timeline": ".otio"} if find_spec("opentimelineio") else {}
        self.save_files(video, kinds.values(), stems=True)
        kinds |= {"midi": ".mid", "receipt": ".receipt.json", **{f"stem {role}": f".{role}.wav" for role in self.stems}}
        return {"video": video, **{kind: companion(video, suffix) for kind, suffix in kinds.items()}}

    @checked(path=PATH)
    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws shots and cuts over tempo, curves, sections and piano roll on one time axis, as PNG."""
        from diffbgm.plot import plot_plan

        return plot_plan(self.plan, path, roll=self.roll)


def under_own_sound(
    source: Path, music: Audio, options: ScoreOptions, speech: Iterable[Iterable[float]] | None = None
) -> tuple[Audio, list[tuple[float, float]]]:
    """The music as it goes into the video, and where it makes way for speech; see `own_sound`."""
    own, spans = own_sound(source, options, music.duration, speech)
    return laid_under(own, music, spans), spans


def own_sound(
    source: Path, options: ScoreOptions, until: float, speech: Iterable[Iterable[float]] | None = None
) -> tuple[Audio | None, list[tuple[float, float]]]:
    """The video's own sound where it is to stay, and (start, end) in seconds of the speech that music makes way for.

    Args:
        source: The video, whose own sound may be wanted.
        options: `keep_audio` says what becomes of its own sound.
        until: Seconds that are read.
        speech: The speech where that is known; empty or None where it is to be looked for.

    Raises:
        VideoError: The video's own sound is wanted and cannot be read.
    """
    own = None if options.keep_audio == "replace" else media.read_audio(source, until=until)
    if own is None or options.keep_audio != "duck":
        return own, []
    return own, [(a, b) for a, b in speech or ()] or find_speech(own)


def laid_under(own: Audio | None, music: Audio, speech: Sequence[tuple[float, float]]) -> Audio:
    """The music mixed under the video's own sound, where there is any, and ducked in the `speech`."""
    return music if own is None else mix_under(own, music, "duck" if speech else "mix", speech)


def final_fade(plan: MusicPlan, asked: float | None) -> float | None:
    """Seconds of the final fade: as asked, hardly any where the plan is to cut off, None: as `render` has it."""
    return CUT_OFF if asked is None and plan.ending == "cut" else asked


def with_mix(kinds: Iterable[str]) -> list[str]:
    """The suffixes in the order they are written: timelines last, and the mix as .wav before them."""
    kinds = list(kinds)
    last = [kind for kind in kinds if kind in TIMELINES]
    first = [kind for kind in kinds if kind not in TIMELINES]
    return [*first, *([".wav"] if last and not set(first) & set(media.SOUND_CODECS) else []), *last]
