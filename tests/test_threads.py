"""How threads wait, how many they are, and what a fork does to them."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from diffbgm import threads
from diffbgm.batch.processes import worker_environment

FORKED = """
import os, signal
import torch
from tests.music import make_plan
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.compose import compose
from diffbgm.options import ComposeOptions

torch.manual_seed(0)
torch.set_num_threads(2)
model = Denoiser(Config.tiny()).eval().requires_grad_(False)
model.head.bias[:4] = 0.0
whole = compose(model, make_plan(8), ComposeOptions(steps=1))
for threads in (2, 1):
    if (child := os.fork()) == 0:
        signal.alarm(10)
        if threads == 1:
            torch.set_num_threads(1)
        try:
            compose(model, make_plan(8), ComposeOptions(steps=1))
            print("composed", flush=True)
        except Exception as e:
            print(type(e).__name__, e, flush=True)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (threads.WAIT, threads.COUNT):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_threads_wait_asleep_and_jobs_share_the_cores(plain: pytest.MonkeyPatch) -> None:
    plain.setattr(threads, "affinity", lambda: 8)
    plain.setattr(threads, "quota", lambda: float("inf"))
    assert threads.environment() == {"OMP_WAIT_POLICY": "PASSIVE"}
    assert threads.environment(2) == {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "4"}
    assert threads.environment(99)["OMP_NUM_THREADS"] == "1"
    plain.setattr(threads, "quota", lambda: 2.5)
    assert threads.environment()["OMP_NUM_THREADS"] == "2"  # torch would take 8


def test_what_is_set_already_stays(plain: pytest.MonkeyPatch) -> None:
    plain.setenv("OMP_NUM_THREADS", "3")
    plain.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert threads.environment(99) == {}
    threads.behave(99)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"]) == ("3", "ACTIVE")


def test_the_quota_of_the_control_group_counts(tmp_path: Path) -> None:
    assert threads.quota(tmp_path) == float("inf")
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    for text, cores in (("-1\n", float("inf")), ("350000\n", 3.5)):
        (tmp_path / "cpu/cpu.cfs_quota_us").write_text(text)
        assert threads.quota(tmp_path) == cores
    for text, cores in (("max 100000\n", float("inf")), ("150000 100000\n", 1.5)):
        (tmp_path / "cpu.max").write_text(text)
        assert threads.quota(tmp_path) == cores


def test_importing_changes_nobodys_environment_and_the_call_comes_in_time() -> None:
    code = """
import os, sys
before = dict(os.environ)
import diffbgm
from diffbgm import threads
assert dict(os.environ) == before
print(threads.behave(), os.environ["OMP_WAIT_POLICY"])
sys.modules["torch"] = sys  # as if it were loaded
print(threads.behave())
"""
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True PASSIVE", "False"]


def test_the_command_line_waits_asleep() -> None:
    """Seen from a command's own process, after torch is there."""
    code = """
import os, sys
from diffbgm.cli import main
assert "torch" not in sys.modules
main(["styles"])
print(os.environ["OMP_WAIT_POLICY"])
"""
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "PASSIVE"


def test_a_worker_of_a_batch_has_its_share(plain: pytest.MonkeyPatch) -> None:
    import torch

    plain.setattr(threads, "affinity", lambda: 16)
    plain.setattr(threads, "quota", lambda: float("inf"))
    plain.setattr("diffbgm.batch.processes.default_workers", lambda: 8)
    environment = worker_environment(torch.device("cpu"))
    assert (environment["OMP_WAIT_POLICY"], environment["OMP_NUM_THREADS"]) == ("PASSIVE", "2")
    plain.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS" not in worker_environment(torch.device("cpu"))  # it has this process's


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_there_is_an_error_instead_of_a_hang() -> None:
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "sdk"), str(root)])}
    line = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=True, timeout=60)
    refused, *others = done.stdout.splitlines()
    assert refused.startswith("ForkedProcessError")
    assert "spawn" in refused
    assert others == ["0", "composed", "0"]  # with one thread there is nothing to wait for


def test_work_at_once_keeps_its_order_and_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 3)
    meet = threading.Barrier(3, timeout=30)

    def work(number: int, name: str) -> tuple[int, str, set[int]]:
        meet.wait()
        within = set(threads.at_once(lambda _: threading.get_ident(), range(5)))  # the cores are busy
        assert within == {threading.get_ident()}
        return number, name, within

    found = threads.at_once(work, range(3), "abc")
    assert [(number, name) for number, name, _ in found] == [(0, "a"), (1, "b"), (2, "c")]
    assert len({thread for *_, used in found for thread in used}) == 3
    with pytest.raises(ZeroDivisionError):
        threads.at_once(lambda x: 1 // x, [1, 0])
    assert len(set(threads.at_once(lambda _: meet.wait() and threading.get_ident(), range(3)))) >= 2
