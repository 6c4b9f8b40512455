"""Work in steps: it reports, returns, fails and stops as it should."""

import threading
import time
from collections.abc import Callable

import pytest
from space.running import in_steps, result_of

from diffbgm.errors import Cancelled

Tell = Callable[[float, str], None]


def test_reports_come_while_it_works_and_its_value_at_the_end() -> None:
    seen = threading.Event()

    def work(tell: Tell) -> int:
        tell(0.5, "half")
        assert seen.wait(10)
        return 7

    steps = in_steps(work, every=0.01)
    report = next(steps)
    while report.message != "half":
        report = next(steps)
    assert report.fraction == 0.5
    seen.set()
    assert result_of(steps) == 7


def test_errors_come_out() -> None:
    def work(tell: Tell) -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        result_of(in_steps(work))


def test_closing_stops_the_work_at_its_next_report() -> None:
    ended: list[str] = []
    done = threading.Event()

    def work(tell: Tell) -> int:
        try:
            for i in range(100_000):
                tell(0.0, str(i))
                time.sleep(0.005)
        except Cancelled:
            ended.append("cancelled")
        finally:
            done.set()
        return 0

    steps = in_steps(work, every=0.01)
    next(steps)
    steps.close()
    assert done.wait(10)
    assert ended == ["cancelled"]


def test_a_stop_from_elsewhere_wins_even_when_the_work_is_done() -> None:
    stopped = threading.Event()
    steps = in_steps(lambda tell: 7, stopped=stopped)
    stopped.set()
    with pytest.raises(Cancelled):
        next(steps)


def test_a_stop_is_heard_while_the_work_says_nothing() -> None:
    stopped, ended = threading.Event(), threading.Event()
    steps = in_steps(lambda tell: ended.wait(20), every=0.01, stopped=stopped)
    next(steps)
    stopped.set()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        next(steps)
    assert time.monotonic() - began < 2
    ended.set()
