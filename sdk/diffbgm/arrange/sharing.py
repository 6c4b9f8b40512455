"""One melody for several players: by turns, phrase by phrase, together at the end."""

from collections.abc import Sequence
from dataclasses import replace

from diffbgm.arrange.sections import SectionSpan
from diffbgm.types import Note

PHRASE = 16  # beats of a turn, counted from the start of a section
FEWEST = 6  # notes; a player whose turns have fewer plays with the others throughout


def share(melody: Sequence[Note], count: int, sections: Sequence[SectionSpan]) -> list[list[Note]]:
    """Return the notes of each of `count` players: phrases by turns, the last phrase together.

    Where a turn would be shorter than `FEWEST` notes, all play all of it.
    """
    if count < 2:
        return [list(melody) for _ in range(count)]
    phrases: list[list[Note]] = []
    for section in sections:
        for start in range(section.start, section.end, PHRASE):
            inside = [n for n in melody if start <= n.start < min(start + PHRASE, section.end)]
            phrases += [inside] if inside else []
    out: list[list[Note]] = [[] for _ in range(count)]
    for number, phrase in enumerate(phrases):
        for player in range(count):
            if number % count == player or number == len(phrases) - 1:
                out[player] += phrase
    if min(map(len, out)) < FEWEST:
        return [list(melody) for _ in range(count)]
    return out


def share_in_turn(
    melody: Sequence[Note], resting: Sequence[Sequence[tuple[float, float]]], sections: Sequence[SectionSpan]
) -> list[list[Note]]:
    """Return the notes of each player where some rest at given times: who has such times plays all between them.

    Args:
        melody: The whole line.
        resting: For every player the stretches, in beats, in which it does not play; empty for those who always may.
        sections: Of the piece.

    """
    guests = [i for i, spans in enumerate(resting) if spans]

    def plays(player: int, note: Note) -> bool:
        return not any(start <= note.start < end for start, end in resting[player])

    left = [note for note in melody if not any(plays(i, note) for i in guests)]
    others = iter(share(left, len(resting) - len(guests), sections))
    return [[n for n in melody if plays(i, n)] if i in guests else next(others) for i in range(len(resting))]


def skyline(melody: Sequence[Note], accompaniment: Sequence[Note]) -> list[Note]:
    """Return a melody for a roll that hardly has one: its own notes and the accompaniment's highest of every beat."""
    highest: dict[int, Note] = {}
    for note in accompaniment:
        beat = int(note.start)
        if beat not in highest or note.pitch > highest[beat].pitch:
            highest[beat] = note
    busy = {int(note.start) for note in melody}
    free = [
        replace(note, pitch=note.pitch + 12) for beat, note in highest.items() if beat not in busy and note.pitch < 84
    ]
    return sorted([*melody, *free])
