"""What runs in processes of their own, because it opens what a stranger sent: look at a video, put music under it.

A codec that crashes, a picture that takes all memory, a stream that never ends: each ends its process at worst, and
`processes.ask` makes a message of it. Nothing here knows the page.
"""

import signal
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import av
import numpy as np

from diffbgm.arrange import arrange
from diffbgm.band import PALETTES
from diffbgm.errors import Cancelled, DiffBGMError, InputError, VideoError
from diffbgm.hub import Origin
from diffbgm.media import Limits, frames, mux, read_audio, write_audio, write_video
from diffbgm.media.writing import SoundTrack
from diffbgm.midi import program_name
from diffbgm.options import ComposeOptions, KeepAudio, ScoreOptions
from diffbgm.planner import check_plan_fits
from diffbgm.progress import Clock, Progress
from diffbgm.project import Project, load_project, save_project
from diffbgm.render import Rendering, stem_names
from diffbgm.render.ducking import bed_gain, find_speech, fit
from diffbgm.render.loudness import limiter_curve, peak_envelope
from diffbgm.result import Result
from diffbgm.retake import replace_bars
from diffbgm.stages import PlannedVideo, arrange_and_render
from diffbgm.types import Audio, MusicPlan, PianoRoll, Track, VideoFeatures
from diffbgm.video import analyze
from space.films import Still, stills
from space.limits import MEMORY, PAGE, check

T = TypeVar("T")
Told = Callable[[str, float], None]  # hears the name of a stage and how much of it is done, 0 to 1
Answer = tuple[Literal["done", "refused", "failed", "stopped"], Any]
GRACE = 10.0  # seconds between the end of the time for a task and the end of its process
TELL_EVERY = 0.1  # seconds
PEAKS = 600  # points of the drawn waveform
PROXY_SIZE = 640  # pixels of the longer side of a copy for the browser
PROXY_EVERY = 1 / 30  # seconds between its pictures, at least
MIXABLE = 180.0  # seconds of film up to which the browser holds every stem in memory
OPUS_BIT_RATE = 96_000
WRITERS = 2  # files that are written side by side
PEAK = 10 ** (-1 / 20)  # that the limiter lets through
RATE = 48_000  # Hz
SILENCE = Audio(np.zeros((2, 1), np.float32), RATE)
QUIET = -200.0  # dB of what is muted
SOUNDING = ("video", "wav", "mp3", "editor")  # files that hold the mix
FINISHING = 900.0  # seconds that arranging, playing and writing may take
KINDS = {
    "video": "mp4", "midi": "mid", "wav": "wav", "mp3": "mp3", "score": "musicxml", "receipt": "receipt.json",
    "picture": "png", "plan": "plan.json", "project": "project.json", "stems": "stems.zip", "editor": "editor.zip",
}  # fmt: skip
FILE_COST = {"video": 3.0, "midi": 0.1, "wav": 0.2, "mp3": 6.0, "stems": 0.4}  # those of a program's take


@dataclass(frozen=True)
class Seen:
    """What was found out about a video; `sound` is none, sound or speech."""

    features: VideoFeatures
    sound: str
    speech: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Played:
    """A take as the page plays it.

    Attributes:
        stems: What the browser plays, by role, in the order of a score; long films have only "music".
        exact: The same without loss, for what is written later.
        peaks: [PEAKS] the loudest sample of each stretch, 0 to 1.
        bed: dB by which the music lies lower under the film's own sound.
        duck: (seconds, dB) corners of a line by which it goes down further where somebody speaks.
        receipt: How well the music fits.
        players: The instrument by role.
    """

    stems: Mapping[str, Path]
    exact: Mapping[str, Path]
    peaks: np.ndarray
    bed: float
    duck: tuple[tuple[float, float], ...]
    receipt: Mapping[str, Any]
    players: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Heard:
    """A take that was played: its plan, its notes, the options that it was made with, its sound."""

    plan: MusicPlan
    roll: PianoRoll
    settings: ScoreOptions
    played: Played


