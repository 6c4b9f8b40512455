"""Which pitches of a chord an instrument plays: on frets, over a range, or as real voices."""

from collections.abc import Sequence
from itertools import pairwise, product

from diffbgm.arrange.ending import middle_range
from diffbgm.arrange.harmony import Chord, voice
from diffbgm.band import Part

# Open strings in MIDI pitches, the lowest first. "power" has the guitar's three lowest and plays no thirds.
TUNINGS: dict[str, tuple[int, ...]] = {
    "guitar": (40, 45, 50, 55, 59, 64),
    "power": (40, 45, 50),
    "ukulele": (60, 64, 67, 69),
    "banjo": (50, 55, 59, 62),
}
HAND = 4  # frets that a hand reaches from the first on; an open string needs none
WIDE = 12  # semitones: neighbouring upper voices lie that near


def chord_pitches(chord: Chord, part: Part, previous: Sequence[int], *, spread: bool = False) -> tuple[int, ...]:
    """Return the pitches that a part plays of a chord, the lowest first, inside its range."""
    if part.frets:
        return fretted(chord.classes, part)
    if spread:
        return ladder(chord.classes, part)
    return voice(chord.classes, previous, *middle_range(part))


def fretted(classes: Sequence[int], part: Part) -> tuple[int, ...]:
    """Finger a chord: on every string the lowest fret with one of its tones, the root on the lowest one that sounds."""
    wanted = (classes[0], fifth_of(classes)) if part.frets == "power" else classes
    strings = TUNINGS[part.frets]
    if part.frets == "power":  # root, fifth, root on neighbouring strings, moved along the neck as one
        root = next(p for p in range(part.low, part.low + 12) if p % 12 == classes[0])
        shape = (root, root + (wanted[1] - wanted[0]) % 12, root + 12)
        return tuple(p for p in shape if p <= part.high)
    found: list[int] = []
    for string in strings:
        fret = next((f for f in range(HAND + 1) if (string + f) % 12 in wanted), None)
        if fret is not None and part.low <= string + fret <= part.high and string + fret not in found:
            found.append(string + fret)
    roots = [p for p in found if p % 12 == classes[0]]
    below = len(found) - part.voices  # strings that may be left out
    if roots and part.frets == "guitar":
        found = [p for p in found if p >= roots[0]] if found.index(roots[0]) <= max(2, below) else found
    return tuple(sorted(found[-part.voices :] if part.frets != "guitar" else found)) or ladder(classes, part)


def ladder(classes: Sequence[int], part: Part) -> tuple[int, ...]:
    """Return a chord's tones upwards from the root nearest to an octave below the middle of the range."""
    middle = min(60, (part.low + part.high) // 2)
    roots = [p for p in range(part.low, part.high + 1) if p % 12 == classes[0]]
    start = min(roots, key=lambda p: abs(p - max(part.low, middle - 12)))
    tones = [p for p in range(start, min(part.high, start + 24) + 1) if p % 12 in classes]
    return tuple(tones[: max(6, part.voices)])


def fifth_of(classes: Sequence[int]) -> int:
    """Return the chord's fifth, or its root where it has none."""
    return next((c for c in classes if (c - classes[0]) % 12 in (6, 7, 8)), classes[0])


def third_of(classes: Sequence[int]) -> int:
    """Return the chord's third, or its fifth where it has none."""
    return next((c for c in classes if (c - classes[0]) % 12 in (3, 4)), fifth_of(classes))


def real_voices(
    classes: Sequence[int], parts: Sequence[Part], previous: Sequence[int], ceiling: int
) -> tuple[int, ...]:
    """Return one pitch for each part, the highest first, that never cross each other or go above `ceiling`.

    All tones of the chord are there if they can be, the root at the bottom; each voice moves as little as it can.
    """
    options = [[p for p in range(part.low, min(part.high, ceiling) + 1) if p % 12 in classes] for part in parts]
    options = [own or [part.low] for own, part in zip(options, parts, strict=True)]
    best, least = tuple(own[0] for own in options), float("inf")
    for pitches in product(*options):
        if any(a < b for a, b in pairwise(pitches)):
            continue
        cost = 6.0 * len(set(classes) - {p % 12 for p in pitches}) + 3.0 * (pitches[-1] % 12 != classes[0])
        cost += sum(4.0 for a, b in pairwise(pitches[:-1]) if a - b > WIDE) + sum(
            3.0 for a, b in pairwise(pitches) if a == b
        )
        if previous:
            cost += sum(abs(p - q) for p, q in zip(pitches, previous, strict=True))
        else:
            cost += sum(abs(p - (part.low + part.high) / 2) / 4 for p, part in zip(pitches, parts, strict=True))
        if cost < least:
            best, least = pitches, cost
    return best
