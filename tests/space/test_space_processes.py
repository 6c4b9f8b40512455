"""What a stranger's file does to the process that reads it is a message here, and the next visitor is served."""

import re
import time
from pathlib import Path

import pytest
from space.processes import ask
from tests.space import harm

from diffbgm.errors import Cancelled, DiffBGMError, VideoError

pytestmark = pytest.mark.usefixtures("model")
FILE = Path("/somewhere/holiday.mp4")


def quiet(stage: str, fraction: float) -> None:
    pass


def test_answers_and_progress_come_back() -> None:
    heard: list[tuple[str, float]] = []
    assert ask(harm.number, FILE, lambda *told: heard.append(told), 20.0, 41) == 42
    assert heard[-1] == ("watch", 0.5)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (harm.crash, "holiday.mp4: it broke the program that reads it; export it again"),
        (harm.swell, "holiday.mp4: needs more than 3 GB of memory; export it smaller"),
        (harm.hang, "holiday.mp4: takes longer than 1 s to read; export it smaller, or cut it"),
        (harm.refuse, "holiday.mp4: is text, not a video"),
    ],
)
def test_harm_is_a_sentence_and_the_next_is_served(task: object, words: str) -> None:
    with pytest.raises(VideoError, match=f"^{re.escape(words)}$"):
        ask(task, FILE, quiet, 1.0 if task is harm.hang else 30.0)  # type: ignore[arg-type]
    assert ask(harm.number, FILE, quiet, 20.0, 1) == 2


def test_what_is_not_the_visitors_to_mend_is_no_input_error() -> None:
    with pytest.raises(DiffBGMError, match="no synthesizer") as failed:
        ask(harm.fail, FILE, quiet, 20.0)
    assert not isinstance(failed.value, VideoError)


def test_a_listener_that_raises_ends_the_task(tmp_path: Path) -> None:
    marks = tmp_path / "marks"

    def stop(stage: str, fraction: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        ask(harm.tick, FILE, stop, 60.0, marks)
    time.sleep(0.3)
    reached = marks.read_text()
    time.sleep(0.3)
    assert marks.read_text() == reached
