"""Plans from files, as editors and version 0.4 leave them, and plans of other videos."""

import json
from dataclasses import replace

import mido
import numpy as np
import pytest
from tests.music import make_roll
from tests.planner.drawn import BRIGHT, DARK, draw_features

from diffbgm import midi
from diffbgm.arrange import arrange
from diffbgm.arrange.palettes import PALETTES as INSTRUMENTS
from diffbgm.codec import RENAMED, from_plain, to_json, to_plain
from diffbgm.errors import InputError, PlanError, VideoError
from diffbgm.planner import PALETTES, check_plan_fits, make_plan, read_plan, recut
from diffbgm.render import render
from diffbgm.types import Cut, MusicPlan, PlannedCut, Section, Texture, VideoReference

CUTS = (Cut(2.0, 0.9), Cut(4.5, 0.5), Cut(7.2, 0.8))


@pytest.fixture(scope="module")
def features():
    return draw_features(10.0, CUTS, (BRIGHT, DARK))


@pytest.fixture(scope="module")
def plan(features):
    return make_plan(features, "calm,strings")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_plan_is_read_as_editors_save_it(plan, tmp_path, encoding):
    path = tmp_path / "p.json"
    path.write_bytes(to_json(plan, indent=1).replace("\n", "\r\n").encode(encoding))
    assert read_plan(path) == plan


NOT_PLANS = {
    "latin1": ('{"title": "é"}'.encode("latin-1"), "byte 11 is no utf-8; save the text as UTF-8"),
    "nan": (b'{"duration": NaN}', "not JSON: NaN is no number"),
    "infinity": (b'{"duration": -Infinity}', "not JSON: -Infinity is no number"),
    "huge": (b'{"duration": 1e400}', "MusicPlan.duration must be a number; got Infinity"),
    "long": (b'{"duration": ' + b"9" * 400 + b"}", "MusicPlan.duration must be a number; got 99999"),
    "digits": (b'{"duration": ' + b"9" * 9000 + b"}", "not JSON: Exceeds the limit"),
    "brackets": (b"[" * 5000 + b"]" * 5000, "MusicPlan"),
    "depth": (
        b'{"duration": 1, "tempo": {"edges": ' + b"[" * 600 + b"]" * 600 + b"}}",
        "MusicPlan.tempo.edges must be a list",
    ),
    "empty": (b"", "not JSON"),
    "list": (b"[]", "must be an object with the fields of MusicPlan"),
    "number": (b"7", "must be an object"),
    "zeros": (b"\0" * 40, "not JSON"),
    "film": (b"\0\0\0\x20ftypisom\0\0\x02\0isom\xff\xff", "no text at all"),
}


@pytest.mark.parametrize("name", NOT_PLANS)
def test_what_is_no_plan_is_refused_in_one_line_that_names_the_file(name, tmp_path):
    content, says = NOT_PLANS[name]
    path = tmp_path / f"{name}.plan.json"
    path.write_bytes(content)
    with pytest.raises(PlanError) as error:
        read_plan(path)
    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    with pytest.raises(InputError, match=r"gone\.json: cannot be read \(No such file"):
        read_plan(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"palette": "kazoo"}, "no palette is called 'kazoo'; there are piano, strings"),
        ({"style": ["clam"]}, "unknown style tag 'clam': did you mean calm"),
        ({"style": ["happy", "sad"]}, "contradict each other"),
        ({"duration": 3.0}, r"duration is 3\.00 s, but its video lasts 10\.00 s \(7\.00 s off\)"),
        ({"duration": 3.0, "video": None}, r"duration is 3\.00 s, but the tempo map ends at 10\.00 s"),
        ({"rests": [[3, 1]]}, r"a rest lasts from 3 to 1 s; it must end after it begins"),
        ({"talks": [[-1, 1]]}, "a talk lasts from -1 to 1 s"),
        ({"tacets": [["drums", 2, 2]]}, "a tacet lasts from 2 to 2 s"),
        ({"why": ["\ud800"]}, r"MusicPlan\.why\[0\] must be a text"),
        ({"cuts": [{"time": 1e300, "strength": 1, "beat": 1, "error": 0, "snapped": True}]}, r"cuts\[0\]\.time"),
    ],
)
def test_a_wrong_edit_is_refused_when_the_plan_is_read(plan, tmp_path, changes, says):
    (tmp_path / "p.json").write_text(json.dumps(to_plain(plan) | changes))
    with pytest.raises(PlanError, match=says):
        read_plan(tmp_path / "p.json")


def test_the_planner_knows_the_palettes_that_can_be_played():
    assert list(PALETTES) == list(INSTRUMENTS)


