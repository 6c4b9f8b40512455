"""Ranks, pools and towers: known answers, and towers that learn what was put into made-up videos."""

import numpy as np
import pytest

from diffbgm.errors import DataError, InputError
from diffbgm.planner.director import Footage
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.metrics.affect_by_bar import NO_CHORD
from diffbgm.research.metrics.retrieval import Tower, Towers, Views, derangement, retrieve
from diffbgm.research.training.retrieval import (
    SECONDS,
    TowerOptions,
    cut_footage,
    excerpt_start,
    hear_all,
    heard_in,
    is_held_out,
    see,
    train_retrieval,
)

OPTIONS = TowerOptions(steps=60, crops=2)


def made_up(n: int, coupled: bool, seed: int = 0) -> list[MusicVideo]:
    """Videos whose loudness follows the motion, and whose density the embedding, or not at all."""
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(n):
        level, length = rng.normal(size=4), 80
        motion = rng.uniform(0, 1, length)
        clip = (level + rng.normal(0, 0.2, (length // 2, 4))).astype(np.float32)
        words = rng.dirichlet(np.ones(6), length)
        footage = Footage(motion, np.arange(length) % int(rng.integers(2, 9)), words, clip)
        told, moving = (level[0], motion) if coupled else (rng.normal(), rng.uniform(0, 1, length))
        density = np.exp(1 + 0.5 * told + 0.1 * rng.normal(size=length))
        loudness = 0.1 * np.exp(moving)
        videos.append(MusicVideo(f"{i:03}", footage, density, loudness, bool(i % 2), np.full(length, NO_CHORD)))
    return videos


def scores_of(videos: list[MusicVideo], towers: Towers, options: TowerOptions = OPTIONS) -> np.ndarray:
    seen = see([cut_footage(v.footage, excerpt_start(v)) for v in videos], options)
    return towers.scores(seen, hear_all([heard_in(v, excerpt_start(v)) for v in videos]))


def test_a_perfect_ranking_and_one_that_knows_nothing() -> None:
    perfect = retrieve(np.eye(80))
    assert perfect.precision == {5: 1.0, 10: 1.0, 20: 1.0}
    assert perfect.mean_rank == 1.0
    blind = retrieve(np.zeros((80, 80)))  # all equal: in random order
    assert blind.chance == pytest.approx({5: 5 / 60, 10: 1 / 6, 20: 1 / 3})
    for k in (5, 10, 20):
        assert blind.precision[k] == pytest.approx(blind.chance[k], abs=0.01)
    assert blind.mean_rank == pytest.approx(blind.chance_rank, abs=0.5)


def test_the_share_is_that_of_drawing_without_replacement() -> None:
    n, better, pool = 90, 20, 30
    scores = np.zeros((n, n))
    for i in range(n):  # twenty others are better
        scores[i, (i + 1 + np.arange(better)) % n] = 1.0
        scores[i, i] = 0.5
    found = retrieve(scores, pool=pool, pools=400)
    assert found.mean_rank == pytest.approx(1 + better * (pool - 1) / (n - 1), abs=0.05)
    from math import comb

    expected = sum(comb(better, k) * comb(n - 1 - better, pool - 1 - k) for k in range(5)) / comb(n - 1, pool - 1)
    assert found.precision[5] == pytest.approx(expected, abs=0.01)
    assert found.intervals[5][0] <= found.precision[5] <= found.intervals[5][1]


def test_the_seed_decides_and_nothing_else() -> None:
    scores = np.random.default_rng(3).normal(size=(70, 70))
    assert retrieve(scores, seed=1).to_dict() == retrieve(scores, seed=1).to_dict()
    assert retrieve(scores, seed=1).precision != retrieve(scores, seed=2).precision


@pytest.mark.parametrize("scores", [np.zeros((5, 6)), np.full((70, 70), np.nan), np.zeros((10, 10))])
def test_what_cannot_be_ranked_is_refused(scores: np.ndarray) -> None:
    with pytest.raises(InputError, match="retrieve"):
        retrieve(scores)


def test_in_another_order_nobody_keeps_his_place() -> None:
    for n in (2, 3, 50):
        order = derangement(n, seed=4)
        assert sorted(order) == list(range(n))
        assert (order != np.arange(n)).all()


def test_sets_are_compared_in_standard_scores() -> None:
    rng = np.random.default_rng(0)
    tower = Tower(rng.normal(size=(3, 2)), np.zeros(2), rng.normal(size=(2, 2, 3)))
    towers = Towers(tower, tower, (1.0, 1.0))
    views = Views(rng.normal(size=(6, 3)), rng.normal(size=(6, 2, 9)))
    louder = Views(10 + 3 * views.summary, 5 + 2 * views.tracks)
    assert towers.scores(views, louder) == pytest.approx(towers.scores(views, views))
    assert np.diag(towers.scores(views, views)) == pytest.approx(2.0)  # a thing is most like itself
    with pytest.raises(InputError, match="equally long"):
        towers.scores(views, Views(views.summary, views.tracks[:, :, :5]))
    with pytest.raises(InputError, match="reads 3"):
        towers.scores(views, Views(views.summary[:, :2], views.tracks))


def test_towers_learn_what_videos_they_never_saw_have_in_common() -> None:
    videos = made_up(140, coupled=True)
    towers = train_retrieval(videos[:70], options=OPTIONS)
    found = retrieve(scores_of(videos[70:], towers))
    assert found.intervals[5][0] > 2 * found.chance[5]
    again = train_retrieval(videos[:70], options=OPTIONS)
    assert (again.video.weights == towers.video.weights).all()


def test_towers_learn_nothing_where_there_is_nothing() -> None:
    videos = made_up(140, coupled=False)
    found = retrieve(scores_of(videos[70:], train_retrieval(videos[:70], options=OPTIONS)))
    assert found.intervals[20][0] < found.chance[20]


def test_towers_do_without_clip_and_words() -> None:
    videos = made_up(110, coupled=True)
    options = TowerOptions(steps=60, crops=2, clip=False, words=False)
    found = retrieve(scores_of(videos[45:], train_retrieval(videos[:45], options=options), options))
    assert found.intervals[5][0] > found.chance[5]


def test_what_is_too_little_is_said() -> None:
    videos = made_up(50, coupled=True)
    with pytest.raises(DataError, match="at least 40"):
        train_retrieval(videos[:9])
    with pytest.raises(DataError, match="lacks"):
        see([Footage(np.ones(5), np.zeros(5))], OPTIONS)
    short = MusicVideo("x", Footage(np.ones(9), np.zeros(9)), np.ones(9), np.ones(9), False, np.zeros(9, int))
    with pytest.raises(DataError, match=f"{SECONDS} s"):
        excerpt_start(short)


def test_a_quarter_is_held_out() -> None:
    share = np.mean([is_held_out(f"{i:03}") for i in range(1, 800)])
    assert 0.2 < share < 0.3