@dataclass(frozen=True)
class Order:
    """A file that is wanted of a take, with the mix as the page plays it.

    Attributes:
        kind: A key of `KINDS`.
        gains: dB by role; a role that is not named is silent.
        keep: What becomes of the video's own sound.
        name: Of the file, without suffix.
    """

    kind: str
    gains: Mapping[str, float]
    keep: KeepAudio
    name: str


@dataclass(frozen=True, eq=False)
class Finished:
    """The files of a take by kind, its receipt, and `peaks` [PEAKS], the loudest sample of each stretch, 0 to 1."""

    files: Mapping[str, Path]
    receipt: Mapping[str, Any]
    peaks: np.ndarray


class StageClock(Clock):
    """A clock that tells which stage runs and how much of that stage is done, whatever part of the whole it is."""

    def __init__(self, told: Told, seconds: Mapping[str, float] | None = None) -> None:
        """`seconds`: per stage, of the work that was done before."""
        super().__init__(None, seconds)
        self._told = told

    @contextmanager
    def stage(self, name: str, start: float, end: float) -> Generator[Progress]:
        """As `Clock.stage`; where the stage lies in the whole is for the listener to say."""
        with super().stage(name, start, end):
            self._told(name, 0.0)
            yield lambda fraction, message: self._told(name, fraction)


# --- the tasks -----------------------------------------------------------------------------------------------------


def look(told: Told, path: Path, limits: Limits = PAGE) -> Seen:
    """Looks at a video that the page takes, and listens meanwhile whether somebody speaks.

    Raises:
        VideoError: The page does not take it.
    """
    info = check(path, limits)
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(listen, path, info.duration) if info.has_audio else None
        features = analyze(path, limits=limits, on_progress=lambda fraction, message: told("watch", 0.9 * fraction))
    if early is None or not features.has_audio:
        return Seen(features, "none")
    told("watch", 0.95)
    same = features.duration == info.duration
    return Seen(features, *(early.result() if same else listen(path, features.duration)))


def listen(path: Path, until: float) -> tuple[str, tuple[tuple[float, float], ...]]:
    """What a video sounds like up to `until` seconds (none, sound or speech), and (start, end) of the speech."""
    try:
        own = read_audio(path, until=until)
    except VideoError:  # a film with a broken sound is one without
        own = None
    if own is None or not own.samples.any():
        return "none", ()
    speech = find_speech(own)
    return ("speech" if speech else "sound"), tuple(speech)


def pictures(told: Told, path: Path, features: VideoFeatures, folder: Path) -> tuple[tuple[Still, ...], Path]:
    """Small pictures along a video, and its poster, as files in `folder`."""
    told("watch", 1.0)
    return stills(path, features, folder, lambda: told("watch", 1.0))


def proxy(told: Told, path: Path, duration: float, out: Path) -> Path:
    """A small copy of a video that every browser shows: H.264, at most PROXY_SIZE pixels, with its own sound."""

    def shrunk() -> Iterator[tuple[float, np.ndarray]]:
        for at, picture in frames(path, size=PROXY_SIZE, every=PROXY_EVERY, limits=PAGE):
            told("proxy", 0.9 * at / duration)
            yield at, picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]

    silent = out.with_name("silent.mp4")
    write_video(shrunk(), silent, end=duration, quality=26)
    own = read_audio(path, until=duration)
    if own is None:
        return silent.replace(out)
    mux(silent, own, out, duration=duration)
    silent.unlink()
    return out


def play(
    told: Told,
    path: Path,
    planned: PlannedVideo,
    roll: PianoRoll,
    settings: ScoreOptions,
    options: ComposeOptions,
    origin: Origin,
    folder: Path,
    speech: Sequence[tuple[float, float]],
    tracks: Sequence[Track] = (),
) -> Played:
    """Arranges and plays a roll, and writes what the page needs to play and to mix it into `folder`."""
    clock = StageClock(told, planned.seconds)
    result = arrange_and_render(path, planned, roll, settings, options, origin, clock, tracks=tracks)
    return write_played(told, result, folder, speech)


