"""How long planning takes, as a share of the video's length: ten minutes with 400 cuts, an hour with 2400.

python tests/bench/planning.py
"""

import time

import numpy as np

from diffbgm.planner import make_plan
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.research.metrics.sync import cut_hits
from diffbgm.types import Cut


def main() -> None:
    make_plan(drawn_features(10.0, [Cut(4.0)]))  # what is imported at first use
    for duration, count in ((600.0, 400), (3600.0, 2400)):
        rng = np.random.default_rng(0)
        times = np.unique(np.round(np.sort(rng.uniform(1, duration - 1, count)) * 25) / 25)
        features = drawn_features(duration, [Cut(float(t), float(rng.uniform(0.2, 1))) for t in times])
        began = time.monotonic()
        plan = make_plan(features)
        seconds = time.monotonic() - began
        hits = cut_hits(times, [c.strength for c in features.cuts], plan.tempo)
        share = seconds / duration
        print(f"{duration:.0f} s, {len(times)} cuts: {seconds:.2f} s, {share:.5f} of its length; hit {hits.hit:.3f}")


if __name__ == "__main__":
    main()
