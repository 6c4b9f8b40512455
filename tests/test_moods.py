"""From files to plans: a bright clip cut fast and a dark one that stands still differ, and the receipt says why.

Once with drawn pictures and once with real ones, cut out of a clip of Big Buck Bunny where that is at hand.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from tests.drawing import Drawn
from tests.planner.drawn import draw_features

from diffbgm import DiffBGM
from diffbgm.brief import read_asked
from diffbgm.options import ScoreOptions
from diffbgm.planner import make_plan
from diffbgm.receipt import make_receipt
from diffbgm.roll import find_key, pitch_class_rows, sounding
from diffbgm.types import Audio, MusicPlan, VideoFeatures
from diffbgm.types.values import STEPS_PER_BEAT
from diffbgm.video import analyze, describe

FILM = Path(__file__).resolve().parents[1] / "../shared/clips/big-buck-bunny-480p-30s.mp4"
WARM = np.array([(250, 200, 60), (255, 120, 90), (240, 230, 120), (255, 170, 200)], np.uint8)


def sunny(t: float) -> np.ndarray:
    """Bright warm stripes that move; another colour every .8 s."""
    image = np.empty((90, 160, 3), np.uint8)
    image[:] = WARM[int(t / 0.8) % len(WARM)]
    image[:, int(60 + 40 * np.sin(4 * t)) :][:, :20] = 255
    return image


def night(t: float) -> np.ndarray:
    """A dim blue dusk that hardly changes."""
    ramp = np.linspace(1.0, 0.4, 90)[:, None, None] * np.array([14, 18, 38]) * (1 + 0.02 * np.sin(t))
    return np.broadcast_to(ramp, (90, 160, 3)).astype(np.uint8)


def seen(path: Path) -> tuple[VideoFeatures, MusicPlan, str]:
    """Features, plan, and all the words of the receipt."""
    features = analyze(path, semantics="colour")
    plan = make_plan(features)
    silence = Audio(np.zeros((2, 8)), 44_100)
    receipt = make_receipt(
        plan, silence, options=ScoreOptions(seed=0), model={}, sound={}, scene=describe(features), timings={}
    )
    return features, plan, " ".join([*receipt["scene"], *receipt["why"]])


def pace(plan: MusicPlan) -> tuple[float, float]:
    """Beats a minute and onsets a second."""
    return 60 * plan.beats / plan.duration, float(plan.curves.density.sum() / plan.duration)


def test_drawn_clips(draw: Callable[..., Drawn]):
    _, bright, gay = seen(draw("sunny.mp4", (12.0,), picture=sunny).path)
    _, dark, grave = seen(draw("night.mp4", (12.0,), picture=night).path)
    assert (bright.key.mode, dark.key.mode) == ("major", "minor")
    assert pace(bright)[0] > 1.3 * pace(dark)[0]
    assert pace(bright)[1] > 1.6 * pace(dark)[1]
    assert bright.curves.register.mean() > dark.curves.register.mean() + 2
    for word in ("The pictures are bright", "14 cuts: shots of 0.8 s", "lively and bright", "suggests major", "busy"):
        assert word in gay, (word, gay)
    for word in ("The pictures are dark", "A single shot", "hardly anything moves", "sad and still", "suggests minor"):
        assert word in grave, (word, grave)
    assert "sparse" in grave


def pictures_of(film: Path) -> list[tuple[float, np.ndarray]]:
    """(seconds, picture) of a whole film, small."""
    with av.open(str(film)) as source:
        return [
            (frame.time or 0.0, frame.reformat(160, 90).to_ndarray(format="rgb24"))
            for frame in source.decode(source.streams.video[0])
        ]


def splice(pictures: Sequence[tuple[float, np.ndarray]], spans: Iterable[tuple[float, float]], target: Path) -> Path:
    """The pictures between pairs of seconds, one stretch after the other."""
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for start, end in spans:
            for time, picture in pictures:
                if start <= time < end:
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return target


def test_real_clips(tmp_path: Path):
    if not FILM.is_file():
        pytest.skip("needs the clip of Big Buck Bunny beside the repository")
    # A montage of the brightest pictures, and the darkest stretch, in which a squirrel sits on a branch.
    places = (2.5, 16.2, 5.0, 17.4, 8.0, 18.6, 3.5, 21.5, 9.5, 19.6, 6.5, 16.8, 4.2, 18.0, 7.2, 19.0)
    film = pictures_of(FILM)
    first, bright, quick = seen(splice(film, ((p, p + 0.5) for p in places), tmp_path / "bright.mp4"))
    second, dark, still = seen(splice(film, [(23.1, 29.9)], tmp_path / "dark.mp4"))
    assert first.colour[:, 0].mean() > second.colour[:, 0].mean() + 0.15
    assert len(first.cuts) >= 8
    assert not second.cuts
    assert pace(bright)[0] > 1.3 * pace(dark)[0]
    assert pace(bright)[1] > 1.4 * pace(dark)[1]
    assert bright.curves.register.mean() > dark.curves.register.mean()
    assert "The pictures are bright" in quick
    assert f"{len(first.cuts)} cuts" in quick
    assert "lively and bright" in quick, quick
    assert "calm and warm" in still, still
    assert "A single shot" in still


def test_a_sad_second_half_is_heard_in_the_relative_minor() -> None:
    plan = make_plan(draw_features(16.0), brief=read_asked({"key": "C major", "scene": "0-8 happy; 8-16 sad"}))
    roll = DiffBGM.from_pretrained().compose(plan, seed=1, steps=24)
    edge = STEPS_PER_BEAT * plan.scenes[1].start_beat
    sound = pitch_class_rows(sounding(roll.cells[:, edge:]).sum((0, 1))[None])[0]
    assert str(find_key(sound)) == "A minor"
