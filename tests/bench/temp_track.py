"""What is measured of temp tracks whose tempo, key, metre and energy are known: our own pieces, rendered.

python tests/bench/temp_track.py [--pieces 24] [--seed 1] [--steps 8]

Every piece has a drawn genre, a steady drawn tempo, key and arc. Chance is the same answer shuffled among the pieces.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from diffbgm import DiffBGM
from diffbgm.arrange import arrange
from diffbgm.brief import Brief, lexicon, read_asked
from diffbgm.planner import make_plan
from diffbgm.planner.like import RATE, measure_like
from diffbgm.planner.spotting import energy_of, level_at
from diffbgm.render import render
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.types import PITCH_NAMES, MusicPlan

SECONDS = 40.0
GENRES = (
    "pop",
    "waltz",
    "techno",
    "jazz",
    "march",
    "folk",
    "rock",
    "lullaby",
    "disco",
    "classical",
    "reggae",
    "ballad",
)
ARCS = ("0:.2 20:.5 40:1", "0:1 20:.5 40:.15", "0:.2 20:1 40:.2", "0:.9 20:.2 40:.9")


@dataclass(frozen=True)
class Piece:
    """What a piece is, and its sound [N] at RATE."""

    plan: MusicPlan
    bpm: float
    sound: np.ndarray


def draw(model: DiffBGM, rng: np.random.Generator, steps: int) -> Piece:
    """A piece of a drawn genre, at a tempo of that genre."""
    genre = str(rng.choice([g for g in GENRES if g in lexicon().genres]))
    low, high = lexicon().genres[genre].bpm
    key = f"{rng.choice(PITCH_NAMES)} {rng.choice(['major', 'minor'])}"
    bpm = float(np.round(rng.uniform(low, high), 1))
    asked = read_asked({"genre": genre, "bpm": f"{bpm:g}", "key": key, "energy": str(rng.choice(ARCS))})
    plan = make_plan(drawn_features(SECONDS, []), brief=asked)
    seed = int(rng.integers(1 << 30))
    roll = model.compose(plan, steps=steps, seed=seed)
    audio = render(arrange(roll, plan, seed=seed), duration=plan.duration, rate=RATE, stems=False).mix
    return Piece(plan, float(np.mean(plan.tempo.bpm())), np.asarray(audio.samples, np.float32).mean(0))


def curve(brief: Brief, times: np.ndarray) -> np.ndarray:
    """The energy of a brief at times of the piece."""
    return level_at(energy_of(brief, SECONDS), times)


def report(pieces: list[Piece], rng: np.random.Generator) -> str:
    """The figures, chance beside them."""
    heard = [measure_like(piece.sound) for piece in pieces]
    times = np.linspace(1.0, SECONDS - 3.0, 40)
    other = rng.permutation(len(pieces))
    lines: list[str] = []

    def tell(what: str, right: list[bool], chance: list[bool]) -> None:
        lines.append(f"{what:<28} {np.mean(right):.2f} (chance {np.mean(chance):.2f})")

    def share(what: str, test: "callable") -> None:  # pyright: ignore
        pairs = list(zip(pieces, heard, strict=True))
        tell(what, [test(p, b) for p, b in pairs], [test(p, heard[o]) for p, o in zip(pieces, other, strict=True)])

    def ratio(piece: Piece, brief: Brief) -> float:
        return (brief.bpm or (0.0, 0.0))[0] / piece.bpm

    share("tempo within 2 %", lambda p, b: abs(ratio(p, b) - 1) < 0.02)
    share("... or half, double", lambda p, b: min(abs(ratio(p, b) / x - 1) for x in (0.5, 1, 2)) < 0.02)
    share("key", lambda p, b: (b.tonic, b.mode) == (p.plan.key.tonic, p.plan.key.mode))
    share("key, or a fifth or relative", lambda p, b: (b.tonic, b.mode) in neighbours(p.plan))
    share("metre", lambda p, b: (b.metre == "3/4") == (p.plan.beats_per_bar == 3))
    asked = [level_at(p.plan.energy, times) for p in pieces]
    own = [np.corrcoef(a, curve(b, times))[0, 1] for a, b in zip(asked, heard, strict=True)]
    shuffled = [np.corrcoef(a, curve(heard[o], times))[0, 1] for a, o in zip(asked, other, strict=True)]
    lines.append(f"{'energy curve, mean r':<28} {np.mean(own):.2f} (chance {np.mean(shuffled):.2f})")
    rates = [p.plan.curves.density.mean() * p.bpm / 60 for p in pieces]
    lines.append(f"{'density, r over pieces':<28} {np.corrcoef(rates, [b.density or 0.0 for b in heard])[0, 1]:.2f}")
    return "\n".join(lines)


def neighbours(plan: MusicPlan) -> set[tuple[int, str]]:
    """The key, its fifths and its relative."""
    tonic, mode = plan.key.tonic, plan.key.mode
    relative = ((tonic + 9) % 12, "minor") if mode == "major" else ((tonic + 3) % 12, "major")
    return {(tonic, mode), ((tonic + 7) % 12, mode), ((tonic + 5) % 12, mode), relative}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    model = DiffBGM.from_pretrained(device="cpu")
    pieces = [draw(model, rng, args.steps) for _ in range(args.pieces)]
    print(f"n = {len(pieces)}, {SECONDS:g} s each, seed {args.seed}, {args.steps} steps\n{report(pieces, rng)}")


if __name__ == "__main__":
    main()
