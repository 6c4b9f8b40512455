"""The waiting line: order, fairness, limits, the place that is told."""

import pytest
from space.line import CrowdError, FullError, Job, Line, Rules, Visitor


def enter(line: Line, *sessions: str) -> list[Job]:
    return [line.enter(Visitor(session, f"address of {session}")) for session in sessions]


def test_two_run_and_the_others_follow_in_order() -> None:
    line = Line(Rules(running=2))
    jobs = enter(line, "a", "b", "c", "d")
    assert [job.running for job in jobs] == [True, True, False, False]
    assert [job.place()[0] for job in jobs] == [0, 0, 1, 2]
    with jobs[1]:
        pass
    assert [job.running for job in jobs] == [True, True, True, False]
    assert jobs[3].place()[0] == 1


def test_a_visitor_has_one_running_and_two_waiting() -> None:
    line = Line(Rules(running=2, own_waiting=2))
    jobs = enter(line, "a", "a", "a")
    assert [job.running for job in jobs] == [True, False, False]
    with pytest.raises(CrowdError, match="You have 3 pieces running or waiting"):
        enter(line, "a")
    other = enter(line, "b")[0]
    assert other.running, "nobody waits for the many pieces of one visitor"
    with jobs[0]:
        pass
    assert jobs[1].running
    enter(line, "a")


def test_the_whole_line_and_each_address_have_an_end() -> None:
    line = Line(Rules(running=1, waiting=2))
    enter(line, "a", "b", "c")
    with pytest.raises(FullError, match="2 others are waiting"):
        enter(line, "d")
    crowd = Line(Rules(per_address=3))
    for session in "abc":
        crowd.enter(Visitor(session, "192.0.2.1"))
    with pytest.raises(CrowdError, match="3 pieces from your network"):
        crowd.enter(Visitor("d", "192.0.2.1"))
    crowd.enter(Visitor("e", "192.0.2.2"))


def test_the_wait_is_told_from_what_the_running_ones_need() -> None:
    line = Line(Rules(running=2))
    jobs = enter(line, "a", "b", "c", "d", "e")
    jobs[0].left, jobs[1].left = 5.0, 50.0
    assert [job.place() for job in jobs[2:]] == [(1, 5.0), (2, 35.0), (3, 50.0)]  # a job takes 30 s until one has ended


def test_a_stop_reaches_who_waits() -> None:
    line = Line(Rules(running=1))
    jobs = enter(line, "a", "b")
    jobs[1].stop()
    assert [job.ready for job in jobs] == [True, True]
    assert [job.stopped.is_set() for job in jobs] == [False, True]
