"""Free text to style tags by word lists, offline: "a lonely rainy night" is sad, slow and sparse."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diffbgm.errors import StyleError
from diffbgm.planner.styles import STYLES, combine_styles

WORDS: dict[str, str] = {
    "calm": (
        "calm calmly quiet quietly peaceful peace serene soft softly gentle gently relaxing relaxed relax "
        "meditation meditative tranquil still soothing sleepy sleep lullaby chill cozy cosy lazy morning "
        "breeze lake meadow snowfall spa"
    ),
    "happy": (
        "happy happily joy joyful joyous cheerful bright sunny merry glad fun celebration party birthday "
        "summer upbeat smile smiling laugh laughing laughter delight holiday festive beach friends"
    ),
    "sad": (
        "sad sadly sorrow sorrowful lonely loneliness alone melancholy melancholic grief mourning tears "
        "crying cry rain rainy farewell goodbye loss lost heartbreak heartbroken blue nostalgic nostalgia "
        "regret funeral tragic autumn"
    ),
    "tense": (
        "tense tension suspense suspenseful nervous anxious anxiety danger dangerous chase thriller threat "
        "threatening urgent panic escape countdown heist fear fearful scared fight battle"
    ),
    "dark": (
        "dark darkness gloomy grim sinister evil horror scary creepy haunted ghost ghostly ominous shadow "
        "shadows night storm stormy midnight death nightmare brooding"
    ),
    "hopeful": (
        "hopeful hope hopes optimistic uplifting inspiring inspirational inspired dream dreams sunrise dawn "
        "spring recovery growth future encouraging motivational warm triumph"
    ),
    "playful": (
        "playful silly funny comic comedy cartoon bouncy quirky mischievous cute kitten kittens puppy puppies "
        "children kids toys bunny whimsical prank"
    ),
    "romantic": (
        "romantic romance love loving lovers wedding kiss tender tenderness intimate valentine candlelight "
        "date bride sensual"
    ),
    "epic": (
        "epic heroic hero grand majestic powerful huge massive mighty glorious victory victorious war army "
        "trailer cinematic mountains legend legendary dragon kingdom"
    ),
    "mysterious": (
        "mysterious mystery secret secrets enigmatic strange magic magical eerie fog foggy mist misty "
        "moonlight detective ancient space cosmic underwater unknown dreamy ethereal"
    ),
    "pop": "pop ballad",
    "art-song": "lied lieder schubert schumann",
    "concert-piano": "chopin nocturne etude sonata recital",
    "chamber": "chamber quartet",
    "symphonic": "symphonic symphony",
    "hymn": "hymn hymns choral church chapel worship",
    "game": "game gaming videogame shooter",
    "sparse": "sparse minimal minimalist minimalistic empty simple bare lonely ambient spacious",
    "flowing": "flowing flow river stream water ocean waves sea floating drifting gliding",
    "driving": (
        "driving energetic energy action chase racing race speed running sports sport workout dance dancing "
        "powerful intense relentless pumping skateboard snowboard drone car cars motorbike"
    ),
    "piano": "piano pianist",
    "strings": "string strings violin violins cello viola",
    "guitar": "guitar guitars acoustic folk campfire country",
    "music-box": "musicbox celesta toybox",
    "synth": ("synth synths synthesizer electronic electro techno synthwave retrowave cyberpunk neon futuristic robot"),
    "orchestral": "orchestra orchestral cinematic brass",
    "lo-fi": "lofi lo-fi hiphop study studying cafe coffee chillhop",
    "band": "band rock drums drum jazz groove funk",
    "slow": "slow slowly slower unhurried lonely",
    "medium": "medium moderate walking midtempo",
    "fast": "fast faster quick quickly rapid rapidly hectic frantic racing speedy hurried",
}
PHRASES = {"music box": "musicbox", "lo fi": "lofi", "hip hop": "hiphop", "toy box": "toybox", "mid tempo": "midtempo"}
NEGATIONS = frozenset(
    {"not", "no", "never", "without", "isnt", "arent", "dont", "nothing", "neither", "nor", "avoid", "less"}
)
OPPOSITE = {
    "fast": "slow",
    "slow": "fast",
    "happy": "sad",
    "sad": "happy",
    "dark": "hopeful",
    "tense": "calm",
    "calm": "driving",
}
REACH = 3  # words a negation reaches over
TextRanker = Callable[[str], Sequence[str]]  # a text -> mood tags, the nearest first


@dataclass(frozen=True)
class PromptTags:
    """What a text was taken to mean: `tags`, and `words` as (word in the text, tag, how it was used)."""

    tags: tuple[str, ...]
    words: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        if not self.words:
            return "no word of the text says anything about music that is known here"
        return ", ".join(f"{word}: {use}" for word, _, use in self.words)


def understand(text: str, given: Sequence[str] = (), text_ranker: TextRanker | None = None) -> PromptTags:
    """Tags for a free text, those with most words first; `given` tags come first and win over the text.

    A negation ("not too fast", "no drums") turns the words up to three places after it, or up to the next comma or
    "but", into the opposite tag where there is one, and otherwise drops them. A tag that contradicts one already taken
    is left out, and `words` records it.

    Args:
        text: English, free.
        given: Tags that are settled.
        text_ranker: Ranks the mood tags for a text (CLIP does); it is asked where no known word names a mood, and its
            first choice that contradicts nothing is taken.

    """
    votes: dict[str, int] = {}
    found: list[tuple[str, str]] = []
    dropped: list[tuple[str, str, str]] = []
    unwanted: set[str] = set()
    for word, negated in _words(text):
        for tag in _tags_of(word):
            if negated:
                unwanted.add(tag)
            if negated and tag not in OPPOSITE:
                dropped.append((word, tag, f"not {tag}"))
                continue
            meant = OPPOSITE[tag] if negated else tag
            votes[meant] = votes.get(meant, 0) + 1
            found.append((f"not {word}" if negated else word, meant))
    tags: list[str] = list(given)
    remarks = dict.fromkeys(unwanted, " (left out: not wanted)")
    for tag in sorted(votes, key=lambda tag: -votes[tag]):
        if tag in tags or tag in unwanted:
            continue
        if _goes_with(tags, tag):
            tags.append(tag)
        else:
            remarks[tag] = " (left out: it contradicts the rest)"
    used = [(word, tag, tag + remarks.get(tag, "")) for word, tag in found]
    if text_ranker is not None and text.strip() and not any(STYLES[tag].group == "mood" for tag in tags):
        fitting = (tag for tag in text_ranker(text) if tag not in unwanted and _goes_with(tags, tag))
        if (tag := next(fitting, None)) is not None:
            tags.append(tag)
            used.append(("the text as a whole", tag, f"{tag} (the nearest mood to CLIP)"))
    return PromptTags(tuple(tags), (*used, *dropped))


def _goes_with(tags: Sequence[str], tag: str) -> bool:
    try:
        combine_styles([*tags, tag])
    except StyleError:
        return False
    return True


def _words(text: str) -> list[tuple[str, bool]]:
    """(word, negated) in order."""
    lowered = text.lower().replace("\u2019", "'")
    for phrase, word in PHRASES.items():
        lowered = lowered.replace(phrase, word)
    out: list[tuple[str, bool]] = []
    left = 0
    for token in re.findall(r"[a-zà-ÿ'-]+|[,.;:!?]", lowered):
        if token in NEGATIONS or token.endswith("n't"):
            left = REACH
        elif token in ("but", "yet", "however") or not token[0].isalpha():
            left = 0
        else:
            out.append((token, left > 0))
            left = max(left - 1, 0)
    return out


def _tags_of(word: str) -> list[str]:
    exact = [tag for tag in _LISTS if word == tag or word in _LISTS[tag]]
    if exact:
        return exact
    for ending in ("ly", "ness", "s", "y"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) > 2 and any(stem == tag or stem in _LISTS[tag] for tag in _LISTS):
            return [tag for tag in _LISTS if stem == tag or stem in _LISTS[tag]]
    return []


_LISTS = {tag: frozenset(words.split()) for tag, words in WORDS.items()}
