"""The front door, with the real weights, on drawn clips."""

import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import numpy as np
import pytest
import torch
from tests.drawing import Drawn
from tests.timelines import check_fcpxml, check_otio

import diffbgm
from diffbgm import DiffBGM
from diffbgm.codec import from_json, to_json
from diffbgm.errors import InputError, OutputError, StyleError, WeightsError
from diffbgm.media import probe, read_audio
from diffbgm.result import Result
from diffbgm.types import Cut, MusicPlan

STEPS = 4


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    return DiffBGM.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def result(model: DiffBGM, movie: Path) -> Result:
    return model.score(movie, style="calm", seed=1, steps=STEPS)


def test_the_receipt_says_what_it_must(result: Result) -> None:
    receipt = json.loads(json.dumps(dict(result.receipt)))
    wanted = {
        "duration", "audio_duration", "length_error_ms", "tempo", "key", "cuts", "cut_hit_rate", "seed", "steps",
        "guidance", "style", "model", "loudness_lufs", "timings",
    }  # fmt: skip
    assert wanted <= set(receipt)
    assert set(receipt["tempo"]) == {"base", "min", "max"}
    assert set(receipt["model"]) == {"id", "version", "sha256"}
    assert all(
        {"time", "strength", "nearest_beat", "error_ms", "snapped", "reason", "asked"} == set(cut)
        for cut in receipt["cuts"]
    )
    assert receipt["cuts"]
    assert receipt["seed"] == 1
    assert receipt["style"] == ["calm"]
    assert set(receipt["timings"]) == {"analyze", "plan", "compose", "arrange", "render"}


def test_the_sound_is_as_long_as_the_picture_and_not_silent(result: Result) -> None:
    assert abs(result.audio.duration - result.features.duration) < 1e-4
    assert np.abs(result.audio.samples).max() < 1.0
    assert result.receipt["loudness_lufs"] == pytest.approx(-16, abs=1)
    assert len({t.program for t in result.score.tracks}) >= 2
    assert sum(a.samples for a in result.stems.values()) == pytest.approx(result.music.samples, abs=1e-3)


def test_a_seed_gives_the_same_midi_and_another_another(model: DiffBGM, movie: Path, result: Result) -> None:
    again = model.score(movie, style="calm", seed=1, steps=STEPS, features=result.features)
    assert again.midi == result.midi
    assert model.score(movie, style="calm", seed=2, steps=STEPS, features=result.features).midi != result.midi


def test_everything_can_be_saved(result: Result, tmp_path: Path) -> None:
    paths = result.save_all(tmp_path)
    assert {"video", "audio", "midi", "receipt", "plan", "picture", "markers", "score"} <= set(paths)
    assert all(p.stat().st_size > 100 for p in paths.values())
    video = probe(paths["video"])
    assert abs(video.duration - result.features.duration) < 1e-3
    sound = read_audio(paths["video"])
    assert sound is not None
    assert abs(sound.duration - video.duration) <= 1 / video.frame_rate
    assert from_json(MusicPlan, paths["plan"].read_text()) == result.plan
    with pytest.raises(OutputError, match="xyz"):
        result.save(tmp_path / "a.xyz")


def test_the_video_that_was_scored_is_never_written_over(result: Result, movie: Path, tmp_path: Path) -> None:
    film = Path(shutil.copy(movie, tmp_path / "film.mp4"))
    before = film.read_bytes()
    own = replace(result, source=film)
    for save in (
        lambda: own.save(film),
        lambda: own.save_files(film),
        lambda: own.save_all(tmp_path, name="film"),
        lambda: own.write_video(film),
        lambda: own.save_files(tmp_path / "new.mp4", [".nope"]),
        lambda: own.save_files(tmp_path / "new.wav"),
    ):
        with pytest.raises(OutputError):
            save()
        assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"], "nothing is begun"
        assert film.read_bytes() == before


def test_timelines_hold_the_files_that_lie_beside_them(result: Result, tmp_path: Path) -> None:
    paths = result.save_all(tmp_path)
    names = ["film", "mix", *result.stems]
    check_fcpxml(paths["markers"], result.plan, names)
    otio = pytest.importorskip("opentimelineio")
    check_otio(paths["timeline"], result.plan, names)
    tracks = otio.adapters.read_from_file(str(paths["timeline"])).tracks
    assert [track.enabled for track in tracks] == [True, True, *[False] * len(result.stems)]
    assert Path(unquote(urlsplit(tracks[0][0].media_reference.target_url).path)) == result.source.resolve()


def test_files_say_what_they_are(result: Result, tmp_path: Path) -> None:
    paths = result.save_all(tmp_path)
    with av.open(str(paths["video"])) as file:
        assert file.metadata["title"] == result.source.stem
        assert file.metadata["comment"] == f"music by diffbgm, seed {result.seed}"
    for kind in ("audio", "stem melody"):
        head = paths[kind].read_bytes()[:700]
        assert b"bext" in head[:64]
        assert f"seed {result.seed}".encode() in head
        with av.open(str(paths[kind])) as file:
            assert (file.metadata["encoded_by"], file.metadata["time_reference"]) == ("diffbgm", "0")
    assert result.receipt["soundfont_licence"] == "MIT"


def test_an_edited_plan_is_composed_again(model: DiffBGM, movie: Path, result: Result) -> None:
    plan = result.plan.with_curve("density", [2.0, 9.0]).with_texture(0, mode=0.0, note_length=0.5)
    assert from_json(MusicPlan, to_json(plan)) == plan
    roll = model.compose(plan, seed=1, steps=STEPS, guidance=(2.0, 1.0))
    assert roll.beats == plan.beats
    assert roll != result.roll
    same_notes = model.score(movie, plan=plan, roll=roll, features=result.features)
    assert same_notes.roll is roll


