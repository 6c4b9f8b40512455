"""Workers that die, two batches on one folder, and kills at random moments: nothing is lost, nothing is left."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.batch.running import environment, finished, hidden, killed_batch, music_of, run_cli

from diffbgm.batch import score_batch
from diffbgm.batch.lock import lock_folder
from diffbgm.batch.pool import Pool, WorkerError
from diffbgm.batch.processes import interruptible
from diffbgm.batch.run import remove_leftovers, work_folder
from diffbgm.errors import OutputError


def test_a_worker_that_dies_fails_one_call(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1, {"NAME": "value"}) as pool:
        with pytest.raises(WorkerError, match=r"died \(exit code 7\)"):
            pool.call(os._exit, 7)
        assert pool.call(os.getenv, "NAME") == "value"
        with pytest.raises(ValueError, match="invalid literal"):
            pool.call(int, "five")
        assert pool.call(print, "what a library says") is None
        assert pool.submit(pool.call, os.getppid).result() == os.getpid()
        with pytest.raises(WorkerError, match=r"died \(signal SIGSEGV\)"):
            pool.call(signal.raise_signal, signal.SIGSEGV)
        assert len(pool.call(bytes, 5_000_000)) == 5_000_000
    assert "what a library says" in capfd.readouterr().err


def keep_busy(folder: str) -> None:
    """In a worker: has a child."""
    with subprocess.Popen(["sleep", "600"]) as child:
        Path(folder, "child").write_text(str(child.pid))


def test_workers_that_are_broken_off_end_with_their_children(tmp_path: Path) -> None:
    def work() -> None:
        with Pool(1, {}) as pool:
            future = pool.submit(pool.call, keep_busy, str(tmp_path))
            until = time.monotonic() + 60
            while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
                assert not future.done(), future.exception()
                assert time.monotonic() < until
                time.sleep(0.02)
            futures.append(future)
            raise TimeoutError

    futures = []
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        work()
    assert futures[0].exception() is not None
    child = int((tmp_path / "child").read_text())
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - began < 60
        time.sleep(0.02)
    assert time.monotonic() - began < 60


def test_one_batch_holds_a_folder_until_its_process_is_gone(films: Path, weights: Path, tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from diffbgm.batch.lock import lock_folder\n"
    code += "with lock_folder(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    line = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, env=environment()) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another batch is at work on this folder"):
            score_batch(films / "clips.csv", tmp_path, weights=weights, device="cpu")
        assert os.listdir(tmp_path) == [".diffbgm-lock"]
        holder.kill()
    with lock_folder(tmp_path):
        pass
    assert not os.listdir(tmp_path)


def test_a_lock_is_never_held_twice(tmp_path: Path) -> None:
    inside, most, times = 0, 0, 0

    def enter() -> None:
        nonlocal inside, most, times
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            with suppress(OutputError), lock_folder(tmp_path):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1
                times += 1
            time.sleep(0)

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert times > 10
    assert not os.listdir(tmp_path)


def test_what_a_killed_batch_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, place = tmp_path / "out", tmp_path / "temporary"
    out.mkdir()
    place.mkdir()
    (out / ".work").mkdir()  # somebody else's
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    unfinished = work_folder(out)
    work, temporary = unfinished.__enter__()
    (work / "1").mkdir()
    (work / "1" / "a.mp4").write_bytes(b"half")
    (temporary / "stem.wav").write_bytes(b"half")
    assert os.listdir(place)
    remove_leftovers(out)
    assert not os.listdir(place)
    assert os.listdir(out) == [".work"]
    with work_folder(out) as (work, temporary):
        assert temporary.parent == place
    assert os.listdir(out) == [".work"]
    assert not os.listdir(place)


def test_sigterm_is_a_keyboard_interrupt_once() -> None:
    def stop_and_stop_again() -> None:
        with interruptible():
            try:
                signal.raise_signal(signal.SIGTERM)
                time.sleep(5)
            finally:
                signal.raise_signal(signal.SIGTERM)  # does not disturb what cleans up
                signal.raise_signal(signal.SIGINT)
                cleaned.append(True)

    cleaned: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        stop_and_stop_again()
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_kills_at_random_moments_lose_nothing(films: Path, weights: Path, undisturbed: Path, tmp_path: Path) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    before = {path.name: path.read_bytes() for path in films.iterdir()}
    moments = random.Random(18)
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        done = finished(out) if out.exists() else {}
        killed_batch(films / "clips.csv", out, weights, how, moments.uniform(0.0, 3.0), temporary)
        assert set(done.items()) <= set(finished(out).items())  # nothing finished was done again
    ended = run_cli(films / "clips.csv", out, weights)
    assert ended.returncode == 0, ended.stderr
    assert music_of(out) == music_of(undisturbed)
    assert not hidden(out)
    assert {path.name: path.read_bytes() for path in films.iterdir()} == before