def play_part(
    told: Told,
    path: Path,
    planned: PlannedVideo,
    roll: PianoRoll,
    settings: ScoreOptions,
    folder: Path,
    speech: Sequence[tuple[float, float]],
    old: Heard,
    bars: Sequence[int],
) -> Played:
    """The same where only some bars (from 0) differ from another take: the sound of that take stays around them."""
    result = result_of(path, planned.features, old, speech)

    def tell(fraction: float, message: str) -> None:
        told("render", fraction)

    return write_played(told, replace_bars(result, planned.plan, roll, bars, settings, tell), folder, speech)


def write_played(told: Told, result: Result, folder: Path, speech: Sequence[tuple[float, float]]) -> Played:
    """Writes the sound of a result, as the page needs it, into `folder`."""
    stems, exact = result.stems, {role: folder / f"{role}.flac" for role in result.stems}
    heard = stems if result.plan.duration <= MIXABLE else {"music": result.music}
    small = {role: folder / f"{role}.ogg" for role in heard}
    with ThreadPoolExecutor(WRITERS) as pool:
        jobs = [pool.submit(write_opus, audio, small[role]) for role, audio in heard.items()]
        jobs += [pool.submit(write_audio, audio, exact[role]) for role, audio in stems.items()]
        for i, job in enumerate(jobs):
            told("write", i / len(jobs))
            job.result()
    bed, duck = 0.0, ()
    own = read_audio(result.source, until=result.plan.duration) if result.features.has_audio else None
    if own is not None:
        voice = fit(own, result.music.rate, result.music.samples.shape[1])
        gain = bed_gain(voice, result.music.samples, speech, result.music.rate)
        bed, duck = corners_of(gain, result.music.rate)
    tracks = [track for track in result.score.tracks if track.notes]
    players = dict(zip(stem_names(tracks), map(program_name, tracks), strict=True))
    return Played(small, exact, peaks_of(result.music.samples), bed, duck, dict(result.receipt), players)


def result_of(
    path: Path, features: VideoFeatures, heard: Heard, speech: Sequence[tuple[float, float]], audio: Audio | None = None
) -> Result:
    """A take as a result of the SDK; its sound is read again, unless what it sounds like is given."""
    stems = {} if audio is not None else {role: _flac(file) for role, file in heard.played.exact.items()}
    mix = audio or Audio(np.sum([stem.samples for stem in stems.values()], axis=0), RATE)
    receipt = heard.played.receipt
    sound = Rendering(mix, stems, 0.0, 0.0, str(receipt.get("synthesizer", "")), str(receipt.get("soundfont", "")))
    duck = heard.settings.keep_audio == "duck"
    return Result(
        plan=heard.plan,
        roll=heard.roll,
        score=arrange(heard.roll, heard.plan, seed=heard.settings.seed or 0, speech=speech if duck else ()),
        audio=mix,
        music=mix,
        stems=stems,
        features=features,
        options=heard.settings,
        source=path,
        receipt=receipt,
        sound=None if audio is not None else sound,
    )


