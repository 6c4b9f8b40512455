"""Briefs: what a person asks of the music, in words or by knobs, read into one value. No torch, no network.

`read_brief("sad piano waltz, 90 bpm, no drums")` and `read_knobs({"bpm": "90"})` give a `Brief`: tempo, key, metre,
genre, instruments wanted and unwanted, the lead, mood on the plane of valence and arousal, energy over time, hits and
rests, and what was not understood. `merge` puts one before the other.

Read in this order:

model.py                the value that is read, and the moments and spans in it
reader.py               a text in, a brief out: every step of the reading, top to bottom
shorthand.py            short forms spelled out: "gtr", "w/o", tags
figures.py              key, metre and tempo, each taken out by a file of its own:
keys.py, tempi.py       their patterns
cuts.py                 all cuts to be met, or none
patterns.py             numbers and units, and a text that patterns are taken out of
levels.py               levels of energy as forms write them, in words the reader knows
retelling.py            who plays when, and where the music begins and ends, in such words
exclusions.py           lists of what is not to play
rewording.py            what is not to play, in such words
lexicon.py, phrases.py  the tables of words, and a text cut into the longest phrases they know
times.py                stretches, lengths and moments
signs.py, clause.py     words that tell clauses apart, and a clause with its times
clauses.py              the text cut into clauses
entrances.py, tacets.py who enters, leaves or rests at those times
rests.py, hits.py       silences and accents at those times
energy.py, swells.py    levels, fades and swells at those times, and the curve of the whole film
arcs.py                 the energy from words of place, level and direction alone
content.py              what each clause says of genre, mood, tempo and the like
negations.py            what the words before and after a phrase deny
players.py              instruments wanted and unwanted, who leads and who plays alone
turns.py                moods that take turns as scenes
draft.py                what has been read so far, and how it is weighed in the end

and beside the text: knobs.py and cues.py (options and cue sheets), facts.py (a brief as a list for people).
"""

from diffbgm.brief.facts import Fact, facts_of
from diffbgm.brief.knobs import KNOBS, merge, read_asked, read_knobs
from diffbgm.brief.lexicon import Genre, Instrument, Lexicon, lexicon
from diffbgm.brief.model import Brief, Hit, Moment, Reading, Scene, Span, Tacet
from diffbgm.brief.reader import read_brief

__all__ = [
    "KNOBS",
    "Brief",
    "Fact",
    "Genre",
    "Hit",
    "Instrument",
    "Lexicon",
    "Moment",
    "Reading",
    "Scene",
    "Span",
    "Tacet",
    "facts_of",
    "lexicon",
    "merge",
    "read_asked",
    "read_brief",
    "read_knobs",
]
