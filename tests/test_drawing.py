"""What draws videos for the tests leaves the process that runs them as it was."""

import os
from pathlib import Path

import pytest
from tests.drawing import draw_video
from tests.media.film import film


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="needs scheduling policies")
@pytest.mark.parametrize("draw", [draw_video, film])
def test_drawing_av1_makes_nothing_real_time(draw, tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)
    draw(tmp_path / "a.mp4", codec="libsvtav1", options={"preset": "12"})
    assert os.sched_getscheduler(0) == before != os.SCHED_FIFO