def corners_of(gain: np.ndarray, rate: int) -> tuple[float, tuple[tuple[float, float], ...]]:
    """The largest gain of [N] in dB, and the (seconds, dB below it) between which the rest lies on straight lines."""
    level = 20 * np.log10(np.maximum(gain[:: rate // 20], 1e-6))
    top = float(level.max())
    bends = np.abs(np.diff(level, 2, prepend=level[:1], append=level[-1:])) > 0.02
    at = sorted({0, len(level) - 1, *(int(i) for i in np.flatnonzero(bends))})
    return top, tuple((i / 20, float(level[i]) - top) for i in at)


def write(
    told: Told,
    path: Path,
    features: VideoFeatures,
    heard: Heard,
    speech: Sequence[tuple[float, float]],
    order: Order,
    folder: Path,
) -> Path:
    """Writes one file of a take into `folder`, mixed as ordered; its path."""
    told("write", 0.1)
    out = folder / f"{order.name}.{KINDS[order.kind]}"
    played = heard.played
    if order.kind == "stems":
        return pack_stems({role: _flac(file) for role, file in played.exact.items()}, out)
    audio = mixed(path, heard.plan.duration, played, speech, order) if order.kind in SOUNDING else SILENCE
    told("write", 0.5)
    receipt = {**played.receipt, "keep_audio": order.keep, "gains": dict(order.gains)}
    result = result_of(path, features, replace(heard, played=replace(played, receipt=receipt)), speech, audio)
    if order.kind == "editor":
        return pack_for_editor(replace(result, stems={r: _flac(file) for r, file in played.exact.items()}), out)
    if order.kind == "project":
        muted = dict.fromkeys(played.exact, QUIET)
        return save_project(replace(result, gains={**muted, **order.gains}), out)
    return result.save(out)


def open_project(told: Told, path: Path, features: VideoFeatures) -> Project:
    """A project file that somebody sent; InputError where it is none, or belongs to another video."""
    told("write", 0.1)
    project = load_project(path)
    check_plan_fits(project.plan, features)
    if project.plan.palette not in PALETTES:  # the file of an ensemble would be one of this machine
        raise InputError(f"{path}: its band is none of this page's; open it with diffbgm on your own machine")
    return project


def mixed(path: Path, duration: float, played: Played, speech: Sequence[tuple[float, float]], order: Order) -> Audio:
    """The sound of a take as ordered: its stems by their gains, under the video's own sound where that is kept."""
    rate = RATE
    parts = [
        _flac(played.exact[role]).samples * np.float32(10 ** (gain / 20))
        for role, gain in order.gains.items()
        if role in played.exact
    ]
    music: np.ndarray = np.sum(parts, axis=0) if parts else np.zeros((2, round(duration * rate)), np.float32)
    own = None if order.keep == "replace" else read_audio(path, until=duration)
    if own is None:
        total, ceiling = music, PEAK
    else:
        voice = fit(own, rate, music.shape[1])
        corners: tuple[tuple[float, float], ...] = played.duck if order.keep == "duck" and speech else ((0.0, 0.0),)
        times, levels = [t for t, _ in corners], [level for _, level in corners]
        at: np.ndarray = np.linspace(0.0, duration, music.shape[1], endpoint=False)
        level = np.asarray(np.interp(at, times, levels), np.float32) + played.bed
        total = voice + music * np.power(10, level / 20, dtype=np.float32)
        ceiling = max(PEAK, min(1.0, float(np.abs(voice).max(initial=0.0))))
    return Audio(total * limiter_curve(peak_envelope(total), rate, ceiling), rate)


def _flac(path: Path) -> Audio:
    """The sound of a file of our own."""
    audio = read_audio(path)
    assert audio is not None
    return audio


def finish(
    told: Told,
    path: Path,
    planned: PlannedVideo,
    roll: PianoRoll,
    settings: ScoreOptions,
    options: ComposeOptions,
    origin: Origin,
    folder: Path,
    name: str,
) -> Finished:
    """Arranges and plays a roll, puts it under the video, and writes every file of the take into `folder`."""
    clock = StageClock(told, planned.seconds)
    result = arrange_and_render(path, planned, roll, settings, options, origin, clock)
    return Finished(
        write_files(result, folder, name, lambda fraction: told("write", fraction)),
        dict(result.receipt),
        peaks_of(result.music.samples),
    )


def warm(told: Told) -> None:
    """Loads what the tasks need, so that the first visitor does not wait for it."""
    for name in ("cv2", "matplotlib.pyplot", "pyloudnorm", "scenedetect", "scipy.signal"):
        import_module(name)


def write_files(result: Result, folder: Path, name: str, told: Callable[[float], None]) -> dict[str, Path]:
    """Every file of a take, by kind."""
    files: dict[str, Path] = {}
    done, whole = 0.0, sum(FILE_COST.values())
    for kind, cost in FILE_COST.items():
        told(done / whole)
        out = folder / f"{name}.{KINDS[kind]}"
        files[kind] = pack_stems(result.stems, out) if kind == "stems" else result.save(out)
        done += cost
    return files


def pack_stems(stems: Mapping[str, Audio], out: Path) -> Path:
    """The stems as WAV files in one archive."""
    return pack(write_stems(stems, out.with_name(out.name.removesuffix(".stems.zip"))), out)


def pack_for_editor(result: Result, out: Path) -> Path:
    """Timelines for video editors in one archive with the mix and the stems, which they name as files beside them."""
    base = out.with_name(out.name.removesuffix(".editor.zip"))
    parts = [*write_stems(result.stems, base), result.save(f"{base}.wav")]
    for suffix in (".fcpxml", *((".otio",) if find_spec("opentimelineio") else ())):
        timeline = result.save(f"{base}{suffix}")
        text = timeline.read_text(encoding="utf-8")
        for folder in (result.source.parent, out.parent):
            text = text.replace(f"{folder.resolve().as_uri()}/", "")
        timeline.write_text(text, encoding="utf-8")
        parts.append(timeline)
    return pack(parts, out)


def write_stems(stems: Mapping[str, Audio], base: Path) -> list[Path]:
    """NAME.ROLE.wav for every stem."""
    paths = [base.with_name(f"{base.name}.{role}.wav") for role in stems]
    for audio, path in zip(stems.values(), paths, strict=True):
        write_audio(audio, path)
    return paths


def pack(parts: Sequence[Path], out: Path) -> Path:
    """The files in one archive; they are gone afterwards."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for part in parts:
            archive.write(part, part.name)
            part.unlink()
    return out


def write_opus(audio: Audio, path: Path) -> None:
    """Sound as Opus: a tenth of its size, for playing in the browser."""
    opened: Any = av.open(str(path), "w")
    with opened as target:
        sound = SoundTrack(target, audio, "libopus", "s16")
        sound.stream.bit_rate = OPUS_BIT_RATE
        sound.write_until(np.inf)
        sound.finish()


def peaks_of(samples: np.ndarray) -> np.ndarray:
    """[PEAKS] of sound [C, N]: the loudest sample of each stretch, 0 to 1."""
    edges = [samples.shape[1] * i // PEAKS for i in range(PEAKS)]
    return np.maximum.reduceat(np.abs(samples).max(0), edges)


# --- what holds them -----------------------------------------------------------------------------------------------


def serve(task: Callable[..., T], told_to: str, seconds: float, *arguments: Any) -> Answer:
    """Runs a task within bounds; what it ended with. It stops when the file it tells its progress to is gone."""
    try:
        with bounded(seconds):
            return "done", task(tell_to(Path(told_to)), *arguments)
    except Cancelled:
        return "stopped", None
    except InputError as e:
        return "refused", str(e)
    except MemoryError:
        return "refused", f"needs more than {MEMORY >> 30} GB of memory; export it smaller"
    except DiffBGMError as e:
        return "failed", str(e)


@contextmanager
def bounded(seconds: float) -> Generator[None]:
    """At most MEMORY bytes for this process, and `seconds` for the block.

    Where the time is over VideoError is raised; a library that does not let go within GRACE has its process ended.
    """
    limit_memory()

    def late(number: int, frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        raise VideoError(f"takes longer than {seconds:.0f} s to read; export it smaller, or cut it")

    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory() -> None:
    """Lets this process have MEMORY bytes, where the system can hold it to that."""
    if sys.platform.startswith("linux"):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def tell_to(path: Path) -> Told:
    """Writes stage and fraction into a file that is there; raises Cancelled once it is not."""
    last = [0.0]

    def told(stage: str, fraction: float) -> None:
        if not path.exists():
            raise Cancelled("stopped")
        if time.monotonic() - last[0] >= TELL_EVERY or fraction in (0.0, 1.0):
            last[0] = time.monotonic()
            with open(path, "r+", encoding="utf-8") as file:  # never makes it anew
                file.write(f"{stage} {fraction:.4f}\n")

    return told
