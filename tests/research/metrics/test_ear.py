"""The ear: known features of hand-made notes, its fit on made-up labels, and the shipped coefficients."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from diffbgm.errors import DataError, InputError
from diffbgm.research.metrics.affect import FEATURES, Ear, Notes, default_ear, hear, measure, notes_of
from diffbgm.research.metrics.ear_fit import Labelled, cross_validate, fit, fit_ear, read_vgmidi, ridge_logistic
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note, PianoRoll, Score, TempoMap, Track

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 10, 12)


def piece(scale: tuple[int, ...], step: float, length: float, low: int = 60, beats: int = 64) -> PianoRoll:
    """A scale up and down over its tonic triad, a note every `step` beats, each `length` beats long."""
    line = [*scale, *scale[-2:0:-1]]
    melody = [Note(i * step, i * step + length, low + line[i % len(line)]) for i in range(int(beats / step))]
    chords = [Note(b, b + 4 * length, low - 12 + p) for b in range(0, beats, 4) for p in (scale[0], scale[2], scale[4])]
    return notes_to_roll(melody, chords, beats)


def test_features_of_two_notes_a_second() -> None:
    start = np.arange(20) * 0.5
    features = measure(Notes(start, np.full(20, 0.5), 60 + np.arange(20) % 2))
    assert features["onset_rate"] == features["note_rate"] == pytest.approx(1.0)
    assert features["length"] == pytest.approx(-1.0)
    assert features["register"] == 60.5
    chords = measure(Notes(np.repeat(start, 4), np.full(80, 0.5), np.tile([48, 52, 55, 60], 20)))
    assert (chords["onset_rate"], chords["note_rate"]) == pytest.approx((1.0, 3.0))
    assert chords["major"] > 0.2


def test_seconds_come_from_the_tempo() -> None:
    roll = piece(MAJOR, 1, 1)
    slow, fast = measure(notes_of(roll, 60)), measure(notes_of(roll, 120))
    assert fast["onset_rate"] - slow["onset_rate"] == pytest.approx(1.0)
    assert fast["length"] - slow["length"] == pytest.approx(-1.0)
    steady = TempoMap.steady(60, roll.beats)
    assert measure(notes_of(roll, steady)) == pytest.approx(slow)


def test_a_score_sounds_like_its_roll_and_drums_are_not_heard() -> None:
    roll = notes_to_roll([Note(0, 2, 72)], [Note(0, 4, 48), Note(2, 4, 52)], 4)
    tracks = (
        Track("melody", 0, (Note(0, 2, 72),)),
        Track("chords", 0, (Note(0, 4, 48), Note(2, 4, 52))),
        Track("percussion", 0, (Note(0, 1, 36), Note(1, 2, 38))),
    )
    score = Score(tracks, TempoMap.steady(90, 4))
    assert measure(notes_of(score)) == pytest.approx(measure(notes_of(roll, 90)))
    assert hear(score) == pytest.approx(hear(roll, 90))


def test_the_shipped_ear_hears_mode_and_pace() -> None:
    lively, calm = piece(MAJOR, 0.5, 0.25), piece(MAJOR, 2, 2)
    gloomy, tense = piece(MINOR, 2, 2), piece(MINOR, 0.25, 0.25)
    assert hear(lively, 130)[0] > hear(gloomy, 60)[0] + 0.5
    assert hear(calm, 60)[0] > hear(gloomy, 60)[0]
    assert hear(tense, 130)[1] > 0.5
    assert hear(calm, 60)[1] < -0.5
    for roll in (lively, calm, gloomy, tense):
        assert all(-1 <= value <= 1 for value in hear(roll, 100))
    arousal = [hear(lively, bpm)[1] for bpm in (50, 80, 120, 180)]
    assert arousal == sorted(arousal)


def test_silence_and_single_notes() -> None:
    empty = PianoRoll(np.zeros((4, 16, 88), np.uint8))
    assert hear(empty, 100) == (0.0, -1.0)
    assert hear(Score((), TempoMap.steady(100, 4))) == (0.0, -1.0)
    assert all(np.isfinite(hear(notes_to_roll([Note(0, 1, 60)], [], 4), 100)))


def test_typical_music_moves_with_what_is_wanted() -> None:
    ear = default_ear()
    happy, sad = ear.typical(1, 0), ear.typical(-1, 0)
    excited, calm = ear.typical(0, 1), ear.typical(0, -1)
    assert set(happy) == set(FEATURES)
    assert happy["major"] > sad["major"]
    assert happy["key_clarity"] > sad["key_clarity"]
    assert excited["onset_rate"] > calm["onset_rate"]
    assert excited["length"] < calm["length"]
    assert ear.judge(ear.typical(1, 1))[0] > ear.judge(ear.typical(-1, 1))[0]
    assert ear.judge(ear.typical(0, 1))[1] > ear.judge(ear.typical(0, -1))[1]
    with pytest.raises(InputError, match="between -1 and 1"):
        ear.typical(2, 0)


def test_ears_go_through_json_unchanged() -> None:
    ear = default_ear()
    assert Ear.from_json(ear.to_json()) == ear
    with pytest.raises(InputError, match="features"):
        Ear.from_json('{"bias": [0, 0], "features": {}}')


def test_ridge_logistic_minimises_its_loss() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.random(60) < 0.3
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))

    def loss(beta: np.ndarray) -> float:
        score = beta[0] + x @ beta[1:]
        return float((weight * np.logaddexp(0, np.where(y, -score, score))).sum() + 2.0 * (beta[1:] ** 2).sum())

    best = ridge_logistic(x, y, penalty=4.0)
    for nudge in rng.normal(scale=1e-2, size=(40, 4)):
        assert loss(best + nudge) > loss(best)
    with pytest.raises(InputError, match="both classes"):
        ridge_logistic(x, np.zeros(60, bool))


def test_cross_validation_of_noise_and_of_a_rule() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, len(FEATURES)))
    game = np.array([f"game {i // 4}" for i in range(120)])
    noise = rng.random((120, 2)) < 0.5
    for trust in cross_validate(Labelled(features, noise, game), repeats=2):
        assert trust.low - 0.02 < 0.5 < trust.high + 0.02
    ruled = np.column_stack([features[:, list(FEATURES).index(name)] > 0 for name in ("major", "length")])
    for trust in cross_validate(Labelled(features, ruled, game), repeats=2):
        assert trust.auc > 0.9
        assert trust.games > 0.9
        assert trust.n == 120


def phrases(path: Path) -> Path:
    """A zip in VGMIDI's layout: happy phrases in major, excited ones fast."""
    rows = ["game,piece,midi,valence,arousal"]
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(12):
            happy, excited = i % 2 == 0, i % 4 < 2
            start, length, pitch = (
                getattr(notes_of(piece(MAJOR if happy else MINOR, 1, 0.5, 55 + i), 160 if excited else 60), name)
                for name in ("start", "length", "pitch")
            )
            midi = pretty_midi.PrettyMIDI()
            track = pretty_midi.Instrument(0)
            track.notes = [
                pretty_midi.Note(80, int(p), float(s), float(s + d))
                for s, d, p in zip(start, length, pitch, strict=True)
            ]
            midi.instruments.append(track)
            body = io.BytesIO()
            midi.write(body)
            archive.writestr(f"vg/phrases/{i}.mid", body.getvalue())
            rows.append(f"g{i // 3},p{i},phrases/{i}.mid,{1 if happy else -1},{1 if excited else -1}")
        archive.writestr("vg/labels.csv", "\n".join(rows))
    return path


