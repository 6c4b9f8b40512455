"""Tracks to raw stems: MIDI in seconds through FluidSynth or midirenderer, in parallel processes."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.media.blocks import new_sound, release
from diffbgm.types import Control, Note, TempoMap, Track

Engine = Literal["fluidsynth", "midirenderer"]
TICKS = (
    9600  # a second: stems are written without a tempo map, each event at its time, rounded to a tenth of a millisecond
)
CHUNK = 150.0  # seconds a process renders at most, so that memory stays flat however long the piece
TAIL = 3.0  # seconds that a released note may ring on
WORKER = Path(__file__).with_name("synth_worker.py")
REVERB_SEND, CHORUS_SEND, SUSTAIN = 91, 93, 64
POLL = 0.1  # seconds between looks at whether somebody cancelled


@dataclass(frozen=True)
class Job:
    """A stretch of one track: its events, `start` and `length` in seconds."""

    track: int
    start: float
    length: float
    midi: bytes


def find_engine() -> Engine:
    """FluidSynth where its binary is on PATH, else midirenderer; RenderError when neither is there."""
    if shutil.which("fluidsynth") and find_spec("midi2audio"):
        return "fluidsynth"
    if find_spec("midirenderer"):
        return "midirenderer"
    raise RenderError("no synthesizer found; install FluidSynth (apt install fluidsynth) or `pip install midirenderer`")


def synthesize(
    tracks: Sequence[Track],
    tempo: TempoMap,
    samples: int,
    rate: int,
    engine: Engine,
    soundfont: Path,
    on_progress: Callable[[float, str], None] | None = None,
) -> list[np.ndarray]:
    """One dry stem [2, samples] float32 for every track, centred, at the synthesizer's own level."""
    jobs = [job for index, track in enumerate(tracks) for job in make_jobs(index, track, tempo)]
    stems = [new_sound(2, samples) for _ in tracks]
    stop = threading.Event()
    workers = max(1, min(len(jobs), os.cpu_count() or 1, 4))
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder, ThreadPoolExecutor(workers) as pool:
        futures = {
            pool.submit(_run, job, Path(folder) / str(i), engine, soundfont, rate, stop): job
            for i, job in enumerate(jobs)
        }
        try:
            for done, future in enumerate(as_completed(futures), 1):
                job = futures[future]
                wav = future.result()
                _add(stems[job.track], wav, round(job.start * rate), round(job.length * rate), rate)
                wav.unlink()
                if on_progress:
                    on_progress(done / len(jobs), f"rendering {tracks[job.track].role}")
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return stems


def make_jobs(index: int, track: Track, tempo: TempoMap) -> list[Job]:
    """The track in stretches of about `CHUNK` seconds by where notes start; controllers carry over from one to the
    next.
    """
    starts = [float(tempo.time_at(note.start)) for note in track.notes]
    jobs = []
    for chunk in sorted({int(max(0.0, s) // CHUNK) for s in starts}):
        notes = [n for n, s in zip(track.notes, starts, strict=True) if int(max(0.0, s) // CHUNK) == chunk]
        begin = chunk * CHUNK
        end = max(float(tempo.time_at(note.end)) for note in notes) + TAIL
        jobs.append(Job(index, begin, end - begin, stem_midi(track, notes, tempo, begin, end)))
    return jobs


def stem_midi(track: Track, notes: Sequence[Note], tempo: TempoMap, begin: float, end: float) -> bytes:
    """The notes as a MIDI file whose ticks count time from `begin` (seconds) to `end`, with reverb and chorus off."""
    import io

    import mido

    channel = 9 if track.is_drum else 0

    def at(beat: float) -> int:
        return round(max(0.0, float(tempo.time_at(beat)) - begin) * TICKS)

    def control(tick: int, number: int, value: int) -> tuple[int, int, mido.Message]:
        return tick, 1, mido.Message("control_change", channel=channel, control=number, value=min(127, max(0, value)))

    events = [(0, -1, mido.Message("program_change", channel=channel, program=track.program))]
    events += [control(0, REVERB_SEND, 0), control(0, CHORUS_SEND, 0)]
    events += [control(at(c.beat), c.number, c.value) for c in _heard(track.controls, tempo, begin, end)]
    for note in notes:
        start = at(note.start)
        stop = max(start + 1, at(note.end))
        events.append((start, 2, mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)))
        events.append((stop, 0, mido.Message("note_off", channel=channel, note=note.pitch)))
    events.append(control(round((end - begin) * TICKS), SUSTAIN, 0))  # a synthesizer may stop at its last event
    line = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        line.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[line])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _heard(controls: Sequence[Control], tempo: TempoMap, begin: float, end: float) -> list[Control]:
    """Controls before `end`; of those before `begin` only the last of each number."""
    before: dict[int, Control] = {}
    inside = []
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
    midi.write_bytes(job.midi)
    command = [sys.executable, str(WORKER), engine, str(soundfont), str(midi), str(wav), str(rate)]
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink) as process,
    ):
        while True:
            try:
                code = process.wait(POLL)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.kill()
    if code:
        said = log.read_text("utf-8", "replace").strip().splitlines() or [f"exit status {code}"]
        raise RenderError(
            f"{engine} could not render with {soundfont.name}: {said[-1]}; try another soundfont or synthesizer"
        )
    return wav


def _add(stem: np.ndarray, wav: Path, start: int, length: int, rate: int) -> None:
    """Add a rendered WAV to the stem [2, N] from sample `start` on, at most `length` samples of it."""
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    own_rate, pcm = wavfile.read(wav, mmap=True)
    pcm = pcm if pcm.ndim == 2 else np.stack([pcm, pcm], 1)
    samples = np.asarray(pcm, np.float32).T / np.float32(32768 if pcm.dtype == np.int16 else 1)
    if own_rate != rate:
        samples = resample_poly(samples, rate, own_rate, axis=1).astype(np.float32)
    length = min(length, samples.shape[1], stem.shape[1] - start)
    if length > 0:
        stem[:, start : start + length] += samples[:2, :length]
        release(stem)
