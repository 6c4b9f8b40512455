"""Whether a critic's choice agrees with a judge that is fitted afresh."""

import numpy as np

from diffbgm.research.training.critic import best_of, in_better_half

TAKES, N, WIDTH = 8, 80, 6
OWNER = [f"song {i // 2}" for i in range(N)]


def test_a_critic_that_hears_what_the_judge_hears_agrees_and_a_coin_does_not() -> None:
    rng = np.random.default_rng(4)
    songs = rng.normal(size=(N, WIDTH))
    off = rng.uniform(0.5, 3.0, (TAKES, N))  # how far each take lies from songs
    takes = rng.normal(size=(TAKES, N, WIDTH))
    takes[..., 0] += off
    share, low, high = in_better_half(-off, takes, songs, OWNER)
    assert low > 0.6 < share <= high
    coin, low, high = in_better_half(rng.normal(size=off.shape), takes, songs, OWNER)
    assert low < 0.5 < high
    assert coin < share - 0.15
    worst, _, high = in_better_half(off, takes, songs, OWNER)
    assert worst < high < 0.5


def test_the_choice_is_the_best_of_the_takes_that_there_are() -> None:
    scores = np.array([[1.0, 5.0], [2.0, 4.0], [9.0, 0.0]])
    judged = np.arange(6.0).reshape(3, 2, 1)
    assert best_of(scores, judged, range(2)).ravel().tolist() == [2.0, 1.0]
    assert best_of(scores, judged, range(1, 3)).ravel().tolist() == [4.0, 3.0]
    assert best_of(scores, judged, [1]).ravel().tolist() == [2.0, 3.0]
