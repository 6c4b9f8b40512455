"""What is composed under tunes that are given, beside what people played under them: POP909 songs that are kept back.

python tests/bench/tunes.py POP909.zip [--tunes 24] [--seed 0] [--steps 64]

Of every song eight bars' melody is written as MIDI and read again. Harsh pairs are keys of melody and accompaniment
that sound together on a beat 1, 6 or 11 semitones apart, octaves folded. Free pieces have the same film, key and tempo.
Chance is the tune over what was composed under another tune, brought into its key.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from diffbgm import DiffBGM
from diffbgm.arrange import arrange
from diffbgm.midi import write_midi
from diffbgm.planner import make_plan
from diffbgm.planner.tune import read_tune
from diffbgm.research.datasets.pop909 import Song, is_validation, read_song, song_files
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.research.metrics.descriptors import HARSH
from diffbgm.roll import find_key, key_shift, notes_to_roll, pitch_classes, roll_to_notes, sounding, transpose
from diffbgm.types import STEPS_PER_BAR, STEPS_PER_BEAT, MusicPlan, PianoRoll, Score, TempoMap, Track

BARS, FEWEST = 8, 20  # bars of a tune, notes that it has at least


def harsh_share(cells: np.ndarray) -> tuple[int, int]:
    """(harsh, all) pairs of a key of the melody and one of the accompaniment that sound together on a beat."""
    melody, below = sounding(cells)[:, ::STEPS_PER_BEAT]
    places = [
        (m, a) for row, low in zip(melody, below, strict=True) for m in row.nonzero()[0] for a in low.nonzero()[0]
    ]
    return sum(abs(m - a) % 12 in HARSH for m, a in places), len(places)


def above_share(cells: np.ndarray) -> tuple[int, int]:
    """(beats with a key of the accompaniment over the melody, beats with both)."""
    melody, below = sounding(cells)[:, ::STEPS_PER_BEAT]
    both = melody.any(1) & below.any(1)
    top, over = (87 - rows[both][:, ::-1].argmax(1) for rows in (melody, below))
    return int((over > top).sum()), int(both.sum())


def excerpt(song: Song, rng: np.random.Generator) -> PianoRoll | None:
    """Eight bars of a song in which the melody is at work; None where it hardly ever is."""
    width = BARS * STEPS_PER_BAR
    starts = range(0, song.roll.steps - width + 1, width // BARS)
    good = [s for s in starts if song.roll.cells[0, s : s + width // BARS].any()]
    good = [s for s in good if song.roll.cells[0, s : s + width].sum() >= FEWEST]
    if not good:
        return None
    at = int(rng.choice(good))
    melody, below = roll_to_notes(PianoRoll(song.roll.cells[:, at : at + width].copy()))
    return notes_to_roll(melody, below, width // STEPS_PER_BEAT)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path)
    parser.add_argument("--tunes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=64)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    model = DiffBGM.from_pretrained(device="cpu")
    read = [read_song(name, files) for name, files in song_files(args.songs).items() if is_validation(name)]
    songs = [song for song in read if song is not None]
    rows: dict[str, list[np.ndarray]] = {"people": [], "composed": [], "free": []}
    found, played, wanted, keys = 0, 0, 0, 0
    plans: list[MusicPlan] = []
    for i in rng.permutation(len(songs)):
        if len(plans) == args.tunes or (own := excerpt(songs[i], rng)) is None:
            continue
        key, bpm = find_key(pitch_classes(songs[i].roll.cells)), songs[i].bpm
        with tempfile.TemporaryDirectory() as folder:
            melody = Track("melody", 0, tuple(roll_to_notes(own)[0]))
            path = write_midi(Score((melody,), TempoMap.steady(bpm, own.beats)), Path(folder) / "tune.mid")
            tune = read_tune(path)
        keys += key_shift(tune.key) == key_shift(key)
        features = drawn_features(60 * (own.beats + 4) / bpm, [])
        plan = make_plan(features, tune=tune)
        free = make_plan(features, key=plan.key, bpm=bpm)
        roll = model.compose(plan, seed=args.seed + len(plans), steps=args.steps)
        other = model.compose(free, seed=args.seed + len(plans), steps=args.steps)
        line = {(n.start, n.end, n.pitch) for n in roll_to_notes(roll)[0]}
        heard = [n for track in arrange(roll, plan).tracks if track.role == "melody" for n in track.notes]
        wanted += len(plan.tune)
        found += sum((n.start, n.end, n.pitch) in line for n in plan.tune)
        struck = [(m.start, m.pitch % 12) for m in heard]
        played += sum(any(abs(at - n.start) < 0.125 and c == n.pitch % 12 for at, c in struck) for n in plan.tune)
        end = plan.tune_end * STEPS_PER_BEAT
        plans.append(plan)
        for name, music in (("people", own), ("composed", roll), ("free", other)):
            rows[name].append(music.cells[:, :end])
    rows["chance"] = []
    for i, plan in enumerate(plans):
        j = (i + 1) % len(plans)
        moved = transpose(PianoRoll(rows["composed"][j]), key_shift(plans[j].key) - key_shift(plan.key)).cells
        width = min(moved.shape[1], rows["composed"][i].shape[1])
        rows["chance"].append(np.concatenate([rows["composed"][i][:2, :width], moved[2:, :width]]))
    print(f"n = {len(plans)} tunes of {BARS} bars, {wanted} notes, seed {args.seed}, {args.steps} steps")
    print(f"notes of the tune: {found / wanted:.3f} in the roll, {played / wanted:.3f} played")
    print(f"key (or its relative) as of the whole song: {keys / len(plans):.2f}")
    for name, music in rows.items():
        harsh, over = (np.array([measure(cells) for cells in music]) for measure in (harsh_share, above_share))
        share = harsh.sum(0)
        drawn = rng.integers(len(music), size=(2000, len(music)))
        low, high = np.quantile(harsh[drawn].sum(1)[:, 0] / harsh[drawn].sum(1)[:, 1], [0.025, 0.975])
        above = over.sum(0)
        print(f"{name:<9} harsh {share[0] / share[1]:.3f} [{low:.3f}, {high:.3f}], above {above[0] / above[1]:.2f}")


if __name__ == "__main__":
    main()