def test_an_ear_is_fitted_from_a_zip(tmp_path: Path) -> None:
    ear = fit_ear(phrases(tmp_path / "vg.zip"))
    assert ear == fit_ear(tmp_path / "vg.zip")
    assert ear.valence["major"] > 0
    assert ear.arousal["onset_rate"] > 0
    assert ear.hear(piece(MAJOR, 1, 0.5), 160)[1] > ear.hear(piece(MAJOR, 1, 0.5), 60)[1]


def test_a_zip_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_vgmidi(tmp_path / "missing.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match=r"labels\.csv"):
        read_vgmidi(tmp_path / "other.zip")


def test_bad_music_is_refused() -> None:
    roll = piece(MAJOR, 1, 1)
    for tempo in (None, 0, -3.0):
        with pytest.raises(InputError, match="tempo"):
            hear(roll, tempo)
    with pytest.raises(InputError, match="length above 0"):
        Notes(np.zeros(1), np.zeros(1), np.array([60]))
    with pytest.raises(InputError, match="must be"):
        Notes(np.zeros(2), np.ones(1), np.array([60]))
    with pytest.raises(InputError, match="no notes"):
        measure(Notes(np.zeros(0), np.zeros(0), np.zeros(0)))


def test_the_shipped_coefficients_are_those_of_the_data(shared: Path) -> None:
    archive = shared / "data" / "vgmidi-train.zip"
    if not archive.exists():
        pytest.skip("VGMIDI's phrases are not here")
    data = read_vgmidi(archive)
    again, shipped = fit(data), default_ear()
    for name in ("mean", "scale", "valence", "arousal"):
        assert getattr(again, name) == pytest.approx(getattr(shipped, name), rel=1e-3)
    valence, arousal = cross_validate(data, repeats=2)
    assert valence.low > 0.64
    assert valence.auc > 0.80
    assert valence.games > 0.80
    assert arousal.auc > 0.90
