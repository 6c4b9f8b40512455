"""Tracks to raw stems: MIDI in seconds through FluidSynth or midirenderer, in parallel processes."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.media.blocks import new_sound, release
from diffbgm.midi import DRUM_CHANNEL, Event, control_event, delta_track, file_bytes, note_events
from diffbgm.progress import Progress, silent
from diffbgm.render.rate import resample
from diffbgm.render.sf3 import DRUM_BANK, decode_font
from diffbgm.render.soundfont import is_compressed
from diffbgm.types import Control, Note, TempoMap, Track

Engine = Literal["fluidsynth", "midirenderer"]
TICKS = 9600  # per second: stems are written without a tempo map, each event at its time to a tenth of a millisecond
CHUNK = 150.0  # seconds a process renders at most, so that memory stays flat however long the piece
TAIL = 3.0  # seconds that a released note may ring on
WORKER = Path(__file__).with_name("synth_worker.py")
REVERB_SEND, CHORUS_SEND, SUSTAIN = 91, 93, 64
POLL = 0.1  # seconds between looks at whether somebody cancelled
SAMPLE_BYTES = 8  # of a stereo WAV file, at most


@dataclass(frozen=True)
class Job:
    """A stretch of one track: its events, `start` and `length` in seconds."""

    track: int
    start: float
    length: float
    midi: bytes


def find_engine() -> Engine:
    """Return FluidSynth where its binary is on PATH, else midirenderer; RenderError when neither is there."""
    if shutil.which("fluidsynth") and find_spec("midi2audio"):
        return "fluidsynth"
    if find_spec("midirenderer"):
        return "midirenderer"
    raise RenderError("no synthesizer found; install FluidSynth (apt install fluidsynth) or `pip install midirenderer`")


def synthesize(
    tracks: Sequence[Track], tempo: TempoMap, samples: int, rate: int, engine: Engine, soundfont: Path,
    on_progress: Progress = silent,
) -> list[np.ndarray]:  # fmt: skip
    """Synthesize one dry stem [2, samples] float32 for every track, centred, at the synthesizer's own level.

    Args:
        tracks: With notes in beats.
        tempo: When every beat is.
        samples: Length of the stems.
        rate: Hz.
        engine: The synthesizer.
        soundfont: An .sf2 or .sf3 file.
        on_progress: Hears the fraction of the stretches that are done.

    Raises:
        RenderError: The synthesizer fails, or there is no room for temporary files.

    """
    jobs = [job for index, track in enumerate(tracks) for job in make_jobs(index, track, tempo)]
    stems = [new_sound(2, samples) for _ in tracks]
    stop = threading.Event()
    workers = max(1, min(len(jobs), os.cpu_count() or 1, 4))
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder, ThreadPoolExecutor(workers) as pool:
        font = _readable(soundfont, tracks, Path(folder))
        futures = {
            pool.submit(_run, job, Path(folder) / str(i), engine, font, rate, stop): job for i, job in enumerate(jobs)
        }
        try:
            for done, future in enumerate(as_completed(futures), 1):
                job = futures[future]
                wav = future.result()
                _add(stems[job.track], wav, round(job.start * rate), round(job.length * rate), rate)
                wav.unlink()
                on_progress(done / len(jobs), f"rendering {tracks[job.track].role}")
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return stems


def _readable(soundfont: Path, tracks: Sequence[Track], folder: Path) -> Path:
    """Return the font, or one in `folder` that holds what these tracks need of it, its samples decoded."""
    if not is_compressed(soundfont):
        return soundfont
    font = folder / f"{soundfont.stem}.sf2"
    presets = {(DRUM_BANK if track.is_drum else 0, track.program) for track in tracks}
    try:
        font.write_bytes(decode_font(soundfont, presets))
    except OSError as e:
        raise RenderError(f"{folder}: no temporary file can be written ({e.strerror}); set TMPDIR") from e
    return font


def make_jobs(index: int, track: Track, tempo: TempoMap) -> list[Job]:
    """Cut a track into stretches of about `CHUNK` seconds by where notes start; controllers carry over."""
    by_chunk: dict[int, list[Note]] = {}
    for note in track.notes:
        by_chunk.setdefault(int(max(0.0, float(tempo.time_at(note.start))) // CHUNK), []).append(note)
    jobs: list[Job] = []
    for chunk, notes in sorted(by_chunk.items()):
        begin = chunk * CHUNK
        end = max(float(tempo.time_at(note.end)) for note in notes) + TAIL
        jobs.append(Job(index, begin, end - begin, stem_midi(track, notes, tempo, begin, end)))
    return jobs


def stem_midi(track: Track, notes: Sequence[Note], tempo: TempoMap, begin: float, end: float) -> bytes:
    """Return notes as a MIDI file whose ticks count time from `begin` to `end` (seconds), reverb and chorus off."""
    import mido

    channel = DRUM_CHANNEL if track.is_drum else 0

    def at(beat: float) -> int:
        return round(max(0.0, float(tempo.time_at(beat)) - begin) * TICKS)

    last = round((end - begin) * TICKS)
    events: list[Event] = [
        (0, 0, mido.MetaMessage("set_tempo", tempo=1_000_000)),
        (0, 0, mido.Message("program_change", channel=channel, program=track.program)),
        *(control_event(0, channel, send, 0) for send in (REVERB_SEND, CHORUS_SEND)),
        *(control_event(at(c.beat), channel, c.number, c.value) for c in _heard(track.controls, tempo, begin, end)),
        *note_events(notes, channel, at),
        control_event(last, channel, SUSTAIN, 0),  # a synthesizer may stop at its last event
    ]
    return file_bytes([delta_track(events, last)], TICKS)


def _heard(controls: Sequence[Control], tempo: TempoMap, begin: float, end: float) -> list[Control]:
    """Return the controls before `end`; of those before `begin` only the last of each number."""
    before: dict[int, Control] = {}
    inside: list[Control] = []
    for control in sorted(controls):
        time = tempo.time_at(control.beat)
        if time < begin:
            before[control.number] = control
        elif time <= end:
            inside.append(control)
    return [*before.values(), *inside]


def _run(job: Job, base: Path, engine: Engine, soundfont: Path, rate: int, stop: threading.Event) -> Path:
    """Render one job in a process of its own; killed when `stop` is set."""
    midi, wav, log = base.with_suffix(".mid"), base.with_suffix(".wav"), base.with_suffix(".log")
    command = [sys.executable, str(WORKER), engine, str(soundfont), str(midi), str(wav), str(rate)]
    try:
        midi.write_bytes(job.midi)
        with (
            log.open("wb") as sink,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink) as process,
        ):
            while (code := process.poll()) is None:
                if stop.is_set():
                    process.kill()
                try:
                    process.wait(POLL)
                except subprocess.TimeoutExpired:
                    continue
        said = log.read_text("utf-8", "replace").strip().splitlines() or [f"exit status {code}"]
    except OSError as e:
        raise RenderError(f"{base.parent}: no temporary file can be written ({e.strerror}); set TMPDIR") from e
    if code and shutil.disk_usage(base.parent).free < job.length * rate * SAMPLE_BYTES:
        raise RenderError(f"{base.parent}: no room for {job.length:.0f} s of sound; free some or set TMPDIR")
    if code:
        raise RenderError(
            f"{engine} could not render with {soundfont.name}: {said[-1]}; try another soundfont or synthesizer"
        )
    return wav


def _add(stem: np.ndarray, wav: Path, start: int, length: int, rate: int) -> None:
    """Add a rendered WAV to the stem [2, N] from sample `start` on, at most `length` samples of it."""
    from scipy.io import wavfile

    own_rate, pcm = wavfile.read(wav, mmap=True)
    pcm = pcm if pcm.ndim == 2 else np.stack([pcm, pcm], 1)
    samples = np.asarray(pcm, np.float32).T / np.float32(32768 if pcm.dtype == np.int16 else 1)
    samples = resample(samples, own_rate, rate)
    length = min(length, samples.shape[1], stem.shape[1] - start)
    if length > 0:
        stem[:, start : start + length] += samples[:2, :length]
        release(stem)
