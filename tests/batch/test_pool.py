"""Processes that do one call at a time: whichever of them dies, the call says so."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from diffbgm.batch.pool import Pool, WorkerError

PATIENCE = 60.0  # seconds


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def alone() -> Iterator[Pool]:
    """A pool of one process, which ends after any call that comes a second after one before: "it has grown"."""
    processes = Pool(1, {"LOKY_MAX_MEMORY_LEAK_SIZE": "-1e12"})
    yield processes
    processes.__exit__(TimeoutError, None, None)  # at once, also where a call never ends


def test_a_process_that_dies_fails_its_call_and_the_next_is_done(alone: Pool) -> None:
    with pytest.raises(WorkerError, match=r"died \(signal SIGKILL\)"):
        alone.submit(alone.call, die).result(PATIENCE)
    assert alone.submit(alone.call, os.getpid).result(PATIENCE) != os.getpid()


@pytest.mark.filterwarnings("ignore:A worker was restarted")
def test_one_that_took_the_place_of_another_is_watched_too(alone: Pool) -> None:
    first = psutil.Process(alone.submit(alone.call, os.getpid).result(PATIENCE))
    for _ in range(20):
        time.sleep(1.2)  # between two looks at how large it is
        alone.submit(alone.call, os.getpid).result(PATIENCE)
        if not psutil.wait_procs([first], timeout=1.0)[1]:
            break
    assert not first.is_running(), "it goes when it has grown"
    time.sleep(0.5)  # for the pool to see that it went
    with pytest.raises(WorkerError):
        alone.submit(alone.call, die).result(PATIENCE)
