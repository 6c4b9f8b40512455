"""The ruler laid against real songs: POP909's known figures come out, and real music agrees with real music."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from diffbgm.research.datasets.pop909 import is_validation, read_songs
from diffbgm.research.metrics.copies import copies, training_set
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe_all
from diffbgm.research.metrics.structure import structure_indicator

# mean over 8-bar windows of 44 songs, and how far the mean of the dozen songs taken here may lie from it
TRUTH = {
    "pche": (2.735, 0.12),
    "groove": (0.855, 0.06),
    "melody_onsets": (4.0, 1.0),
    "accompaniment_onsets": (15.9, 2.5),
    "polyphony": (3.7, 0.4),
    "in_scale": (0.975, 0.025),
    "on_beat": (0.55, 0.1),
    "harsh": (0.023, 0.02),
}


@pytest.fixture(scope="module")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    """Cells of a dozen validation songs."""
    source = Path(__file__).resolve().parents[3] / "../shared/data/POP909.zip"
    if not source.exists():
        pytest.skip("POP909 is not here")
    small = tmp_path_factory.mktemp("pop909") / "some.zip"
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(small, "w") as copy:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        ids = sorted({Path(name).parent.name for name in names})
        chosen = set([i for i in ids if is_validation(i)][::4])
        for name in names:
            if Path(name).parent.name in chosen:
                copy.writestr(name, archive.read(name))
    return [song.roll.cells for song in read_songs(small)]


def test_definitions_reproduce_the_ground_truth(rolls: list[np.ndarray]) -> None:
    windows = [cells[:, i : i + 128] for cells in rolls for i in range(0, cells.shape[1] - 127, 128)]
    values = dict(zip(DESCRIPTORS, describe_all(np.stack(windows)).mean(0), strict=True))
    for name, (mean, room) in TRUTH.items():
        assert values[name] == pytest.approx(mean, abs=room), name


def test_songs_have_more_structure_than_their_beats_shuffled(rolls: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    kept, shuffled = [], []
    for cells in rolls[:3]:
        start = cells[:, : 32 * 16]
        beats = start.reshape(4, -1, 4, 88)
        kept.append(structure_indicator(start, 8, 18))
        shuffled.append(structure_indicator(beats[:, rng.permutation(beats.shape[1])].reshape(start.shape), 8, 18))
    assert np.mean(kept) > np.mean(shuffled) + 0.1


def test_songs_share_fewer_ngrams_with_others_than_with_themselves(rolls: list[np.ndarray]) -> None:
    known = training_set(rolls[:6])
    assert copies(rolls[:6], known).share == 1.0
    assert copies(rolls[6:], known).share < 0.5
