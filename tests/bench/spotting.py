"""How exactly hits, rests and entrances are met in drawn films: `python -m tests.bench.spotting [--seed N]`.

Asked are hits within a frame (of 25 a second) for .97 of all, and no onset in any rest.
"""

import argparse

import numpy as np
from tests.test_arrange import song

from diffbgm.arrange import arrange
from diffbgm.brief import read_asked
from diffbgm.planner import make_plan
from diffbgm.research.evaluation.semantics import drawn_video

FILMS, HITS, FRAME = 40, 100, 1 / 25
APART = 1.0  # seconds between hits, and between what is asked and the ends of the film


def main() -> None:
    """Prints the shares; hits at random, and in every film a rest after them and drums that enter with its end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    rng = np.random.default_rng(seed)
    errors, inside, late = list[float](), 0, list[float]()
    for number in range(FILMS):
        film = drawn_video(seed, number, seconds=40.0)
        count = HITS // FILMS + (number < HITS % FILMS)
        start = film.duration - float(rng.uniform(13.0, 15.0))
        end = start + float(rng.uniform(2.0, 4.0))
        room = start - 2 * APART - (count - 1) * APART
        hits = APART + np.sort(rng.uniform(0.0, room, count)) + APART * np.arange(count)
        prompt = f"silence from {start:.2f} to {end:.2f} s; drums come in at {end:.2f} s"
        brief = read_asked({"prompt": prompt, "hit": ";".join(f"{t:.3f}" for t in hits)})
        plan = make_plan(film, brief=brief)
        score = arrange(song(plan.beats // 4), plan)
        onsets = plan.tempo.time_at(np.array([n.start for track in score.tracks for n in track.notes]))
        errors += [float(np.sort(np.abs(onsets - t))[1]) for t in hits]  # of the second note: a hit has two at least
        inside += int(((onsets >= round(start, 2)) & (onsets < round(end, 2) - FRAME)).sum())
        drums = [n.start for track in score.tracks if track.is_drum for n in track.notes]
        late.append(float(plan.tempo.time_at(min(drums))) - end)
    met = np.array(errors) <= FRAME
    print(f"hits within a frame: {met.sum()} of {len(met)}, the worst {1000 * max(errors):.0f} ms off")
    print(f"onsets inside {FILMS} rests: {inside}")
    print(f"drums enter {min(late):+.2f} to {max(late):+.2f} s after the time that is told, seed {seed}")


if __name__ == "__main__":
    main()