def test_bytes_and_files_are_taken(model: DiffBGM, movie: Path, result: Result, tmp_path: Path) -> None:
    with open(movie, "rb") as file:
        scored = model.score(file, seed=1, steps=STEPS, style="calm")
    assert scored.midi == result.midi
    scored.save(tmp_path / "out.mp4")
    again = model.score(movie.read_bytes(), plan=result.plan, roll=result.roll, features=result.features, seed=1)
    assert again.midi == result.midi
    with open(movie, errors="replace") as text, pytest.raises(InputError, match="opened with 'rb'"):
        model.score(text)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not int"):
        model.score(3)  # type: ignore[arg-type]


def test_the_videos_own_sound_can_stay(model: DiffBGM, movie: Path, result: Result) -> None:
    mixed = model.score(movie, keep_audio="mix", seed=1, steps=STEPS, plan=result.plan, roll=result.roll)
    assert mixed.audio.samples.shape == mixed.music.samples.shape
    assert not np.allclose(mixed.audio.samples, mixed.music.samples, atol=1e-3)


def test_threads_share_one_model(model: DiffBGM, result: Result) -> None:
    seeds = [1, 2, 3]
    alone = [model.compose(result.plan, seed=seed, steps=2) for seed in seeds]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda seed: model.compose(result.plan, seed=seed, steps=2), seeds)) == alone


def test_a_model_can_be_loaded_while_the_video_is_looked_at(movie: Path, result: Result, tmp_path: Path) -> None:
    loading = DiffBGM.from_pretrained(device="cpu", wait=False)
    assert loading.score(movie, style="calm", seed=1, steps=STEPS).roll == result.roll
    missing = DiffBGM.from_pretrained(tmp_path, wait=False)
    with pytest.raises(WeightsError, match=r"no config\.json there"):
        _ = missing.model


def test_the_precision_can_be_chosen(model: DiffBGM, result: Result) -> None:
    coarse: set[bool] = set()
    handle = model.model.register_forward_pre_hook(lambda *_: coarse.add(torch.is_autocast_enabled("cpu")))
    for dtype in (torch.float32, torch.bfloat16):
        coarse.clear()
        DiffBGM(model.model, model.origin, dtype).compose(result.plan, seed=1, steps=2)
        assert coarse == {dtype == torch.bfloat16}
    handle.remove()
    with pytest.raises(InputError, match="float32, bfloat16 or float16, got 'int8'"):
        DiffBGM.from_pretrained(dtype="int8")


def test_what_is_shown_of_it_fits_a_line(model: DiffBGM, result: Result) -> None:
    assert re.fullmatch(r"DiffBGM\('bundled', device='cpu', sha256='[0-9a-f]{12}'\)", repr(model))
    assert re.fullmatch(r"Result\(4\.00 s, \d bars, .* (major|minor), \d+ bpm, seed 1\)", repr(result))
    assert set(diffbgm.__all__) == set(dir(diffbgm))


def test_mistakes_are_named(model: DiffBGM, movie: Path) -> None:
    with pytest.raises(StyleError, match="calm"):
        model.score(movie, style="clam")
    with pytest.raises(InputError, match="keep_audio"):
        model.score(movie, keep_audio="loud")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="steps"):
        model.score(movie, steps=0)


def test_the_package_offers_what_it_says() -> None:
    assert all(getattr(diffbgm, name) is not None for name in diffbgm.__all__)
    with pytest.raises(AttributeError):
        _ = diffbgm.nothing


@pytest.mark.parametrize("rate", [24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0, 0.0])
def test_sound_ends_with_the_picture_at_every_frame_rate(
    model: DiffBGM, draw: Callable[..., Drawn], tmp_path: Path, rate: float
) -> None:
    """Rate 0: a variable one. The scored file is decoded again: its sound ends within a frame of its last picture."""
    times = [0.0, 0.05, 0.2, 0.24, 0.5, 0.9, 1.0, 1.3, 1.6, 1.75, 1.9] if rate == 0 else None
    film = draw("film.mp4", (1.2, 0.8), rate=rate or 25.0, times=times)
    result = model.score(film.path, seed=3, steps=2)
    assert result.receipt["length_error_ms"] == pytest.approx(0, abs=1)
    result.save(tmp_path / "scored.mp4")
    video, sound = probe(tmp_path / "scored.mp4"), read_audio(tmp_path / "scored.mp4")
    assert sound is not None
    assert video.duration == pytest.approx(result.features.duration, abs=2e-3)
    assert abs(sound.duration - video.duration) <= 1 / (rate or video.frame_rate) + 1e-6


def test_a_new_edit_keeps_the_notes(model: DiffBGM, result: Result, draw: Callable[..., Drawn]) -> None:
    moved = [Cut(cut.time + 0.06, cut.strength) for cut in result.features.cuts]
    again = model.recut(result, moved)
    assert again.roll == result.roll
    assert again.plan.tempo != result.plan.tempo
    assert [c["time"] for c in again.receipt["cuts"]] == [cut.time for cut in moved]
    film = draw("longer.mp4", (1.5, 2.5, 3.5))
    longer = model.recut(result, film.path)
    assert longer.audio.duration == pytest.approx(probe(film.path).duration, abs=1e-3)
    assert longer.plan.bars >= result.plan.bars
