"""Words on the page as HTML: the welcome, the examples, a message, how far the work is."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from diffbgm.media import as_time
from space.films import Example, to_uri
from space.running import Report

# The steps that the page names, and what happens in each stage of the work, in plain words.
STEPS = (
    ("watch", "Watch"),
    ("plan", "Plan"),
    ("compose", "Compose"),
    ("play", "Play & mix"),
    ("write", "Write files"),
)
STEP_OF: Mapping[str, str] = {"arrange": "play", "render": "play"}  # of a stage, where it has another name
WORDS: Mapping[str, str] = {
    "watch": "Looking at your video",
    "plan": "Planning the music",
    "compose": "Writing the music",
    "arrange": "Giving the notes to the instruments",
    "render": "Playing and mixing",
    "write": "Writing the files",
}


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, such as 0:05 or 12:30."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def about(seconds: float) -> str:
    """Seconds in rounded words, such as "about 40 s" or "about 3 minutes"."""
    return f"about {max(1, round(seconds))} s" if seconds < 90 else f"about {as_time(60 * round(seconds / 60))}"


def welcome() -> str:
    """What stands where the plan will be, before there is a video."""
    return (Path(__file__).parent / "welcome.html").read_text(encoding="utf-8")


def progress(stage: str, report: Report | None = None, before: str = "") -> str:
    """Steps, a bar and the time left. `stage` is the one that runs; `before` stands before its words."""
    words = [before + WORDS[stage]]
    if report and report.left is not None:
        words.append(f"{about(report.left)} left")
    return _bar(STEP_OF.get(stage, stage), report.fraction if report else 0.0, " · ".join(words))


def in_line(stage: str, place: int, seconds: float) -> str:
    """The same for who waits: the place in the line, and about how long until the work begins."""
    before = "You are next in the line" if place == 1 else f"You are number {place} in the line"
    return _bar(STEP_OF.get(stage, stage), 0.0, f"{before} · yours starts in {about(seconds)}")


def _bar(step: str, share: float, words: str) -> str:
    at = [name for name, _ in STEPS].index(step)
    steps = "".join(
        f'<li class="{"done" if i < at else "now" if i == at else ""}">{label}</li>'
        for i, (_, label) in enumerate(STEPS)
    )
    return (
        f'<div class="bgm-progress"><ol>{steps}</ol><div class="bar" role="progressbar" aria-label="Progress" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}">'
        f'<i style="width:{100 * share:.1f}%"></i></div><p>{escape(words)}</p></div>'
    )


def message(text: str, kind: str = "note") -> str:
    """A line of text where the progress stands otherwise; kind: note, good or bad."""
    role = "alert" if kind == "bad" else "status"
    return f'<div class="bgm-message {kind}" role="{role}">{escape(text)}</div>'


def example_cards(examples: Sequence[Example]) -> str:
    """A row of buttons with a picture and a caption."""
    cards = "".join(
        f'<button type="button" data-index="{i}"><img src="{to_uri(e.poster)}" alt="">'
        f"<b>{escape(e.title)}</b><span>{escape(e.caption)}</span></button>"
        for i, e in enumerate(examples)
    )
    return f'<div class="bgm-cards" role="group" aria-label="Examples"><p>Or try one of these:</p>{cards}</div>'
