"""Many videos from one manifest, on one process or many: `score_batch("clips.csv", "scored")`."""

from diffbgm.batch.manifest import Row, read_manifest
from diffbgm.batch.processes import share
from diffbgm.batch.run import Outcome, score_batch

__all__ = ["Outcome", "Row", "read_manifest", "score_batch", "share"]
