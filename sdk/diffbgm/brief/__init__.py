"""Briefs: what a person writes of the music they want, read into values. No torch, no network.

`read_brief("sad piano waltz, 90 bpm, no drums")` gives a `Brief`: tempo, key, metre, genre, instruments wanted and
unwanted, the lead, mood on the plane of valence and arousal, energy over time, hits and rests, and what was not
understood.
"""

from diffbgm.brief.model import Brief, Hit, Moment, Reading, Span
from diffbgm.brief.reader import read_brief

__all__ = ["Brief", "Hit", "Moment", "Reading", "Span", "read_brief"]
