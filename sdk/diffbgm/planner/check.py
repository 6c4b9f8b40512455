"""Plans from outside: read from a file, refused where they name what there is not, or belong to another video."""

import os
from pathlib import Path

import numpy as np

from diffbgm.band import find_palette, find_player
from diffbgm.codec import from_json
from diffbgm.errors import InputError, PlanError, StyleError
from diffbgm.planner.styles import combine_styles
from diffbgm.types import SYNC_TOLERANCE, MusicPlan, VideoFeatures


def read_plan(path: str | os.PathLike[str]) -> MusicPlan:
    """Return the plan in a JSON file, as `diffbgm plan` prints it and people edit it; plans of version 0.4 too.

    Raises:
        InputError: The file cannot be read.
        PlanError: It holds no plan that can be composed; the message names the file and the field.

    """
    try:
        plan = from_json(MusicPlan, Path(path).read_bytes())
        check_plan(plan)
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({e.strerror})") from e
    except PlanError as e:
        raise PlanError(f"{path}: {e}") from e
    return plan


def check_plan(plan: MusicPlan) -> None:
    """PlanError for a palette, instrument or style tag that there is not, or tags that contradict each other."""
    try:
        find_palette(plan.palette)
    except PlanError as e:
        raise PlanError(f"MusicPlan.palette: {e}") from e
    try:
        for asked in (plan.instrumentation, *(scene.instrumentation for scene in plan.scenes)):
            for role, name in asked.parts:
                find_player(role, name)
    except PlanError as e:
        raise PlanError(f"MusicPlan.instrumentation: {e}") from e
    try:
        combine_styles(plan.style)
    except StyleError as e:
        raise PlanError(f"MusicPlan.style: {e}") from e


def check_plan_fits(plan: MusicPlan, features: VideoFeatures) -> None:
    """Refuses a plan that was made for another video, or for another edit of this one.

    The same video is known by its reference; a copy that was encoded again by its duration and its cuts, each within
    `SYNC_TOLERANCE`. Plans of version 0.4 hold no reference and are known by these alone.

    Raises:
        PlanError: The message names both durations, or the first cut that differs; and what `check_plan` refuses.

    """
    check_plan(plan)
    difference = _difference(plan, features)
    if difference:
        raise PlanError(
            f"the plan belongs to another video or edit: {difference};"
            " plan this video anew, or fit the plan to it with recut(plan, features)"
        )


def _difference(plan: MusicPlan, features: VideoFeatures) -> str:
    if abs(plan.duration - features.duration) > SYNC_TOLERANCE:
        return f"it lasts {plan.duration:.2f} s, this video {features.duration:.2f} s"
    if plan.video == features.reference:
        return ""
    planned, seen = np.array([cut.time for cut in plan.cuts]), np.array([cut.time for cut in features.cuts])
    if len(planned) == len(seen) and (np.abs(planned - seen) <= SYNC_TOLERANCE).all():
        return ""
    both = f"both last {plan.duration:.2f} s, but it has {len(planned)} cuts and this video {len(seen)}"
    for own, other in ((planned, seen), (seen, planned)):
        lonely = [t for t in own.tolist() if not (np.abs(other - t) <= SYNC_TOLERANCE).any()]
        if lonely:
            return f"{both}; the cut at {lonely[0]:.2f} s is in {'the plan' if own is planned else 'the video'} only"
    return both
