"""The critic: which of several takes is the best, and why, in a few words.

features.py  what it looks at in eight bars
model.py     how likely these bars are a song's and not composed: boosted trees, fitted by `train-critic`
rank.py      takes in order: that likelihood, and how well each keeps to its plan
"""

from diffbgm.critic.rank import rank_takes

__all__ = ["rank_takes"]
