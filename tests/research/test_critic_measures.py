"""Whether a critic's choice agrees with a judge that is fitted afresh."""

import numpy as np

from diffbgm.research.training.critic import in_better_half

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
