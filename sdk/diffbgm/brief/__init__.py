"""Briefs: what a person asks of the music, in words or by knobs, read into one value. No torch, no network.

`read_brief("sad piano waltz, 90 bpm, no drums")` and `read_knobs({"bpm": "90"})` give a `Brief`: tempo, key, metre,
genre, instruments wanted and unwanted, the lead, mood on the plane of valence and arousal, energy over time, hits and
rests, and what was not understood. `merge` puts one before the other.
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
