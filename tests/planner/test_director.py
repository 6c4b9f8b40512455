"""The director: its arithmetic, its file, its fitting on made-up videos, and what it may and may not do to a plan."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.planner.drawn import PLAIN, draw_features, every

from diffbgm.errors import DataError, InputError, WeightsError
from diffbgm.planner import affect, director, make_plan, plan
from diffbgm.planner.director import (
    Director,
    Footage,
    Head,
    Levels,
    footage_of,
    lift,
    load_director,
    save_director,
    section_footage,
)
from diffbgm.planner.styles import combine_styles
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.datasets.stretches import SPAN, cut_stretches
from diffbgm.research.training.director import (
    DirectorOptions,
    compare,
    deal,
    fit_head,
    labels_of,
    summaries_of,
    train_scenes,
    validate,
)
from diffbgm.types import Cut

WIDTH = 12


def made_up(n: int, seed: int = 0, told: float = 1.0) -> list[MusicVideo]:
    """Videos whose embeddings tell density and mode by `embeddings`, and loudness not at all."""
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(n):
        truth = rng.normal(size=2)
        centre = np.zeros(WIDTH)
        centre[:2] = told * truth
        clip = (centre + rng.normal(0, 0.3, (20, WIDTH))).astype(np.float32)
        words = rng.dirichlet(np.ones(6), 40)
        footage = Footage(rng.uniform(0, 1, 40), np.arange(40) % int(rng.integers(2, 9)), words, clip)
        density = np.full(40, 9 + truth[0] + 0.2 * rng.normal())
        loudness, minor = rng.uniform(0.1, 0.3, 40), bool(truth[1] > 0.5)
        videos.append(MusicVideo(f"{i:03}", footage, density, loudness, minor, np.zeros(40, int)))
    return videos


@pytest.fixture(scope="module")
def fitted() -> Director:
    videos = made_up(80)
    y = labels_of(videos)
    return Director(
        {view: fit_head(summaries_of(videos, view), y, view, (1.0, 1.0, 1.0), 0) for view in ("clip", "words")}
    )


@pytest.fixture
def insists(monkeypatch: pytest.MonkeyPatch):
    """A director that always says the same, in place of the bundled one."""

    def put(levels: Levels | None) -> None:
        class Always(Director):
            def direct(self, footage: Footage) -> Levels | None:
                return levels

        monkeypatch.setattr(plan, "bundled_director", lambda: Always({}))

    return put


def test_lifted_features_have_the_kernel_as_inner_product():
    x = np.random.default_rng(0).normal(size=(6, 5))
    z = lift(x, seed=3, count=20_000, spread=0.4, linear=0.5)
    distance = ((x[:, None] - x) ** 2).sum(-1)
    expected = np.exp(-(0.4**2) * distance / 2) + 0.25 * x @ x.T
    np.testing.assert_allclose(z @ z.T, expected, atol=0.03)


def test_fitting_finds_what_is_there_and_nothing_else():
    found = validate(made_up(80), views=("clip",), options=DirectorOptions(repeats=1))
    rows = found["views"]["clip"]["targets"]
    assert found["n"] == 80
    assert rows["density"]["r"] > 0.8
    assert rows["minor"]["r"] > 0.5
    assert abs(rows["loudness"]["r"]) < 0.35
    low, high = rows["density"]["interval"]
    assert low < rows["density"]["r"] < high


def test_folds_cover_everything_once():
    folds = deal(23, 5, 1)
    assert sorted(np.concatenate([test for test, _ in folds])) == list(range(23))
    for test, train in folds:
        assert not set(test) & set(train)
        assert len(test) + len(train) == 23


def test_a_comparison_of_equals_is_even():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    guess = (y + rng.normal(size=200))[None]
    even = compare(guess, guess, y, 0)
    assert even["difference interval"] == [0, 0]
    better = compare(y[None], rng.normal(size=(1, 200)), y, 0)
    assert better["r"] == pytest.approx(1)
    assert better["difference interval"][0] > 0.5


def test_too_few_videos_and_missing_views():
    with pytest.raises(DataError, match="too few"):
        validate(made_up(12))
    videos = made_up(3)
    videos[1] = MusicVideo("x", Footage(np.ones(9), np.zeros(9)), np.ones(9), np.ones(9), False, np.zeros(9, int))
    with pytest.raises(DataError, match="no clip features for video x"):
        summaries_of(videos, "clip")


def test_the_file_holds_everything(fitted: Director, tmp_path: Path):
    save_director(fitted, tmp_path / "d.safetensors", {"n": 80})
    again = load_director(tmp_path / "d.safetensors")
    for video in made_up(5, seed=9):
        a, b = fitted.direct(video.footage), again.direct(video.footage)
        assert a is not None
        assert b is not None
        assert (a.view, b.view) == ("clip", "clip")
        assert b.density == pytest.approx(a.density, abs=1e-4)
        assert b.minor == pytest.approx(a.minor, abs=1e-4)
    assert json.loads((tmp_path / "d.json").read_text()) == {"n": 80}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.json", "d.safetensors"]


def test_levels_follow_the_truth(fitted: Director):
    videos = made_up(40, seed=5)
    said = [fitted.direct(v.footage) for v in videos]
    truth = labels_of(videos)
    density = [levels.density for levels in said if levels is not None]
    assert np.corrcoef(density, truth[:, 0])[0, 1] > 0.8
    assert 0 <= min(density) < 0.4 < 0.6 < max(density) <= 1


def test_a_damaged_file_is_named(fitted: Director, tmp_path: Path):
    from safetensors.numpy import save_file

    path = tmp_path / "d.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"d\.safetensors"):
        load_director(path)
    save_file({"clip.bias": np.zeros(3, np.float32)}, path, metadata={"format": "1"})
    with pytest.raises(WeightsError, match="no tensor"):
        load_director(path)
    save_file({"clip.bias": np.zeros(3, np.float32)}, path, metadata={"format": "7"})
    with pytest.raises(WeightsError, match="format 7"):
        load_director(path)


def test_the_best_view_that_is_there(fitted: Director):
    rng = np.random.default_rng(0)
    motion, since, words = np.full(30, 0.4), np.arange(30) % 4, rng.dirichlet(np.ones(6), 30)
    assert fitted.direct(Footage(motion, since)) is None  # motion alone says nothing
    only_words = fitted.direct(Footage(motion, since, words))
    assert only_words is not None
    assert only_words.view == "words"
    wrong_width = fitted.direct(Footage(motion, since, words, rng.normal(size=(9, WIDTH + 1))))
    assert wrong_width == only_words
    with pytest.raises(InputError, match="do not fit"):
        Footage(motion, since[:3])


def test_footage_of_features():
    features = draw_features(10.0, [Cut(2.5), Cut(7.0)], (PLAIN,), clip=np.ones((5, 4)), clip_times=np.arange(5.0))
    footage = footage_of(features)
    assert footage.since_cut.tolist() == [0, 1, 0, 1, 2, 3, 4, 0, 1, 2]
    assert footage.motion == pytest.approx(0.3, abs=0.06)
    assert footage.clip is not None
    assert len(footage_of(draw_features(0.3)).motion) == 1


def test_levels_move_the_curves_and_are_told(insists):
    video = draw_features(40, every(4, 40))
    insists(None)
    plain = make_plan(video)
    insists(Levels(0.7, 0.3, 0.3, 0.3, "clip"))
    moved = make_plan(video)
    assert moved.curves.density.mean() > plain.curves.density.mean() + 0.3
    assert moved.curves.polyphony.mean() < plain.curves.polyphony.mean() - 0.1
    assert moved.tempo == plain.tempo
    assert any("look like this" in line for line in moved.why)
    assert not any("look like this" in line for line in plain.why)


def scenic(width: int = 4) -> Director:
    """A director that knows scenes only: the first embedding dimension asks for density, motion for loudness."""
    scenes = np.zeros((3 + width, 2))
    scenes[3, 0], scenes[0, 1] = 0.1, 0.2
    return Director({}, scenes)


def test_scenes_differ_from_their_video_within_limits():
    rng = np.random.default_rng(0)
    clip = rng.normal(size=(6, 5, 4))
    parts = [
        Footage(np.full(10, m), np.arange(10) % 5, clip=c) for m, c in zip(rng.uniform(0, 1, 6), clip, strict=True)
    ]
    more = scenic().direct_sections(parts)
    assert more is not None
    assert more.mean(0) == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(more[:, 0], clip.mean(1)[:, 0])[0, 1] > 0.99
    assert np.corrcoef(more[:, 1], [p.motion.mean() for p in parts])[0, 1] > 0.99
    wild = [Footage(np.full(9, m), np.arange(9), clip=np.full((2, 4), 90 * m)) for m in (0.0, 1.0)]
    assert np.abs(scenic().direct_sections(wild)).max() == director.SECTION_LIMIT  # type: ignore[arg-type]
    assert scenic().direct_sections(parts[:1]) is None
    assert scenic(9).direct_sections(parts) is None
    assert Director({}).direct_sections(parts) is None


def test_scenes_of_features():
    times = np.arange(1.0, 30.0, 2.0)
    video = draw_features(30.0, [Cut(12.0)], (PLAIN,), clip=np.arange(15.0)[:, None], clip_times=times)
    first, second, last = section_footage(video, (0.0, 12.0, 29.4, 30.0))
    assert [len(s.motion) for s in (first, second, last)] == [12, 17, 1]
    assert first.clip is not None
    assert first.clip[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert second.since_cut[0] == 0
    assert last.clip is not None
    assert last.clip[:, 0].tolist() == [14]


def test_scenes_move_the_curves_and_are_told(monkeypatch: pytest.MonkeyPatch):
    seen = np.repeat([[2.0, 0, 0, 0], [-2.0, 0, 0, 0]], 10, axis=0)
    video = draw_features(40, [Cut(20.0)], (PLAIN,), clip=seen, clip_times=np.arange(1.0, 40.0, 2.0))
    monkeypatch.setattr(plan, "bundled_director", lambda: scenic())
    moved = make_plan(video)
    monkeypatch.setattr(plan, "bundled_director", lambda: None)
    plain = make_plan(video)
    more = moved.curves.density - plain.curves.density
    half = np.searchsorted(moved.tempo.edges, 20.0)
    assert more[:half].mean() > 0.3
    assert more[half:].mean() < -0.3
    assert any("most going on from bar 1 " in line for line in moved.why)


def with_scenes(n: int, told: float) -> list[MusicVideo]:
    """Videos of eight stretches whose embeddings tell density and loudness of each by `embeddings`."""
    rng = np.random.default_rng(4)
    videos = []
    for i in range(n):
        truth = rng.normal(size=(8, 2))
        clip = rng.normal(size=(8, WIDTH))
        clip[:, :2] = told * truth + rng.normal(0, 0.3, (8, 2))
        density, loudness = (np.repeat(rng.normal(9, 3) + t, SPAN) for t in truth.T)
        footage = Footage(np.full(8 * SPAN, 0.4), np.arange(8 * SPAN) % 5, clip=np.repeat(clip, SPAN // 2, axis=0))
        videos.append(MusicVideo(f"{i}", footage, density, loudness, False, np.zeros(len(density), int)))
    return videos


def test_scenes_are_learnt_where_pictures_tell_and_vary_as_music_does(tmp_path: Path):
    videos = with_scenes(45, 1.0)
    weights, figures = train_scenes(videos, np.array([3.0, 3.0, 0.5]), 0)
    assert weights is not None
    assert figures is not None
    assert figures["density"] > 0.8
    assert figures["loudness"] > 0.8
    found = cut_stretches(videos)
    expected = found.levels.std(0) / 3.0 / director.SPREAD
    assert (found.inputs @ weights).std(0) == pytest.approx(expected, rel=1e-3)
    save_director(Director({}, weights), tmp_path / "d.safetensors", {})
    again = load_director(tmp_path / "d.safetensors").sections
    assert again == pytest.approx(weights, abs=1e-5)
    assert train_scenes(with_scenes(45, 0.0), np.ones(3), 0) == (None, None)
    assert train_scenes(videos[:9], np.ones(3), 0) == (None, None)


def test_styles_win(insists):
    video = draw_features(40, every(4, 40))
    insists(None)
    plain = [make_plan(video, tag) for tag in ("calm", "sad", "driving")]
    insists(Levels(1.0, 1.0, 0.9, 0.3, "clip"))
    for before in plain:
        after = make_plan(video, before.style)
        assert (after.key, after.curves) == (before.key, before.curves)
    palette = make_plan(video, "strings")
    assert palette.curves.polyphony.mean() > 4  # a palette decides no level


@pytest.mark.parametrize(("valence", "mode"), [(0.1, "minor"), (-0.1, "minor"), (0.6, "major")])
def test_the_mode_is_swayed_within_limits(insists, valence: float, mode: str):
    insists(Levels(0.5, 0.5, 0.9, 0.3, "clip"))
    video = draw_features(30, every(3, 30), ((0.3, 0.5, 0.4, 0.0, valence, 0.0),))
    assert make_plan(video).key.mode == mode
    assert make_plan(video, "happy").key.mode == "major"


def test_limits_hold():
    style = combine_styles("")
    far = affect.direct_style(style, Levels(1.0, 0.0, 0.5, 0.3, "clip"))
    assert (far.density, far.polyphony) == (affect.LEVEL_LIMIT, -affect.LEVEL_LIMIT)
    assert affect.direct_style(style, None) == style


def test_without_its_file_there_is_no_director(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(director, "FILE", "missing.safetensors")
    director.bundled_director.cache_clear()
    try:
        assert director.bundled_director() is None
        assert director.bundled_director_card() is None
        assert not any("look like this" in line for line in make_plan(draw_features(20, every(4, 20))).why)
    finally:
        director.bundled_director.cache_clear()


def test_the_bundled_one_reads_clip_without_torch():
    bundled = director.bundled_director()
    if bundled is None:
        pytest.skip("the director was left out")
    width = len(bundled.heads["clip"].mean)
    assert width == 768
    assert isinstance(bundled.heads["clip"], Head)
    code = f"""
