"""Matched pairs, and training on them: made-up songs beside made-up music videos of known density and embeddings."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.research.datasets.films import write_tune
from tests.research.datasets.test_bgm909_build import digest
from tests.research.datasets.test_muvisync import write_video

from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.condition import SEMANTIC_WIDTH, Condition
from diffbgm.errors import DataError, WeightsError
from diffbgm.hub import load_weights, save_weights
from diffbgm.planner.director import Footage
from diffbgm.research.datasets import bgm909
from diffbgm.research.datasets.bgm909.likeness import POINTS, WIDTH, Stretch
from diffbgm.research.datasets.bgm909.match import MatchOptions, choose, match
from diffbgm.research.datasets.bgm909.store import video_split
from diffbgm.research.datasets.muvisync import LABELS, MusicVideo
from diffbgm.research.datasets.pairs import VideoView, paired_pieces, under_videos
from diffbgm.research.datasets.windows import Sampling, Window, draw_window, prepare, view_window
from diffbgm.research.evaluation.pairs import alone, evaluate_pairs, exchange, mean_interval
from diffbgm.research.training.train import TrainOptions, train
from diffbgm.research.training.widen import widen
from diffbgm.roll import transpose

SECONDS, D = 80, 6
SONGS = ["001", "002", "003", "007", "036"]  # 007 and 036 are validation songs
NUMBERS = [f"{n:03d}" for n in range(200)]
VIDEOS = sorted(
    [v for v in NUMBERS if video_split(v) == "train"][:8] + [v for v in NUMBERS if video_split(v) == "validation"][:6]
)
OPTIONS = TrainOptions(steps=4, batch=2, warmup=2, validate_every=2, validation_windows=2, ema_every=1)


@dataclass(frozen=True)
class Source:
    pop909: Path
    muvisync: Path
    out: Path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Video k plays about k notes a second; its embeddings are k on average."""
    folder = tmp_path_factory.mktemp("matched")
    rng = np.random.default_rng(0)
    for seed, song in enumerate(SONGS):
        write_tune(folder / "POP909", song, seed)
    rows = []
    for k, name in enumerate(VIDEOS):
        write_video(folder / "muvi", name, minor=k % 2 == 0, seconds=SECONDS)
        for kind, values in (("density", k + rng.random(SECONDS)), ("loudness", 0.02 * k + 0.1 * rng.random(SECONDS))):
            file = folder / "muvi" / "MuVi-Sync" / LABELS[kind] / f"{name}.lab"
            file.write_text("".join(f"{t} {value:.3f}\n" for t, value in enumerate(values)))
        rows.append(np.clip(np.round(k + 3 * rng.normal(size=(SECONDS // 2, D))), -100, 100))
    offsets = np.arange(len(VIDEOS) + 1) * (SECONDS // 2)
    features = np.concatenate(rows).astype(np.int8)
    scale = np.full(D, 0.1, np.float32)
    np.savez(folder / "muvi" / "clip.npz", ids=np.array(VIDEOS), offsets=offsets, features=features, scale=scale)
    match(folder / "POP909", folder / "muvi", folder / "out", options=MatchOptions(top=2))
    return Source(folder / "POP909", folder / "muvi", folder / "out")


def test_every_stretch_has_its_videos_of_its_own_split(source: Source) -> None:
    data = bgm909.load(source.out)
    seen = set()
    for split in ("train", "validation"):
        pairs = data.pairs(split)
        assert all(p.paired == "matched" and video_split(p.video) == split for p in pairs)
        for p in pairs:
            edges = data.song(p.song).song.times[::4] + p.offset
            assert edges[p.start_bar] >= -1e-6
            assert edges[p.end_bar] <= SECONDS + 1e-6
            assert p.end_bar - p.start_bar >= 8
            seen.add((p.song, p.start_bar, p.rank))
    assert seen == {(song, bar, rank) for song in SONGS for bar in (0, 8, 16) for rank in (1, 2)}
    quality = data.manifest["quality"]
    assert quality["matched"]["distance"] < quality["random"]["distance"]


def test_a_video_comes_back_with_what_is_known_of_it(source: Source) -> None:
    data = bgm909.load(source.out)
    stored = data.video(data.pairs("train")[0].video)
    assert (stored.cut_resolution, stored.colour_known) == (1.0, False)
    assert [cut.time for cut in stored.features.cuts][:3] == [3.0, 6.0, 9.0]
    assert stored.features.clip is not None
    assert stored.features.clip.shape == (SECONDS // 2, D)
    assert data.projection is not None
    clips = [data.video(v).features.clip for v in {p.video for p in data.pairs("train")}]
    narrow = data.projection(np.concatenate([clip for clip in clips if clip is not None]))
    assert narrow.std(0) == pytest.approx(1.0, abs=0.02)
    assert narrow.mean(0) == pytest.approx(0.0, abs=0.02)


def test_matching_is_seeded(source: Source, tmp_path: Path) -> None:
    line = ["dataset", "match", "--pop909", str(source.pop909), "--muvisync", str(source.muvisync), "--top", "2"]
    assert main([*line, "-o", str(tmp_path / "same")]) == 0
    assert digest(tmp_path / "same") == digest(source.out)


def test_the_most_alike_video_is_found() -> None:
    rng = np.random.default_rng(2)
    seconds = np.arange(120)
    videos = [
        MusicVideo(
            str(i), Footage(np.ones(120), seconds % 5), rng.gamma(2, 3, 120), rng.uniform(0.1, 0.3, 120), i % 2 == 0,
            rng.choice([0, 7, 21], 120),
        )
        for i in range(12)
    ]  # fmt: skip
    planted = []
    for i, video in enumerate(videos):
        at = slice(40, 72)
        points = [video.density[at].reshape(POINTS, -1).mean(1), (video.loudness[at] ** 2).reshape(POINTS, -1).mean(1)]
        changes = np.mean([a != b for a, b in zip(video.chord[40:72], video.chord[41:73], strict=True)])
        raw = np.concatenate(
            [np.log1p(points[0]), np.log(np.sqrt(points[1]) + 1e-3), [np.sqrt(changes), float(video.minor)]]
        )
        assert len(raw) == WIDTH
        planted.append(Stretch(f"{i:03}", 0, 8, 0.0, 32.0, raw))
    best, drawn = choose(planted, videos, MatchOptions(top=1))
    assert [c.video for c in best] == list(range(12))
    assert [c.start for c in best] == [40.0] * 12
    assert np.mean([c.distance for c in drawn]) > 3 * np.mean([c.distance for c in best])


def test_what_a_video_asks_does_not_depend_on_the_key(source: Source) -> None:
    data = bgm909.load(source.out)
    pair = data.pairs("train")[0]
    song = data.song(pair.song).song
    windows = []
    for semitones in (0, 1, -4):
        view = VideoView(data, pair, song.times)
        moved = replace(prepare(replace(song, roll=transpose(song.roll, semitones))), views=(view,), clip_width=D)
        windows.append(view_window(moved, np.random.default_rng(5), Sampling.plain()))
    first, *others = windows
    assert np.any(first.tokens.semantic[:, SEMANTIC_WIDTH:])
    for other in others:
        for name in ("dynamic", "semantic", "section", "section_at"):
            assert np.array_equal(getattr(first.tokens, name), getattr(other.tokens, name)), name
    features, again = data.video(pair.video).features, data.video(pair.video).features
    assert features == again


def test_the_videos_own_embeddings_are_in_the_tokens(source: Source) -> None:
    data = bgm909.load(source.out)
    assert data.projection is not None
    pair = data.pairs("train")[0]
    song = data.song(pair.song).song
    asked = VideoView(data, pair, song.times).asked
    clip, times = data.video(pair.video).features.clip, data.video(pair.video).features.clip_times
    assert clip is not None
    assert times is not None
    for section in asked.sections:
        start, end = song.times[section.start] + pair.offset, song.times[section.end] + pair.offset
        expected = data.projection(clip)[(times >= start) & (times < end)].mean(0)
        assert section.clip == pytest.approx(expected, abs=1e-3)
        assert section.texture["valence"] is not None
    assert asked.sections[0].start == 4 * pair.start_bar
    assert asked.sections[-1].end == 4 * pair.end_bar
    assert set(asked.curves) == {"polyphony", "density", "register"}


def test_windows_mix_by_the_ratio(source: Source) -> None:
    data = bgm909.load(source.out)
    training, validation = paired_pieces(data, 0.25)
    assert all(piece.views for piece in validation)
    rng = np.random.default_rng(0)
    has_clip = [
        bool(np.any(draw_window(training, rng, Sampling.plain()).tokens.semantic[:, SEMANTIC_WIDTH:]))
        for _ in range(200)
    ]
    assert np.mean(has_clip) == pytest.approx(0.75, abs=0.1)
    assert all(piece.views for piece in paired_pieces(data, 0.0)[0])
    with pytest.raises(DataError, match="mix"):
        paired_pieces(data, 1.0)


def test_a_wider_network_answers_as_before_until_it_learns(source: Source) -> None:
    torch.manual_seed(0)
    narrow = Denoiser(Config.tiny()).eval()
    torch.nn.init.normal_(narrow.head.weight, std=0.1)
    wide = widen(narrow, D).eval()
    piece = under_videos(bgm909.load(source.out), bgm909.load(source.out).pairs("train"))[0]
    window = view_window(piece, np.random.default_rng(0), Sampling.plain())
    tokens = window.tokens
    condition = Condition.stack([tokens])
    without = Condition.stack([replace(tokens, semantic=tokens.semantic[:, :SEMANTIC_WIDTH])])
    x, t = torch.randn(1, 4, 128, 88), torch.tensor([0.7])
    with torch.inference_mode():
        assert torch.equal(wide(x, t, condition).logits, narrow(x, t, without).logits)
    wide.semantic[0].weight.data[:, -1] = 1.0
    with torch.inference_mode():
        assert not torch.equal(wide(x, t, condition).logits, narrow(x, t, without).logits)
    with pytest.raises(WeightsError, match="wide"):
        widen(wide, 2)


def test_training_on_pairs_learns_their_columns_and_resumes(source: Source, tmp_path: Path) -> None:
    torch.manual_seed(0)
    start = Denoiser(Config.tiny())
    torch.nn.init.normal_(start.head.weight, std=0.1)
    weights = save_weights(start, tmp_path / "start")
    whole = train(source.out, tmp_path / "whole", options=OPTIONS, start_from=weights, mix=0.0)
    model = load_weights(whole)
    assert model.config.clip_width == D
    assert model.semantic[0].weight[:, SEMANTIC_WIDTH:].abs().sum() > 0
    train(source.out, tmp_path / "parts", options=replace(OPTIONS, steps=2), start_from=weights, mix=0.0)
    notes = json.loads((tmp_path / "parts" / "checkpoint.json").read_text())
    assert notes["step"] == 2
    train(source.out, tmp_path / "parts", options=OPTIONS, start_from=weights, mix=0.0)
    assert json.loads((tmp_path / "parts" / "checkpoint.json").read_text())["step"] == 4


def test_a_model_that_does_not_listen_gains_nothing_and_one_that_does_is_seen(source: Source) -> None:
    torch.manual_seed(0)
    deaf = widen(Denoiser(Config.tiny()), D).eval()
    report = evaluate_pairs(deaf, source.out, n=4)
    assert {row[3] for row in report.tables[0].rows} == {0.0}
    assert not any(row[-1] for row in report.tables[0].rows)
    torch.nn.init.normal_(deaf.semantic[0].weight)
    torch.nn.init.normal_(deaf.head.weight, std=0.3)
    assert any(row[3] for row in evaluate_pairs(deaf, source.out, n=4).tables[0].rows)
    with pytest.raises(DataError, match="wide"):
        evaluate_pairs(Denoiser(Config.tiny()), source.out)


def test_exchanging_takes_another_songs_embeddings_and_nothing_else(source: Source) -> None:
    pieces = under_videos(bgm909.load(source.out), bgm909.load(source.out).pairs("validation"))
    rng = np.random.default_rng(1)
    groups: list[list[Window]] = [[view_window(piece, rng, Sampling.plain()) for _ in range(2)] for piece in pieces]
    for group, given in zip(groups, exchange(groups, rng), strict=True):
        for before, after in zip(group, given, strict=True):
            a, b = before.tokens.semantic, after.tokens.semantic
            assert np.array_equal(a[:, :SEMANTIC_WIDTH], b[:, :SEMANTIC_WIDTH])
            assert not np.array_equal(a[:, SEMANTIC_WIDTH:], b[:, SEMANTIC_WIDTH:])
            assert np.array_equal(before.tokens.dynamic, after.tokens.dynamic)
    bare = alone(groups[0][0]).tokens
    assert not bare.has_dynamic
    assert not bare.semantic[:, : SEMANTIC_WIDTH - 1].any()
    assert bare.semantic[:, SEMANTIC_WIDTH:].any()


def test_the_interval_holds_the_mean() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.5, 50)
    low, high = mean_interval(values, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 50**0.5, rel=0.3)


def test_the_report_is_drawn(source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    assert main(["dataset", "report", str(source.out), "-o", str(tmp_path / "page.png")]) == 0
    assert "page.png" in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture is not None
    assert picture.shape[1] > 1000
    assert picture.std() > 10
