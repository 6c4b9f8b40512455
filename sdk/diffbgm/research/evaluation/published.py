"""The paper's own measures on this model beside the figures that others published: what differs stands in each row.

Only figures that their authors' own text gives are here. A dash means that no such figure was found, not that it is 0.
"""

from collections.abc import Mapping
from typing import Any

from diffbgm.research.evaluation.systems import OURS, TRUTH, UNTRAINED
from diffbgm.research.metrics.report import Report, Table, plain

DIFF_BGM = "README of github.com/sizhelee/Diff-BGM, table of weights"
THEIRS = "BGM909, their split and code; P@20 unseeded, of some 60 candidates, their encoders"
NOT_FOUND = "no figure of these measures found"
# System, PCHE, GPS, SI, P@20 as a share, source, what differs from our rows.
PUBLISHED: tuple[tuple[str, float | None, float | None, float | None, float | None, str, str], ...] = (
    ("Diff-BGM (original)", 2.840, 0.601, 0.521, 0.4410, DIFF_BGM, THEIRS),
    ("Diff-BGM (only visual)", 2.835, 0.514, 0.396, 0.4320, DIFF_BGM, THEIRS),
    ("Diff-BGM (w/o SAC-Att)", 2.721, 0.789, 0.523, 0.3847, DIFF_BGM, THEIRS),
    ("CMT", None, None, None, None, NOT_FOUND, ""),
    ("Video2Music", None, None, None, None, NOT_FOUND, ""),
    ("EMSYNC", None, None, None, None, NOT_FOUND, ""),
)
RETRIEVED = {
    TRUTH: "another minute of the true music (ceiling)"
}  # what a system is called in the retrieval report, where it differs
SCALE = "structure indicator, long"


def evaluate_published(reports: Mapping[str, Report], seed: int) -> Report:
    """Return one table of this model, its ceiling and its floor as measured, and of what others published.

    Args:
        reports: The parts "systems" and "retrieval" of `diffbgm evaluate all`, as far as they were measured.
        seed: Of those parts.

    """
    systems: Mapping[str, Any] = plain(reports["systems"].data) if "systems" in reports else {"systems": {}}
    music: Mapping[str, Any] = plain(reports["retrieval"].data)["music"] if "retrieval" in reports else {}
    rows: list[tuple[Any, ...]] = []
    for name in (TRUTH, OURS, UNTRAINED):
        own, found = systems["systems"].get(name, {}), music.get(RETRIEVED.get(name, name), {})
        rows.append(
            (
                name,
                own.get("PCHE over 8 bars, bits"),
                own.get("GPS"),
                own.get(SCALE),
                found.get("precision", {}).get("20"),
                f"measured, n = {systems.get('n', 0)} windows",
                "POP909 windows of 8 bars; P@20 on MuVi-Sync, seeded, of 60 candidates, our encoders",
            )
        )
    rows += PUBLISHED
    columns = ("system", "PCHE, bits", "GPS", "SI", "P@20", "source", "what differs")
    note = (
        f"seed {seed}. Nearer to the real songs is better, not higher. SI: ours over spans of 19 beats and longer, on "
        "beats of piano roll; the paper names no span. Chance of P@20 among 60 is .333. A dash: no figure found"
    )
    return Report("Published figures", seed, (Table("Beside published figures", columns, tuple(rows), note),))
