"""Many videos from one manifest, on this machine or on a cluster: `score_batch("clips.csv", "scored")`."""

from diffbgm.batch.cluster import score_dataset  # pyright: ignore[reportUnknownVariableType] ray is not typed
from diffbgm.batch.manifest import Row, read_manifest
from diffbgm.batch.outcomes import Outcome
from diffbgm.batch.run import score_batch

__all__ = ["Outcome", "Row", "read_manifest", "score_batch", "score_dataset"]
