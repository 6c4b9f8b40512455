"""Words on the page as HTML: the welcome, the examples, a message, how far the work is."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from space.films import Example, to_uri
from space.running import Report

STAGES = (
    ("watch", "Watch"),
    ("plan", "Plan"),
    ("compose", "Compose"),
    ("play", "Play & mix"),
    ("write", "Write files"),
)


def clock(seconds: float) -> str:
    """ "0:05", "12:30"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def welcome() -> str:
    """What stands where the plan will be, before there is a video."""
    return (Path(__file__).parent / "welcome.html").read_text(encoding="utf-8")


def progress(stage: str, report: Report | None = None, note: str = "") -> str:
    """Stages, a bar and the time left. `stage` is the one that runs."""
    names = [name for name, _ in STAGES]
    at = names.index(stage)
    steps = "".join(
        f'<li class="{"done" if i < at else "now" if i == at else ""}">{label}</li>'
        for i, (_, label) in enumerate(STAGES)
    )
    share = report.fraction if report else 0.0
    words = [note or (report.message if report else "") or "starting"]
    if report and report.left is not None:
        words.append(f"about {max(1, round(report.left))} s left")
    return (
        f'<div class="bgm-progress"><ol>{steps}</ol><div class="bar" role="progressbar" aria-label="Progress" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}">'
        f'<i style="width:{100 * share:.1f}%"></i></div><p>{escape(" · ".join(words))}</p></div>'
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
