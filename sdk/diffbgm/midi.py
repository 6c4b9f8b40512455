"""Score <-> standard MIDI file with the true tempo map.

Written through mido rather than pretty_midi, because a score lives in beats: ticks are exact, the tempo map is what it
is, and cuts become *marker* events, which sequencers show (pretty_midi writes text events and knows no markers).
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import DataError, PlanError
from diffbgm.files import StrPath, replacing
from diffbgm.types import BEATS_PER_BAR, PITCH_NAMES, Control, Key, Note, Role, Score, TempoMap, Track

TICKS = 480  # per beat; note positions are rounded to this, beats and sixteenths fall on it exactly
TOLERANCE = 50e-6  # seconds that a written beat may lie off the tempo map
SLOWEST = 0xFFFFFF  # microseconds per beat, the longest that a MIDI file can hold
LEAD_IN = "lead-in"  # marker at tick 0 of a file whose first beat does not sit at 0 s
MOST_BEATS = 200_000  # of a file that is read: a day of music; one wrong time makes millions
DRUM_CHANNEL = 9
GM_RESET = (0x7E, 0x7F, 0x09, 0x01)  # General MIDI system on
VOLUME, PAN = 7, 10
UNITY_VOLUME = 100  # CC7 of a gain of 0 dB
BY_NAME: dict[str, Role] = {"melody": "melody", "chords": "chords", "bass": "bass", "pad": "pad"}

Event = tuple[int, int, Any]  # tick, order among the events of one tick, message of mido


def write_midi(score: Score, path: StrPath) -> Path:
    """Write `midi_bytes(score)`, whole or not at all; OutputError when the target cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(midi_bytes(score))
    return Path(path)


def midi_bytes(score: Score) -> bytes:
    """Return the score as a type 1 MIDI file, the same bytes for the same score.

    Track 0 holds a General MIDI reset, tempo, metre, key and markers; every track has its own channel, beyond 15 on
    further ports. A tempo stays as long as no beat drifts more than `TOLERANCE` from the map, so that a steady tempo is
    one event and an hour stays exact.
    """
    import mido

    shift = _lead_in(score)
    metre = mido.MetaMessage("time_signature", numerator=score.metre[0], denominator=score.metre[1])
    events: list[Event] = [
        (0, 0, mido.MetaMessage("track_name", name="tempo and cuts")),
        (0, 0, mido.Message("sysex", data=GM_RESET)),
        (0, 0, metre),
    ]
    if score.key is not None:
        events.append((0, 0, mido.MetaMessage("key_signature", key=_key_name(score.key))))
    for beat, micros in _tempi(score.tempo, shift):
        events.append((beat * TICKS, 1, mido.MetaMessage("set_tempo", tempo=micros)))
    markers = [(0.0, LEAD_IN), *((beat + shift, text) for beat, text in score.markers)] if shift else score.markers
    for beat, text in markers:
        latin_text = text.encode("latin-1", "replace").decode("latin-1")
        events.append((_ticks(beat), 2, mido.MetaMessage("marker", text=latin_text)))
    end = (score.tempo.beats + shift) * TICKS
    tracks = [delta_track(events, end)]
    for track, (port, channel) in zip(score.tracks, _places(score.tracks), strict=True):
        outlet = [(0, -3, mido.MetaMessage("midi_port", port=port))] if port else []
        tracks.append(delta_track([*outlet, *_events(track, channel, shift)], end))
    return file_bytes(tracks, TICKS)


