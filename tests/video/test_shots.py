"""Cuts and fades where they were drawn, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest
from tests.drawing import Drawn, Shot, draw_video, jittery_times, scene

from diffbgm.types import Cut
from diffbgm.video import analyze
from diffbgm.video.fades import FadeFinder, dissolve, is_plain
from diffbgm.video.shots import strength_of


def matched(found: list[float], wanted: tuple[float, ...], within: float) -> int:
    """How many wanted times are found, each found one used once."""
    left = list(found)
    hits = 0
    for time in wanted:
        near = min(left, key=lambda f: abs(f - time), default=None)
        if near is not None and abs(near - time) <= within:
            left.remove(near)
            hits += 1
    return hits


def of_kind(cuts: tuple[Cut, ...], kind: str) -> list[float]:
    return [cut.time for cut in cuts if cut.kind == kind]


def draw_random(folder: Path, seed: int) -> Drawn:
    """A few shots with hard cuts, dissolves and dips; every third video with a variable frame rate."""
    rng = np.random.default_rng(seed)
    shots = [Shot(2.0)]
    for _ in range(4):
        kind = rng.random()
        if kind < 0.55:
            shots.append(Shot(float(rng.uniform(1.4, 2.2))))
        else:
            shots.append(Shot(float(rng.uniform(2.0, 2.6)), fade=float(rng.uniform(0.5, 1.2)), dip=bool(kind > 0.85)))
    rate = float(rng.choice([15, 25, 30]))
    times = jittery_times(sum(shot.seconds for shot in shots), rate, seed) if seed % 3 == 2 else None
    return draw_video(
        folder / f"{seed}.mp4", shots, rate=rate, times=times, seed=seed, speed=float(rng.uniform(0, 0.5))
    )


def test_drawn_cuts_and_fades_are_found(tmp_path: Path):
    hits, wanted, found = np.zeros(2), np.zeros(2), np.zeros(2)
    for seed in range(6):
        drawn = draw_random(tmp_path, seed)
        cuts = analyze(drawn.path).cuts
        for i, (kind, times, within) in enumerate((("cut", drawn.cuts, 1e-3), ("fade", drawn.fades, 0.25))):
            hits[i] += matched(of_kind(cuts, kind), times, within)
            wanted[i] += len(times)
            found[i] += len(of_kind(cuts, kind))
    recall, precision = hits / wanted, hits / found
    assert wanted.min() >= 6
    assert recall[0] == precision[0] == 1.0
    assert recall[1] >= 0.75
    assert precision[1] >= 0.9


def test_a_cut_has_the_time_of_its_first_picture_in_variable_frame_rate(draw):
    times = jittery_times(3.0, 25.0, seed=5)
    drawn = draw("v.mp4", (1.2, 1.8), times=times)
    (cut,) = analyze(drawn.path).cuts
    assert cut.time == pytest.approx(drawn.cuts[0], abs=1e-4)
    assert min(abs(cut.time - time) for time in times) < 1e-4


def test_one_shot_has_no_cuts_however_fast_it_moves(draw):
    assert analyze(draw("calm.mp4", (3.0,), speed=0.1).path).cuts == ()
    assert analyze(draw("wild.mp4", (3.0,), speed=1.5, seed=2).path).cuts == ()


def test_a_flash_is_no_cut(draw):
    def flash(t: float) -> np.ndarray:
        return np.full((90, 160, 3), 250, np.uint8) if 1.0 <= t < 1.08 else scene(4, t)

    assert analyze(draw("flash.mp4", (2.4,), picture=flash).path).cuts == ()


def test_repeated_pictures_are_no_cuts(draw):
    """Animation on threes: every third picture is a new one, and moves a lot."""
    drawn = draw("threes.mp4", (3.0,), picture=lambda t: scene(6, np.floor(t * 8) / 8, speed=1.2))
    assert analyze(drawn.path).cuts == ()


def test_a_blink_of_black_is_no_change_of_shot(draw):
    drawn = draw("blink.mp4", (4.0,), picture=lambda t: (scene(3, t) * min(1, 2 * abs(t - 2))).astype(np.uint8))
    assert analyze(drawn.path).cuts == ()


def test_cuts_between_dark_shots_are_found(draw):
    drawn = draw("dark.mp4", (2.0,), picture=lambda t: (scene(1 if t < 1 else 2, t) * 0.18).astype(np.uint8))
    (cut,) = analyze(drawn.path).cuts
    assert cut.time == pytest.approx(1.0, abs=1e-3)


def test_a_slideshow_cuts_at_every_slide(draw):
    drawn = draw("slides.mp4", (2.0, 2.0, 2.0), speed=0.0)
    assert of_kind(analyze(drawn.path).cuts, "cut") == pytest.approx([2.0, 4.0], abs=1e-3)


def test_a_fade_in_from_black_is_no_change_of_shot(draw):
    drawn = draw("in.mp4", (4.0,), picture=lambda t: (scene(3, t) * np.clip(t / 1.5 - 0.3, 0, 1)).astype(np.uint8))
    assert analyze(drawn.path).cuts == ()


def test_strength_goes_with_the_change_and_against_the_bustle():
    assert strength_of(80, 1) > strength_of(30, 1) > strength_of(10, 1) > 0
    assert strength_of(60, 2) > strength_of(60, 30)
    assert 0 < strength_of(5, 50) <= strength_of(255, 0) <= 1


def test_a_fade_is_weaker_than_the_same_cut(draw):
    (hard,) = analyze(draw("hard.mp4", (2.0, 2.0)).path).cuts
    (soft,) = analyze(draw("soft.mp4", (2.0, Shot(2.0, fade=0.8))).path).cuts
    assert (hard.kind, soft.kind) == ("cut", "fade")
    assert soft.strength < hard.strength
    assert soft.time == pytest.approx(2.0, abs=0.12)


def lumas(*moments: tuple[int, float]) -> np.ndarray:
    """[n, 18, 32] luma of scenes (seed, time)."""
    return np.stack([scene(seed, t, 32, 18).astype(np.float32).mean(-1) for seed, t in moments])


def test_dissolve_is_told_from_a_change_of_light():
    a, b = lumas((1, 0.0), (2, 0.0))
    share = np.clip((np.arange(41) - 14) / 12, 0, 1)[:, None, None]
    times = np.arange(41) / 10
    fade = dissolve(times, a * (1 - share) + b * share, 9)
    assert fade is not None
    assert fade.time == pytest.approx(2.0, abs=0.02)
    assert dissolve(times, a * (1 - share) + 0.4 * a * share, 9) is None
    assert dissolve(times, a * np.ones((41, 1, 1)), 9) is None


def test_dips_are_one_fade_at_their_middle():
    a, b = lumas((1, 0.0), (2, 0.0))
    finder = FadeFinder()
    for i in range(100):
        t = i / 25
        light = abs(np.clip((t - 2.0) / 0.5, -1, 1))
        finder.add(t, ((a if t < 2 else b) * max(0.0, light * 1.3 - 0.3)).astype(np.float32))
    (fade,) = finder.finish([])
    assert fade.time == pytest.approx(2.0, abs=0.06)
    assert is_plain(np.zeros((18, 32), np.float32))


def test_real_footage(shared: Path):
    cuts = analyze(shared / "clips/big-buck-bunny-480p-30s.mp4").cuts
    assert of_kind(cuts, "cut") == pytest.approx([11.875, 15.75, 23.042], abs=0.05)
    assert len(of_kind(cuts, "fade")) <= 1
