"""Which metre a piece is in, from its notes alone: how alike its accents are to themselves some sixteenths later."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbgm.research.metrics.cells import note_lengths

LAGS = (2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 20, 24, 32, 36, 48)  # sixteenths
KINDS = {"4/4": "4/4 or 2/4", "2/4": "4/4 or 2/4", "3/4": "3/4", "6/8": "6/8"}  # a bar of 4/4 is two of 2/4


def metre_features(cells: np.ndarray) -> np.ndarray:
    """[3 LAGS] autocorrelation of the accents in cells [4, T, 88]: all onsets, long melody notes, the bass."""
    lengths = note_lengths(cells)
    struck = lengths > 0
    below = struck.any(0).argmax(1)  # the lowest key struck, 0 where none is
    bass = np.where(struck.any((0, 2)), np.maximum(0.0, 40.0 - below), 0.0)  # from C4 down
    tracks = (np.sqrt(struck.sum((0, 2))), np.sqrt(lengths[0].max(1)), np.sqrt(bass))
    return np.concatenate([_autocorrelation(np.asarray(track, np.float64)) for track in tracks])


def _autocorrelation(track: np.ndarray) -> np.ndarray:
    """[LAGS] correlation of a track [T] with itself; 0 where nothing changes or the track is too short."""
    track = track - track.mean()
    power = float(track @ track) / len(track)
    return np.array(
        [
            float(track[lag:] @ track[:-lag]) / (len(track) - lag) / power if power > 0 and lag < len(track) else 0.0
            for lag in LAGS
        ]
    )


def fit_metre(pieces: Sequence[np.ndarray], metres: Sequence[str]) -> Any:
    """A classifier of `KINDS` by logistic regression on `metre_features` of pieces [4, T, 88]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, class_weight="balanced", max_iter=1000))
    return model.fit([metre_features(cells) for cells in pieces], [KINDS[metre] for metre in metres])