def read_midi(path: StrPath) -> Score:
    """Return the score in a MIDI file: tempo map, metre, key, roles, notes, controls, markers.

    Roles are known by track name, else by channel and order. Note positions come back to the tick, beat times to
    `TOLERANCE`.

    Raises:
        DataError: The file is no MIDI file, or a damaged one.

    """
    import mido

    try:
        file = mido.MidiFile(path)
    except (OSError, EOFError, ValueError, KeyError, IndexError, mido.KeySignatureError) as error:
        raise DataError(
            f"{path} cannot be read as a MIDI file ({error or type(error).__name__}); give a .mid file"
        ) from error
    resolution = file.ticks_per_beat
    if file.type == 2 or not 0 < resolution < 0x8000:
        raise DataError(f"{path}: a MIDI file of type {file.type} with {resolution} ticks a beat; export type 0 or 1")
    ticks, tempi, key, metre = 0, {0: 500_000}, None, (BEATS_PER_BAR, 4)
    markers: list[tuple[float, str]] = []
    parsed: list[tuple[str, int, list[tuple[int, Any]]]] = []
    for track in file.tracks:
        now, name = 0, ""
        channels: dict[int, list[tuple[int, Any]]] = defaultdict(list)
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempi[now] = message.tempo
            elif message.type == "marker":
                markers.append((now / resolution, message.text))
            elif message.type == "track_name":
                name = message.name
            elif message.type == "key_signature":
                key = key or _read_key(message.key)
            elif message.type == "time_signature" and now == 0:
                metre = (max(1, message.numerator), message.denominator)
            elif not message.is_meta and hasattr(message, "channel"):
                channels[message.channel].append((now, message))
        ticks = max(ticks, now)
        parsed += [(name, channel, channels[channel]) for channel in sorted(channels)]
    if ticks > MOST_BEATS * resolution:
        raise DataError(f"{path}: lasts {ticks // resolution} beats, more than {MOST_BEATS}: a time in it is damaged")
    shift = _whole_bar(metre) if (0.0, LEAD_IN) in markers else 0
    beats = max(1, -(-ticks // resolution) - shift)
    tracks: list[Track] = []
    for name, channel, messages in parsed:
        read = _read_track(name, channel, messages, resolution, shift, len(tracks))
        if read.notes or read.controls:
            tracks.append(read)
    kept = tuple((beat - shift, text) for beat, text in sorted(markers, key=lambda m: m[0]) if text != LEAD_IN)
    return Score(tuple(tracks), _read_tempo(tempi, resolution, beats + shift, shift), kept, key, metre)


# --- events, for scores and for the synthesizer ---------------------------------------------------------------------


def control_event(tick: int, channel: int, number: int, value: int) -> Event:
    """Return a control change, its value kept within 0..127."""
    import mido

    value = min(127, max(0, value))
    return tick, 2, mido.Message("control_change", channel=channel, control=number, value=value)


def note_events(notes: Iterable[Note], channel: int, tick_at: Callable[[float], int]) -> list[Event]:
    """Return note-ons and note-offs; `tick_at` turns a beat into a tick, and no note is shorter than one tick."""
    import mido

    events: list[Event] = []
    for note in notes:
        start = tick_at(note.start)
        on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        off = mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)
        events += [(start, 3, on), (max(start + 1, tick_at(note.end)), 1, off)]
    return events


def delta_track(events: Sequence[Event], end: int) -> Any:
    """Return a track of mido with delta times, in order of tick, then of kind, that ends no earlier than tick `end`."""
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track


def file_bytes(tracks: Sequence[Any], resolution: int) -> bytes:
    """Return tracks of mido as a MIDI file with `resolution` ticks per beat."""
    import mido

    buffer = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=resolution, tracks=list(tracks)).save(file=buffer)
    return buffer.getvalue()


# --- writing -------------------------------------------------------------------------------------------------------


