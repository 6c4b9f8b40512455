"""What was seen, in a few plain sentences."""

import numpy as np

from diffbgm.types import VideoFeatures

# Words for (valence, arousal) by the nearest point of the plane; after Russell (1980), "A circumplex model of affect".
MOODS = {
    "neutral": (0.0, 0.0),
    "calm": (0.2, -0.6),
    "serene": (0.6, -0.5),
    "cheerful": (0.6, 0.1),
    "joyful and lively": (0.6, 0.6),
    "exciting": (0.1, 0.75),
    "tense": (-0.5, 0.6),
    "uneasy": (-0.6, 0.1),
    "gloomy": (-0.6, -0.4),
    "still and sombre": (-0.4, -0.8),
}

MOST_MOODS = 4  # that are named
SHORTEST_MOOD = 2.0  # seconds


def mood_word(valence: float, arousal: float) -> str:
    """The word that lies nearest in the plane of valence and arousal."""
    return min(MOODS, key=lambda word: (MOODS[word][0] - valence) ** 2 + (MOODS[word][1] - arousal) ** 2)


def describe(features: VideoFeatures) -> list[str]:
    """A few plain sentences about a video, for people who wonder why its music sounds as it does."""
    return [_cutting(features), _appearance(features), _movement(features), _mood(features)]


def _cutting(features: VideoFeatures) -> str:
    length = f"{features.duration:.1f} s"
    if not features.cuts:
        return f"A single shot of {length}."
    fades = sum(cut.kind == "fade" for cut in features.cuts)
    changes = [_count(len(features.cuts) - fades, "cut"), _count(fades, "fade")]
    named = " and ".join(change for change in changes if change)
    mean = features.duration / (len(features.cuts) + 1)
    return f"{length} with {named}: shots of {mean:.1f} s on average."


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}" if n else ""


def _appearance(features: VideoFeatures) -> str:
    brightness, saturation, warmth = features.colour.mean(0)
    light = _pick(brightness, (0.2, "dark"), (0.38, "rather dark"), (0.55, "evenly lit"), (1.1, "bright"))
    colours = _pick(
        saturation,
        (0.12, "almost without colour"),
        (0.3, "in muted colours"),
        (0.5, "in full colours"),
        (1.1, "in vivid colours"),
    )
    if saturation < 0.12:
        return f"The pictures are {light} and {colours}."
    tint = _pick(
        warmth,
        (-0.25, "cool"),
        (-0.08, "slightly cool"),
        (0.15, "neutral in tint"),
        (0.4, "slightly warm"),
        (1.1, "warm"),
    )
    return f"The pictures are {light}, {colours} and {tint}."


def _movement(features: VideoFeatures) -> str:
    word = _pick(
        float(features.motion.mean()),
        (0.08, "hardly anything moves"),
        (0.25, "things move gently"),
        (0.5, "there is steady movement"),
        (1.1, "there is a lot of movement"),
    )
    if len(features.motion) >= 8 and features.motion.max() - np.median(features.motion) > 0.3:
        return f"On the whole {word}; most of it around {features.times[int(features.motion.argmax())]:.1f} s."
    return f"On the whole {word}."


def _mood(features: VideoFeatures) -> str:
    """The mood shot by shot, as far as it lasts; the longest stretches when there are many."""
    stretches: list[tuple[str, float, float]] = []  # word, start, seconds
    for start, end in features.shots:
        inside = (features.times >= start) & (features.times < end)
        if not inside.any():
            continue
        word = mood_word(*features.affect[inside].mean(0))
        if stretches and stretches[-1][0] == word:
            stretches[-1] = (word, stretches[-1][1], end - stretches[-1][1])
        else:
            stretches.append((word, start, end - start))
    longest = sorted(stretches, key=lambda s: -s[2])[:MOST_MOODS]
    named = [s for s in sorted(longest, key=lambda s: s[1]) if s[2] >= min(SHORTEST_MOOD, longest[0][2])]
    named = [s for i, s in enumerate(named) if i == 0 or s[0] != named[i - 1][0]]
    if len(named) == 1:
        valence, arousal = features.affect.mean(0)
        return f"The mood is {named[0][0]} (valence {valence:+.2f}, arousal {arousal:+.2f}, from {features.semantics})."
    steps = [f"{word} ({start:.0f} s)" for word, start, _ in named]
    return f"The mood goes from {', '.join(steps[:-1])} to {steps[-1]}."


def _pick(value: float, *steps: tuple[float, str]) -> str:
    """The word of the first limit the value stays below."""
    return next((word for limit, word in steps if value < limit), steps[-1][1])