def as_0_4(plain):
    """A plan's plain values under the names of version 0.4."""
    for kind, places in (
        ("Curves", [plain["curves"]]),
        ("Texture", [section["texture"] for section in plain["sections"]]),
        ("Section", plain["sections"]),
        ("MusicPlan", [plain]),
    ):
        back = {new: old for old, new in RENAMED[kind].items()}
        for place in places:
            renamed = {back.get(name, name): value for name, value in place.items()}
            place.clear()
            place.update(renamed)
    del plain["video"]
    return plain


def test_a_whole_plan_of_0_4_is_read_with_a_warning(plan, features, tmp_path):
    old = as_0_4(to_plain(plan))
    assert set(old["curves"]) == {"energy", "density", "brightness", "melody", "repetition"}
    assert set(old["segments"][0]["mood"]) == {"mode", "register", "density", "syncopation", "legato", "harmony"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    with pytest.warns(FutureWarning) as warned:
        read = read_plan(tmp_path / "old.json")
    assert "MusicPlan as diffbgm 0.4 wrote it: segments is now sections" in str(warned[0].message)
    assert read == replace(plan, video=None)
    check_plan_fits(read, features)


@pytest.mark.parametrize("known", [True, False], ids=["reference", "0.4"])
def test_the_plan_of_another_video_is_refused_with_the_difference(plan, features, known):
    plan = plan if known else replace(plan, video=None)
    check_plan_fits(plan, features)
    again = replace(features, duration=10.02, cuts=tuple(replace(c, time=c.time + 0.003) for c in CUTS))
    check_plan_fits(plan, again)  # the same video, encoded again
    with pytest.raises(PlanError, match=r"it lasts 10\.00 s, this video 20\.00 s; .* recut\(plan, features\)"):
        check_plan_fits(plan, draw_features(20.0, CUTS))
    with pytest.raises(PlanError, match=r"has 3 cuts and this video 2; the cut at 4\.50 s is in the plan only"):
        check_plan_fits(plan, draw_features(10.0, (CUTS[0], CUTS[2])))
    with pytest.raises(PlanError, match=r"has 3 cuts and this video 4; the cut at 8\.00 s is in the video only"):
        check_plan_fits(plan, draw_features(10.0, (*CUTS, Cut(8.0))))
    with pytest.raises(PlanError, match=r"the cut at 4\.50 s is in the plan only"):
        check_plan_fits(plan, draw_features(10.0, (CUTS[0], Cut(4.9), CUTS[2])))


def test_a_recut_plan_belongs_to_the_new_edit(plan, features):
    new = draw_features(7.5, CUTS[:2])
    check_plan_fits(recut(plan, new).plan, new)
    with pytest.raises(PlanError, match="another video or edit"):
        check_plan_fits(recut(plan, new).plan, features)


def test_a_plan_whose_cuts_were_edited_still_belongs_to_its_video(plan, features):
    check_plan_fits(replace(plan, cuts=plan.cuts[1:]), features)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused_where_values_are_made(plan, number):
    for build in (
        lambda: Texture(density=number),
        lambda: Section(0, 4, valence=number),
        lambda: Cut(number),
        lambda: PlannedCut(1.0, 0.5, number, 0.0, True),
        lambda: VideoReference(number, ""),
        lambda: replace(plan, duration=number),
        lambda: plan.with_curve("density", [1.0, number]),
        lambda: plan.with_texture(0, mode=number),
    ):
        with pytest.raises(PlanError) as error:
            build()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("duration", [0.04, 0.32, 0.79, 0.9])
def test_a_film_shorter_than_a_bar_gets_a_tempo_that_sequencers_take(duration, tmp_path):
    plan = make_plan(draw_features(duration))
    assert plan.tempo.beats == 4
    assert plan.tempo.bpm().max() <= 300 + 1e-6
    check_plan_fits(from_plain(MusicPlan, to_plain(plan)), draw_features(duration))
    score = arrange(make_roll(1), plan)
    times = plan.tempo.time_at([note.end for track in score.tracks for note in track.notes])
    assert len(times)
    assert times.max() == pytest.approx(duration, abs=1e-6)
    path = midi.write_midi(score, tmp_path / "x.mid")
    tempi = [mido.tempo2bpm(m.tempo) for m in mido.MidiFile(path) if m.type == "set_tempo"]
    assert max(tempi) <= 300
    for other in (0.05, 0.4, 1.0, 3.9, 4.0, 11.0):
        assert recut(plan, (), other).plan.tempo.bpm().max() <= 300 + 1e-6


def test_a_single_picture_is_heard_as_long_as_it_is_shown():
    sound = render(arrange(make_roll(1), make_plan(draw_features(0.04))), duration=0.04)
    assert sound.mix.samples.shape == (2, 1920)
    assert np.abs(sound.mix.samples).max() > 0.01


def test_a_video_of_no_length_is_too_short():
    with pytest.raises(VideoError, match=r"lasts 0\.2 ms, too short \(10 ms at least\)"):
        make_plan(draw_features(0.0002))
