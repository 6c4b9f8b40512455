"""`diffbgm evaluate instruments`: every preset of the font in the package: loudness, peak, onset, tuning."""

# The libraries are typed in part only.
# pyright: reportMissingTypeStubs=false

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from diffbgm.files import write_text
from diffbgm.midi import DRUM_CHANNEL, TICKS, Event, control_event, delta_track, file_bytes, note_events
from diffbgm.progress import Progress, silent
from diffbgm.render.levels import BEATS, HEIGHTS, TABLE, phrase
from diffbgm.render.loudness import measure_loudness
from diffbgm.render.sf3 import DRUM_BANK, Preset, decode_font, font_presets
from diffbgm.render.soundfont import PACKAGED
from diffbgm.render.synth import CHORUS_SEND, REVERB_SEND, SUSTAIN
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.sound import cents_off, onset_delay
from diffbgm.types import Track

AT_ONCE = 32  # presets
REST = 2  # beats after a phrase
SECONDS_A_BEAT = 0.5  # as in a MIDI file that says nothing of it
SLOW = 0.030  # seconds


@dataclass(frozen=True)
class Instrument:
    """One preset: its bank, program and name; LUFS and dBFS of its phrase; slowest onset (s), worst tuning (cents)."""

    bank: int
    program: int
    name: str
    loudness: float
    peak: float
    onset: float
    cents: float | None


def evaluate_instruments(*, write: bool = False, on_progress: Progress | None = None) -> Report:
    """Measure all General MIDI programs and all drum kits; `write` puts their loudness into the package's table."""
    tell = on_progress or silent
    names = {p: name for p, name in font_presets(PACKAGED).items() if p[0] in (0, DRUM_BANK)}
    presets = sorted(names)
    found: list[Instrument] = []
    for first in range(0, len(presets), AT_ONCE):
        tell(first / len(presets), f"{names[presets[first]]} and others")
        found += measure(presets[first : first + AT_ONCE], names)
    if write:
        rows = [f"{i.bank}\t{i.program}\t{i.loudness:.1f}\t{i.name}" for i in found]
        write_text(TABLE, "\n".join(["bank\tprogram\tLUFS\tname", *rows]) + "\n")
    rows = tuple((i.bank, i.program, i.name, i.loudness, i.peak, 1000 * i.onset, i.cents) for i in found)
    slow = sum(i.onset > SLOW for i in found)
    note = (
        f"n = {len(found)} presets of {PACKAGED.name}, one phrase each (render/levels.py); {slow} speak later than "
        f"{1000 * SLOW:g} ms; onset: -20 dB under the note's first half second; cents: worst of {len(HEIGHTS)} notes"
    )
    columns = ("bank", "program", "name", "LUFS", "dBFS", "onset ms", "cents")
    return Report("Instruments", 0, (Table("Instruments", columns, rows, note),), {"n": [asdict(i) for i in found]})


def measure(presets: Sequence[Preset], names: Mapping[Preset, str]) -> list[Instrument]:
    """Render the phrases of some presets, one after the other in one file, and measure them."""
    import midirenderer
    from scipy.io import wavfile

    length = (BEATS + REST) * SECONDS_A_BEAT
    wav = midirenderer.render_wave_from(decode_font(PACKAGED, presets), medley([phrase(preset) for preset in presets]))
    rate, pcm = wavfile.read(io.BytesIO(wav))
    sound = np.pad(pcm.T.astype(np.float32) / 32768, ((0, 0), (0, rate)))
    found: list[Instrument] = []
    for number, preset in enumerate(presets):
        stem = sound[:, round(number * length * rate) : round((number + 1) * length * rate)]
        mono = stem.mean(0)
        struck = sorted({(note.start * SECONDS_A_BEAT, note.pitch) for note in phrase(preset).notes})
        onsets = [onset_delay(mono[round(at * rate) :][: rate // 2], rate) for at, _ in struck]
        cents = [cents_off(mono[round((at + 0.1) * rate) :][: round(0.35 * rate)], rate, p) for at, p in struck]
        found.append(
            Instrument(
                *preset,
                names[preset],
                round(measure_loudness(stem, rate), 2),
                round(20 * float(np.log10(max(float(np.abs(stem).max()), 1e-6))), 2),
                round(max(onsets), 4),
                None if preset[0] == DRUM_BANK else round(max(cents, key=abs), 1),
            )
        )
    return found


def medley(tracks: Sequence[Track]) -> bytes:
    """Return one MIDI file in which the tracks play one after the other, reverb and chorus off."""
    import mido

    events: list[Event] = []
    for number, track in enumerate(tracks):
        channel, begin = DRUM_CHANNEL if track.is_drum else 0, number * (BEATS + REST) * TICKS
        events += [
            (begin, 1, mido.Message("program_change", channel=channel, program=track.program)),
            *(control_event(begin, channel, send, 0) for send in (REVERB_SEND, CHORUS_SEND)),
            *note_events(track.notes, channel, lambda beat, begin=begin: begin + round(beat * TICKS)),
        ]
    end = len(tracks) * (BEATS + REST) * TICKS
    return file_bytes([delta_track([*events, control_event(end, 0, SUSTAIN, 0)], end)], TICKS)
