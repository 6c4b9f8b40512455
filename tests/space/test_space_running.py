"""Work in steps: it reports, returns, fails and stops as it should."""

import threading
import time
from collections.abc import Callable, Generator

import pytest
from space.running import Report, in_steps

from diffbgm.errors import Cancelled

Tell = Callable[[float, str], None]


def run_out(steps: Generator[Report, None, int]) -> int:
    """Goes on to the end; the value."""

    def watched() -> Generator[Report, None, None]:
        values.append((yield from steps))

    values: list[int] = []
    list(watched())
    return values[0]


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
    assert run_out(steps) == 7


def test_errors_come_out() -> None:
    def work(tell: Tell) -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_out(in_steps(work))


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
