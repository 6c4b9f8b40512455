"""What a brief asks for at a time, in the arrangement: hits are struck, rests are silent, instruments come and go."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.drawing import draw_video
from tests.planner.drawn import draw_features
from tests.test_arrange import song
from tests.test_ducking import babble, recording

from diffbgm.arrange import arrange
from diffbgm.arrange.spotting import rests
from diffbgm.codec import from_json, to_json
from diffbgm.errors import PlanError
from diffbgm.media import mux
from diffbgm.options import ScoreOptions
from diffbgm.planner import make_plan
from diffbgm.progress import Clock
from diffbgm.stages import analyze_and_plan
from diffbgm.types import MusicPlan, Score

LENGTH = 20.0
FRAME = 1 / 25


def scored(prompt: str, duration: float = LENGTH) -> tuple[Score, MusicPlan]:
    """A hand-made piece, arranged as a brief asks."""
    plan = make_plan(draw_features(duration), prompt=prompt)
    return arrange(song(plan.beats // 4), plan), plan


def onsets(score: Score, plan: MusicPlan, who: str | None = None) -> np.ndarray:
    """[n] seconds at which notes of an instrument or family (None: any) begin."""
    tracks = [t for t in score.tracks if who is None or rests(t, who)]
    return np.sort(plan.tempo.time_at(np.array([note.start for track in tracks for note in track.notes])))


@pytest.mark.parametrize(
    ("prompt", "who", "first", "last"),
    [
        ("acoustic guitar alone; drums come in at 0:10", "drums", 10.0, LENGTH),
        ("the strings drop out halfway, piano goes on by itself", "strings", 0.0, 10.0),
        ("synthwave, no drums until 0:08", "drums", 8.0, LENGTH),
        ("piano and strings, a flute from 5 to 12 s", "flute", 5.0, 12.0),
        ("strings, flute and piano; piano alone for the last 5 seconds", "all but piano", 0.0, 15.0),
    ],
)
def test_an_instrument_plays_in_its_time(prompt: str, who: str, first: float, last: float) -> None:
    score, plan = scored(prompt)
    own, all_ = onsets(score, plan, who), onsets(score, plan)
    assert len(own) >= 4
    assert first - FRAME <= own[0] < first + 2.5
    assert last - 3.5 < own[-1] < last + FRAME
    assert all_[0] < 1.0
    assert all_[-1] > LENGTH - 4
    assert any(line.startswith(f"{who}: no note from") for line in plan.why)


def test_an_instrument_asked_for_by_name_stays_where_its_family_is_ruled_out() -> None:
    score, plan = scored("cello and piano, no strings section")
    assert len(onsets(score, plan, "cello")) >= 4
    assert len(onsets(score, plan, "strings")) == len(onsets(score, plan, "cello"))


def test_an_instrument_that_enters_comes_in_on_a_beat() -> None:
    plan = scored("acoustic guitar; drums come in at 9.3 s", 31.0)[1]
    beat = 2 * float(plan.tempo.beat_at(9.3))
    assert abs(float(plan.tempo.time_at(round(beat) / 2)) - 9.3) <= FRAME


def test_a_hit_sounds_before_the_drums_come_in_without_them() -> None:
    score, plan = scored("piano, a big hit at 0:05; drums come in at 0:10")
    assert np.count_nonzero(np.abs(onsets(score, plan) - 5.0) <= FRAME) >= 2
    assert onsets(score, plan, "drums").min() >= 10.0 - FRAME


def test_nothing_begins_in_a_rest_and_music_is_back() -> None:
    score, plan = scored("piano and strings, silence from 8 to 12 s")
    all_ = onsets(score, plan)
    assert not ((all_ >= 8.0) & (all_ < 12.0 - FRAME)).any()
    assert (np.abs(all_ - 12.0) < 1.0).any()


def test_a_plan_with_tacets_is_read_back_and_an_unknown_instrument_named() -> None:
    plan = scored("piano; drums come in at 0:10")[1]
    assert plan.tacets == (("drums", 0.0, 10.0),)
    assert from_json(MusicPlan, to_json(plan)) == plan
    wrong = from_json(MusicPlan, to_json(plan).replace('["drums", 0.0', '["drumz", 0.0'))
    with pytest.raises(PlanError, match="drumz"):
        arrange(song(plan.beats // 4), wrong)


def test_room_for_a_voice_is_left_where_the_film_is_heard_to_speak(tmp_path: Path) -> None:
    film = tmp_path / "spoken.mp4"
    mux(draw_video(tmp_path / "silent.mp4", [6.0, 6.0]).path, recording(12.0, (4.0, babble(3.0))), film)
    asked = ScoreOptions(prompt="leave room where people speak, soft piano", semantics="colour")
    plan = analyze_and_plan(film, asked, Clock()).plan
    ((start, end),) = plan.talks
    assert (start, end) == (pytest.approx(4.0, abs=0.5), pytest.approx(7.0, abs=0.5))
    assert any(line.startswith("room for a voice from") for line in plan.why)
    assert analyze_and_plan(film, replace(asked, prompt="soft piano"), Clock()).plan.talks == ()
