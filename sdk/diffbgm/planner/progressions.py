"""Chords for a form: a weighted grammar of functional harmony, made by hand.

Every theme has a phrase of four bars that begins at home; inner sections end on the dominant of what follows, the piece
with dominant and tonic. The darker and tenser a section is, the more borrowed chords and sevenths it has. A section in
the other mode than the piece is in the relative key, which has the same notes: A minor in a piece in C major.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from diffbgm.planner.harmony import join_chords
from diffbgm.types import PITCH_NAMES, Key, PlannedChord, Section

PHRASE = 4  # bars
# Which degree follows which, with weights; degrees are semitones above the tonic and a quality.
Degree = tuple[int, str]
I1, II, III, IV, V, VI = (0, ""), (2, "m"), (4, "m"), (5, ""), (7, ""), (9, "m")
MAJOR: Mapping[Degree, Mapping[Degree, float]] = {
    I1: {IV: 3, V: 3, VI: 3, II: 1, III: 1},
    II: {V: 5, IV: 1},
    III: {VI: 3, IV: 3},
    IV: {I1: 3, V: 4, II: 1},
    V: {I1: 3, VI: 4, IV: 1},
    VI: {IV: 4, II: 2, V: 2, III: 1},
}
I_, III_, IV_, V_, VI_, VII_ = (0, "m"), (3, ""), (5, "m"), (7, ""), (8, ""), (10, "")
MINOR: Mapping[Degree, Mapping[Degree, float]] = {
    I_: {VI_: 4, IV_: 3, VII_: 3, III_: 1},
    III_: {VII_: 3, VI_: 2, IV_: 1},
    IV_: {I_: 2, V_: 2, VII_: 2, VI_: 1},
    V_: {I_: 4, VI_: 2},
    VI_: {III_: 3, VII_: 3, IV_: 2},
    VII_: {I_: 2, III_: 3, VI_: 2},
}
# What stands in for a degree where the music is tense.
TENSE: Mapping[str, Mapping[Degree, Degree]] = {
    "major": {IV: (5, "m"), II: (2, "m7b5"), V: (7, "7"), VI: (8, ""), III: (4, "7")},
    "minor": {IV_: (2, "m7b5"), V_: (7, "7"), VII_: (11, "dim"), III_: (1, "")},
}
MOST = 0.6  # share of such chords at the highest tension


def tension(section: Section) -> float:
    """Return 0..1: high where valence is low and arousal high."""
    return min(max(0.2 - 0.5 * section.valence + 0.3 * section.arousal, 0.0), 1.0)


def plan_chords(sections: Sequence[Section], key: Key, bar: int, seed: int = 0) -> tuple[PlannedChord, ...]:
    """Return one chord a bar for sections that tile a piece; those with one label have the same chords.

    Args:
        sections: Whole bars each.
        key: Of the piece.
        bar: Beats of a bar, or of a pair of 2/4.
        seed: Another one gives other chords.

    """
    phrases: dict[tuple[str, str], list[Degree]] = {}
    out: list[PlannedChord] = []
    keys = [key_of_section(section, key) for section in sections]
    for number, (section, own) in enumerate(zip(sections, keys, strict=True)):
        grammar, tonic = (MAJOR, I1) if own.mode == "major" else (MINOR, I_)
        theme = section.label, own.mode
        if theme not in phrases:
            rng = np.random.default_rng([seed, key.tonic, len(phrases)])
            phrases[theme] = _phrase(grammar, tonic, own.mode, tension(section), rng)
        phrase, bars = phrases[theme], section.beats // bar
        chords = [(own.tonic + step, quality) for step, quality in (phrase[i % PHRASE] for i in range(bars))]
        if number == len(sections) - 1:
            chords[-2:] = [(own.tonic + 7, "7"), (own.tonic, tonic[1])][-min(bars, 2) :]
        elif bars > 1:
            leads_to = keys[number + 1] if bars >= PHRASE else own  # a shorter one would hardly be in its own key
            chords[-1] = (leads_to.tonic + 7, V[1])
        for i, (root, quality) in enumerate(chords):
            start = section.start_beat + i * bar
            out.append(PlannedChord(start, start + bar, PITCH_NAMES[root % 12] + quality))
    return join_chords(out)


def key_of_section(section: Section, key: Key) -> Key:
    """Return the piece's key, or its relative one where the section asks for the other mode."""
    asked = section.texture.mode
    if asked is None or asked == 0.5 or (asked > 0.5) == (key.mode == "major"):
        return key
    return Key((key.tonic + 9) % 12, "minor") if key.mode == "major" else Key((key.tonic + 3) % 12, "major")


def _phrase(
    grammar: Mapping[Degree, Mapping[Degree, float]], tonic: Degree, mode: str, tense: float, rng: np.random.Generator
) -> list[Degree]:
    """Return four degrees from the tonic on, some of them tense."""
    walk = [tonic]
    while len(walk) < PHRASE:
        following = grammar[walk[-1]]
        weights = np.array(list(following.values()))
        walk.append(list(following)[int(rng.choice(len(weights), p=weights / weights.sum()))])
    moods = rng.random(PHRASE) < MOST * tense
    return [TENSE[mode].get(degree, degree) if moved else degree for degree, moved in zip(walk, moods, strict=True)]