def _places(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Return (port, channel) of every track: a further port for every 15 parts, and for every other drum kit.

    Kits are chosen by program on channel 10, as General MIDI has it, without a bank select: players that know no bank
    120 would fall back to their first kit.
    """
    channels = [c for c in range(16) if c != DRUM_CHANNEL]
    melodic = 0
    kits: list[int] = []
    places: list[tuple[int, int]] = []
    for track in tracks:
        if track.is_drum:
            kits += [track.program] if track.program not in kits else []
            places.append((kits.index(track.program), DRUM_CHANNEL))
        else:
            places.append((melodic // len(channels), channels[melodic % len(channels)]))
            melodic += 1
    return places


def _key_name(key: Key) -> str:
    """Return what a key signature event calls the key: F# for F# major, Am for A minor."""
    return PITCH_NAMES[key.tonic] + ("m" if key.mode == "minor" else "")


def _whole_bar(metre: tuple[int, int]) -> int:
    """Return the quarter notes of a bar, rounded up."""
    return -(-4 * metre[0] // metre[1])


def _lead_in(score: Score) -> int:
    """Return the beats of silence before the first: a bar when the map starts after 0 s."""
    start = score.tempo.edges[0]
    if start < 0:
        raise PlanError(f"MIDI: the first beat lies at {start:.3f} s, before the file begins; start the tempo map at 0")
    return _whole_bar(score.metre) if start > TOLERANCE else 0


def _tempi(tempo: TempoMap, shift: int) -> list[tuple[int, int]]:
    """Return (beat, microseconds per beat) of tempo events, the fewest that keep all edges within `TOLERANCE`."""
    edges = np.concatenate([np.linspace(0, float(tempo.edges[0]), shift + 1)[:-1], tempo.edges]) * 1e6
    if not shift:
        edges = edges - edges[0]
    longest = float(np.diff(edges).max())
    if longest > SLOWEST:
        raise PlanError(
            f"MIDI: a beat of {longest / 1e6:.1f} s is slower than a MIDI file can hold ({SLOWEST / 1e6:.1f} s)"
        )
    slack = TOLERANCE * 1e6
    events: list[tuple[int, int]] = []
    at, written = 0, 0.0
    while at < len(edges) - 1:
        low, high, best, run = 0.0, float(SLOWEST), round(edges[at + 1] - written), 1
        for k in range(1, len(edges) - at):
            low = max(low, (edges[at + k] - slack - written) / k)
            high = min(high, (edges[at + k] + slack - written) / k)
            if np.ceil(low) > np.floor(high):
                break
            best, run = int(min(max(round((edges[at + k] - written) / k), np.ceil(low)), np.floor(high))), k
        events.append((at, max(1, best)))
        written += run * max(1, best)
        at += run
    return events


def _ticks(beat: float) -> int:
    return max(0, round(beat * TICKS))


def _events(track: Track, channel: int, shift: int) -> list[Event]:
    """Return the events of one role: name, instrument and mix first, then its controls and notes."""
    import mido

    return [
        (0, -2, mido.MetaMessage("track_name", name=f"{track.role} - {program_name(track)}")),
        (0, -1, mido.Message("program_change", channel=channel, program=track.program)),
        control_event(0, channel, VOLUME, round(UNITY_VOLUME * 10 ** (track.gain / 40))),
        control_event(0, channel, PAN, 64 + round(63 * track.pan)),
        *(control_event(_ticks(c.beat + shift), channel, c.number, c.value) for c in track.controls),
        *note_events(track.notes, channel, lambda beat: _ticks(beat + shift)),
    ]


def program_name(track: Track) -> str:
    """Return what General MIDI calls the track's instrument."""
    if track.is_drum:
        return "Drums"
    import pretty_midi

    return pretty_midi.program_to_instrument_name(track.program)


# --- reading -------------------------------------------------------------------------------------------------------


def _read_key(name: str) -> Key:
    tonic = "C D EF G A B".index(name[0]) + name.count("#") - name.count("b")
    return Key(tonic % 12, "minor" if name.endswith("m") else "major")


def _read_tempo(tempi: dict[int, int], resolution: int, beats: int, shift: int) -> TempoMap:
    """Return beat edges from tempo events (tick -> microseconds per beat), the first `shift` beats left out."""
    ticks = np.array(sorted(tempi), np.float64)
    seconds = np.array([tempi[int(t)] for t in ticks]) / 1e6 / resolution  # per tick, from each event on
    starts = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * seconds[:-1])])
    at = np.arange(beats + 1, dtype=np.float64) * resolution
    event = np.searchsorted(ticks, at, side="right") - 1
    return TempoMap((starts[event] + (at - ticks[event]) * seconds[event])[shift:])


def _read_track(
    name: str, channel: int, messages: Sequence[tuple[int, Any]], resolution: int, shift: int, index: int
) -> Track:
    notes: list[Note] = []
    controls: list[Control] = []
    sounding: dict[int, list[tuple[float, int]]] = defaultdict(list)
    program, gain, pan = 0, 0.0, 0.0
    for tick, message in messages:
        beat = tick / resolution - shift
        if message.type == "note_on" and message.velocity:
            sounding[message.note].append((beat, message.velocity))
        elif message.type in ("note_on", "note_off") and sounding[message.note]:
            start, velocity = sounding[message.note].pop(0)
            if beat > start:
                notes.append(Note(start, beat, message.note, velocity))
        elif message.type == "program_change":
            program = message.program
        elif message.type == "control_change" and message.control == VOLUME and tick == 0:
            gain = 40 * float(np.log10(max(message.value, 1) / UNITY_VOLUME))
        elif message.type == "control_change" and message.control == PAN and tick == 0:
            pan = min(1.0, max(-1.0, (message.value - 64) / 63))
        elif message.type == "control_change":
            controls.append(Control(beat, message.control, message.value))
    unnamed: Role = "melody" if index == 0 else "chords"
    named = BY_NAME.get(name.lower().split(" - ")[0], unnamed)
    role = "percussion" if channel == DRUM_CHANNEL else named
    return Track(role, program, tuple(sorted(notes)), tuple(controls), pan, round(gain, 2))
