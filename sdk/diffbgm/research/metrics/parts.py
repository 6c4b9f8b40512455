"""What can be said of a band by its parts: ranges, voices that cross, who never plays, who is louder than asked."""

from collections.abc import Sequence
from itertools import pairwise

from diffbgm.arrange import Palette, Part
from diffbgm.band.patterns import VOICES
from diffbgm.render import Rendering, measure_loudness, stem_names
from diffbgm.render.mix import asked_level
from diffbgm.types import Score, Track

BRIEFLY = 0.1  # beats: voices that overlap no longer are bound, they don't cross


def seated(score: Score, palette: Palette) -> list[tuple[Part, Track | None]]:
    """Return every player of a palette with the track it plays in the score; None where it has no note."""
    tracks = [track for track in score.tracks if track.notes]
    out: list[tuple[Part, Track | None]] = []
    for part in palette.players:
        seat = (part.role, part.program, part.pan, part.gain)
        own = next((t for t in tracks if (t.role, t.program, t.pan, t.gain) == seat), None)
        if own is not None:
            tracks.remove(own)
        out.append((part, own))
    return out


def out_of_range(seats: Sequence[tuple[Part, Track | None]]) -> int:
    """Count the pitched notes that lie outside their player's range."""
    return sum(
        not part.low <= note.pitch <= part.high
        for part, track in seats
        if track is not None and not track.is_drum
        for note in track.notes
    )


def crossings(seats: Sequence[tuple[Part, Track | None]]) -> int:
    """Count the notes of real voices that sound below a note of the voice under theirs; the melody is the top voice.

    Parts without the pattern of real voices have none.
    """
    voices = [track for part, track in seats if track is not None and part.pattern == VOICES]
    lead = [track for part, track in seats if track is not None and part.role == "melody"][:1]
    lines = [*lead, *voices] if voices else []
    count = 0
    for upper, lower in pairwise(lines):
        for note in lower.notes:
            count += any(
                min(note.end, above.end) - max(note.start, above.start) > BRIEFLY and above.pitch < note.pitch
                for above in upper.notes
            )
    return count


def over_gain(tracks: Sequence[Track], sound: Rendering, energy: float) -> float:
    """Return by how many dB the loudest part lies over its gain beside the melody; -inf where there is no melody.

    Args:
        tracks: Those with notes, in the score's order.
        sound: With their stems.
        energy: 0..1, mean of `energy_curve`.

    """
    levels = [
        measure_loudness(sound.stems[name].samples, sound.mix.rate) - asked_level(track, energy)
        for name, track in zip(stem_names(tracks), tracks, strict=True)
    ]
    leads = [level for level, track in zip(levels, tracks, strict=True) if track.role == "melody"]
    others = [level for level, track in zip(levels, tracks, strict=True) if track.role != "melody"]
    return max(others) - max(leads) if leads and others else float("-inf")
