"""Text to brief: figures first, then the times of every clause, the energy over the film, and last what plays and how.

`read_brief` is the table of contents: each step is a module of its own, in the order of its calls.
"""

import re
import unicodedata
from collections.abc import Sequence

from diffbgm.brief.arcs import read_arc
from diffbgm.brief.clause import Clause
from diffbgm.brief.clauses import cut_clauses, give_levels, give_times
from diffbgm.brief.content import read_content
from diffbgm.brief.cuts import read_cuts
from diffbgm.brief.draft import Draft
from diffbgm.brief.energy import read_level, read_level_at, read_swell, steps, whole
from diffbgm.brief.entrances import read_entrances
from diffbgm.brief.exclusions import exclude
from diffbgm.brief.figures import read_figures
from diffbgm.brief.hits import read_drop, read_hits
from diffbgm.brief.lexicon import lexicon, normalise
from diffbgm.brief.model import Brief, Scene
from diffbgm.brief.rests import read_rests, read_rests_without_times
from diffbgm.brief.retelling import retell
from diffbgm.brief.rewording import reword
from diffbgm.brief.sequences import in_times
from diffbgm.brief.shorthand import spell_out
from diffbgm.brief.turns import Placed, read_turns

LONGEST_TEXT = 2000  # characters that are read; a brief is a few lines
FOLLOWS = (  # words that tell that levels named one after the other also come one after the other
    r"\b(?:then|from|to|into|until|first|finally|again|later|becomes?|turns?|dann|von|zuerst|danach|luego|después|desde"
    r"|puis|ensuite|poi|depois)\b|->|→|\w\s+[-–—]\s+\w|然后|\w-\w+-\w|从[^\d]{1,30}到|から[^\d]{1,30}へ"
)
THEN = (  # the same, strictly
    r"\b(?:then|later|becomes?|turns?|from [^\d,;.]{1,60} to|dann|danach|luego|después|puis|ensuite|poi|depois|затем)\b"
    r"|然后"
)


def read_brief(text: str, *, genre: str | None = None) -> Brief:
    """What a text asks of the music.

    Args:
        text: Free text in any of ten languages (en, es, de, fr, it, pt, ru, zh, ja, hi), mixed as people write.
        genre: A row of genres.tsv that is settled already and counts before those of the text.

    Returns:
        The brief. Nothing raises: what is not understood stands in `unread`, what goes beyond LONGEST_TEXT too.
    """
    original = unicodedata.normalize("NFKC", text[: 4 * LONGEST_TEXT])
    original = re.sub(r"(?:^|(?<=\s))\d{1,2}\) (?=\D)", ", ", original)  # the numbers of a list
    original = re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*", "\n", re.sub(r"\d{9,}", "#", original)))
    draft = Draft(lexicon(), genres=[genre] if genre else [])
    if len(original) > LONGEST_TEXT:
        draft.unread.append(f"everything after {LONGEST_TEXT} characters")
        original = original[:LONGEST_TEXT]
    original = spell_out(original, draft.lexicon)
    left = in_times(read_cuts(draft, read_figures(draft, original)), draft.lexicon)
    left = reword(exclude(retell(left, draft.lexicon), draft.lexicon), draft.lexicon)
    clauses = cut_clauses(draft, left)
    felt = {name: 0.55 + 0.45 * row.arousal for name, row in lexicon().moods.items()}
    give_times(clauses)
    give_levels(clauses, felt)
    _read_times(draft, clauses)
    follows = re.search(FOLLOWS, f"{normalise(original)}\n{left}") is not None
    strictly = re.search(THEN, normalise(original)) is not None
    arc = read_arc([c.phrases for c in clauses], [c.kind != "" for c in clauses], follows, felt if strictly else None)
    if arc.points and not draft.energy:
        draft.energy = arc.points
        draft.say(arc.words, "energy " + ", ".join(f"{level:g} at {at.value:.0%}" for at, level in arc.points))
    draft.energy = whole(draft.energy, clauses) or steps(draft.entries)
    if not draft.energy:
        read_level(draft, clauses)
    for number, clause in enumerate(clauses):
        read_content(draft, clause, {i for c, i in arc.used if c == number})
    _read_turns(draft, clauses, strictly)
    return draft.finish()


def _read_times(draft: Draft, clauses: Sequence[Clause]) -> None:
    """What happens at the times of the clauses: entrances, rests, hits, levels and speech, the first that fits each."""
    for number, clause in enumerate(clauses):
        before = clauses[number - 1] if number else None
        after = clauses[number + 1].text if number + 1 < len(clauses) else ""
        clause.kind = read_entrances(draft, clause, before)
        if clause.kind:
            continue
        if not clause.timed:
            clause.kind = read_rests_without_times(draft, clause, before, last=not after)
            clause.kind = clause.kind or read_drop(draft, clause, before)
            if not clause.kind and clause.length:
                clause.kind = read_swell(draft, clause)
            continue
        clause.kind = (
            read_rests(draft, clause, before, after)
            or read_hits(draft, clause, before)
            or read_level_at(draft, clause, before)
            or _read_talks(draft, clause)
        )
        if not clause.kind:
            draft.unread += [said.strip() for _, said in (*clause.spans, *clause.moments)]


def _read_talks(draft: Draft, clause: Clause) -> str:
    """Stretches in which people speak; returns "talk", or nothing where it tells of none."""
    if not (clause.has("speech") and clause.spans):
        return ""
    draft.talks += [span for span, _ in clause.spans]
    draft.say(clause.spans[0][1], "people speak: thinner there")
    return "talk"


def _read_turns(draft: Draft, clauses: Sequence[Clause], follows: bool) -> None:
    """Moods one after the other: a scene each; the key is that of the first."""
    placed = [Placed(c.phrases, *c.holds()) for c in clauses if c.kind not in ("hit", "rest")]
    turns = read_turns(placed, draft.lexicon.moods, follows)
    if not turns:
        return
    draft.scenes = tuple(Scene(span, read_brief(words), words) for span, words in turns)
    draft.mode = draft.mode or draft.scenes[0].brief.mode
    draft.say(", then ".join(words for _, words in turns), "mood by scenes")
    draft.moods.clear()  # elsewhere the pictures decide
    draft.tags = [tag for tag in draft.tags if all(tag not in scene.brief.tags for scene in draft.scenes)]
    times = {said.strip() for c in clauses if c.has("mood") or c.has("scene") for _, said in (*c.spans, *c.moments)}
    draft.unread = [words for words in draft.unread if words not in times]
