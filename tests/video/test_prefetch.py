"""Working ahead changes nothing but the time it takes."""

import threading
from collections.abc import Generator

import pytest

from diffbgm.video.prefetch import prefetch


def counting(n: int, closed: list[int], fail_at: int = -1) -> Generator[int, None, None]:
    try:
        for i in range(n):
            if i == fail_at:
                raise ValueError("here")
            yield i
    finally:
        closed.append(n)


def threads() -> int:
    return sum(thread.name == "diffbgm-prefetch" for thread in threading.enumerate())


@pytest.mark.parametrize("n", [0, 1, 50])
def test_the_same_items_in_the_same_order(n: int):
    closed: list[int] = []
    assert list(prefetch(counting(n, closed), depth=3)) == list(range(n))
    assert closed == [n]
    assert threads() == 0


def test_errors_arrive_after_what_came_before():
    seen: list[int] = []
    noted = (seen.append(item) for item in prefetch(counting(9, [], fail_at=5), depth=2))
    with pytest.raises(ValueError, match="here"):
        any(noted)  # append gives None: this walks to the end
    assert seen == [0, 1, 2, 3, 4]
    assert threads() == 0


def test_work_begins_before_anything_is_taken():
    begun = threading.Event()
    items = prefetch(begun.set() for _ in range(9))
    assert begun.wait(5)
    items.close()
    assert threads() == 0


def test_leaving_early_ends_the_thread_and_closes_the_source():
    closed: list[int] = []
    items = prefetch(counting(10**9, closed), depth=2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert closed == [10**9]
    assert threads() == 0