import sys
import numpy as np
from diffbgm.planner.director import Footage, bundled_director
levels = bundled_director().direct(Footage(np.ones(8), np.arange(8), clip=np.ones((4, {width}))))
assert levels.view == "clip" and 0 <= levels.density <= 1
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_fits_a_folder_of_music_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from tests.research.datasets.test_muvisync import SECONDS, write_video

    from diffbgm.cli import main

    names = [f"{i:03}" for i in range(40)]
    for i, name in enumerate(names):
        write_video(tmp_path, name, minor=i % 3 == 0)
    rows = np.random.default_rng(0).integers(-127, 128, (len(names) * SECONDS // 2, 16)).astype(np.int8)
    offsets = np.arange(len(names) + 1) * SECONDS // 2
    np.savez(tmp_path / "clip.npz", ids=np.array(names), offsets=offsets, features=rows, scale=np.full(16, 0.1))
    out = tmp_path / "director.safetensors"
    assert main(["train-director", "--data", str(tmp_path), "--out", str(out), "--repeats", "1"]) == 0
    said = capsys.readouterr().out
    assert "n = 40 videos" in said
    assert load_director(out).direct(Footage(np.ones(8), np.arange(8), clip=np.ones((4, 16)))) is not None
    assert "MuVi-Sync" in json.loads((tmp_path / "director.json").read_text())["source"]
