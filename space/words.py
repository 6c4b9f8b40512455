"""What the page says while it works, in plain words."""

import re
from collections.abc import Mapping

from diffbgm.brief import Reading
from diffbgm.brief.model import ALL_BUT
from diffbgm.media import as_time

BROKEN = "Something broke on this side; it is in the log. Please try again."
STAGES: Mapping[str, str] = {
    "watch": "Looking at your video",
    "plan": "Planning the music",
    "compose": "Writing the music",
    "arrange": "Giving the notes to the instruments",
    "render": "Playing and mixing",
    "write": "Writing the files",
    "proxy": "Making a copy that your browser can show",
}

TACET = re.compile(r"tacet (.+?) ([\d.]+(?: s|%)) to ([\d.]+(?: s|%)|the end)")
KINDS = {  # what words of a brief are about
    "mood": "mood", "scene": "scene", "energy": "energy", "genre": "kind", "tempo": "tempo", "ending": "ending",
}  # fmt: skip


def stage_words(stage: str) -> str:
    """What happens in a stage of the work."""
    return STAGES[stage]


def about(seconds: float) -> str:
    """Seconds in rounded words, such as "about 40 s" or "about 3 minutes"."""
    return f"about {max(1, round(seconds))} s" if seconds < 90 else f"about {as_time(60 * round(seconds / 60))}"


def place_words(place: int, seconds: float) -> str:
    """Where somebody stands in the line, and about how long until the work begins."""
    before = "You are next in the line" if place <= 1 else f"You are number {place} in the line"
    return f"{before} · yours starts in {about(seconds)}"


def rest_words(who: str, start: str, end: str) -> str:
    """A rest, for people, by when it is over or begins: "drums from 8 s", "piano alone 0 s to 8 s"."""
    if who.startswith(ALL_BUT):
        return f"{who.removeprefix(ALL_BUT)} alone {start} to {end}"
    if end == "the end":
        return f"{who} until {start}"
    return f"{who} from {end}" if start in ("0 s", "0%") else f"no {who} {start} to {end}"


def chip_of(reading: Reading) -> tuple[str, str, str]:
    """(the words that were read, what they are about, what they ask for), for people."""
    if tacet := TACET.fullmatch(reading.meaning):
        return reading.text, "", rest_words(*tacet.groups())
    kind, _, rest = reading.meaning.replace(":", "").partition(" ")
    if kind in KINDS:
        return reading.text, KINDS[kind], reading.text.partition(": ")[2] or reading.text
    return reading.text, "", (rest if kind == "instrument" else reading.meaning).removeprefix("key with tonic ")
