"""What draws videos for the tests leaves the process that runs them as it was."""

import os
from pathlib import Path

import pytest
from tests.drawing import draw_video
from tests.media.film import film


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="needs scheduling policies")
@pytest.mark.parametrize("draw", [draw_video, film])
def test_drawing_av1_makes_no_thread_real_time(draw, tmp_path: Path) -> None:
    draw(tmp_path / "a.mp4", codec="libsvtav1", options={"preset": "12"})
    for thread in Path("/proc/self/task").glob("*"):
        assert os.sched_getscheduler(int(thread.name)) == os.SCHED_OTHER
