"""Signals stop a command in one line and leave nothing; a fork after the model was used is told what is wrong."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from diffbgm.cli.commands import explain
from diffbgm.cli.signals import Interrupted, Stop, stoppable
from diffbgm.errors import Cancelled, RenderError, WeightsError

CONSOLE = "import sys; from diffbgm.cli import console; sys.exit(console())"
# Sends a signal to itself when a module is looked for, as somebody does who presses Ctrl-C at once.
EARLY = """
import os, signal, sys

class Presses:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Presses())
"""


def children(parent: int) -> list[int]:
    """The processes that a process started, and that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_children_play_leaves_nothing(
    movie: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    out.mkdir()
    line = [sys.executable, "-c", CONSOLE, "score", str(movie), "-o", str(out / "x.mp4"), "--steps", "4"]
    process = subprocess.Popen(
        [*line, "--semantics", "colour"], env={**os.environ, "TMPDIR": str(scratch)}, stderr=subprocess.PIPE, text=True
    )
    until(lambda: children(process.pid) and list(scratch.glob("diffbgm-*/*")))
    playing = children(process.pid)
    process.send_signal(number)
    process.send_signal(number)  # as `timeout` does
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (code, "diffbgm: stopped\n")
    assert not list(scratch.glob("diffbgm-*"))
    assert not list(out.iterdir())
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in playing), 5.0)


@pytest.mark.parametrize(
    "module", ["diffbgm.cli.signals", "diffbgm.cli.commands", "argparse", "diffbgm.research.cli", "diffbgm.planner"]
)
def test_ctrl_c_while_everything_is_on_its_way_is_one_line(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY.format(module=module) + CONSOLE, "styles"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (130, "diffbgm: stopped\n", "")


def test_a_signal_whose_exception_got_lost_is_asked_for_later() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stoppable() as stop:
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # at once: does not disturb the clearing up
        with pytest.raises(Interrupted) as lost:
            stop.check()
        assert lost.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == before
    Stop().check()


FORK = """
import os, signal, sys
import torch
from diffbgm import DiffBGM
torch.set_num_threads(2)
child = os.fork()
if not child:
    signal.alarm(40)  # what hangs, dies
    DiffBGM.from_pretrained(device="cpu")
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_forked_before_the_model_was_used_loads_it() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


def test_what_the_caller_can_mend_is_two_and_a_limit_of_memory_says_so() -> None:
    import torch

    with pytest.raises(RuntimeError) as torchs:
        torch.empty(2**60, dtype=torch.uint8)
    for error in (
        torchs.value,
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("x.so: failed to map segment from shared object"),
    ):
        said = explain(error)
        assert said is not None
        assert (said[1], "not enough memory" in said[0]) == (2, True)
    assert explain(WeightsError("x")) == ("x", 2)
    assert explain(RenderError("x")) == ("x", 1)
    assert explain(OSError(24, "Too many open files")) == ("Too many open files", 2)
    assert explain(KeyError("x")) is None


def test_what_stopped_itself_by_a_signal_has_the_code_of_a_stop() -> None:
    assert explain(Cancelled("stopped at step 3", signal.SIGTERM)) == ("stopped at step 3", 143)
    assert explain(Cancelled()) == ("stopped", 130)


# A command that ends while a thread is at work; `Late` speaks when Python clears up after it.
ENDING = """
import atexit, os, sys, threading, time
import diffbgm.cli as cli

class Late:
    def __del__(self, write=os.write):
        write(1, b"late")

def main():
    atexit.register(sys.stdout.write, "at the exit, ")
    if {working}:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    sys.stdout.write("done, ")
    return {code}

late, cli.main = Late(), main
sys.exit(cli.console())
"""


@pytest.mark.parametrize(
    ("working", "code", "late"), [(True, 0, ""), (True, 2, ""), (False, 143, ""), (False, 0, "late")]
)
def test_nothing_is_cleared_up_under_a_thread_at_work_or_after_a_stop(working: bool, code: int, late: str) -> None:
    script = ENDING.format(working=working, code=code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, f"done, at the exit, {late}", "")


def test_a_stop_that_is_lost_in_a_callback_prints_no_traceback() -> None:
    script = """
import sys
import diffbgm.cli as cli

class Falls:
    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error

def main():
    Falls(KeyboardInterrupt())
    Falls(ValueError("said"))
    return 0

cli.main = main
sys.exit(cli.console())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "said" in done.stderr
    assert "KeyboardInterrupt" not in done.stderr
