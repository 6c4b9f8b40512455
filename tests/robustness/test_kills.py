"""A slice of `python -m tests.bench.kills`, and the temporary files of processes that are gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.robustness.kills import draw_jobs, torment

from diffbgm.files import QUIET, TEMPORARY, remove_abandoned, replacing

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.mark.parametrize("name", ["score", "train"])
def test_kills_at_random_moments(name: str, tmp_path: Path) -> None:
    job = next(job for job in draw_jobs(tmp_path / "inputs") if job.name == name)
    kills = torment(job, tmp_path / "stage", 3, seed=22)
    assert {kill.how for kill in kills} == {"SIGKILL", "SIGTERM", "SIGINT"}
    assert any(kill.at_work for kill in kills)


def test_only_what_nobody_writes_any_more_is_removed(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(gone.stdout)
    old, fresh = (tmp_path / f"{TEMPORARY}{dead}-{name}.mp4" for name in ("old", "fresh"))
    strange = tmp_path / f"{TEMPORARY}lock"
    for path in (old, fresh, strange):
        path.touch()
    past = fresh.stat().st_mtime - QUIET - 1
    os.utime(old, (past, past))
    os.utime(strange, (past, past))
    with replacing(tmp_path / "x.mp4") as mine:
        os.utime(mine, (past, past))
        remove_abandoned(tmp_path)
        assert mine.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([fresh.name, strange.name, "x.mp4"])
