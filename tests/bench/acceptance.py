"""The project's own thresholds, held against a metrics.json: `python -m tests.bench.acceptance weights_card`.

The package measures and states baselines; what is good enough for a release is said here.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    """A figure of a report, what it has to reach, and whether it does."""

    part: str
    what: str
    value: float
    needed: str
    passed: bool


def at_least(part: str, what: str, value: float, bar: float) -> Check:
    return Check(part, what, value, f">= {bar:g}", value >= bar)


def at_most(part: str, what: str, value: float, bar: float) -> Check:
    return Check(part, what, value, f"<= {bar:g}", value <= bar)


def check_model(data: dict[str, Any]) -> Iterator[Check]:
    """Composed windows beside songs (`diffbgm evaluate model`)."""
    measures = data["measures"]
    for name, bar in (("pche", 0.05), ("groove", 0.05)):
        m = measures[name]
        yield at_most("model", f"{m['title']}: distance", abs(m["generated"] - m["reference"]), bar)
    for name in ("melody_onsets", "accompaniment_onsets"):
        m = measures[name]
        distance = abs(m["generated"] - m["reference"]) / max(m["reference"], 1e-9)
        yield at_most("model", f"{m['title']}: relative distance", distance, 0.10)
    yield at_least("model", measures["in_scale"]["title"], measures["in_scale"]["generated"], 0.95)
    yield at_most("model", measures["harsh"]["title"], measures["harsh"]["generated"], 0.035)
    yield at_most("model", "two-sample AUC", data["two_sample"]["auc"], 0.75)
    yield at_least("model", "density asked against played, r", data["agreement"]["density"], 0.8)
    if "mode" in data:
        yield at_least("model", "mode asked against heard", data["mode"]["played"]["share"], 0.85)
    if "copies" in data:
        songs = data["copies"]["reference"]["share"]
        yield at_most("model", "melody n-grams found in training", data["copies"]["generated"]["share"], songs)
    for level, bar in {"0.2": 0.01, "0.5": 2.5, "0.8": 11.0, "0.95": 16.4}.items():
        if level in data.get("bce", {}):
            yield at_most("model", f"cross-entropy at {level}, nats per sixteenth", data["bce"][level], bar)


def check_sync(data: dict[str, Any]) -> Iterator[Check]:
    """Cuts on beats (`diffbgm evaluate sync`)."""
    for name, found in data.items():
        bar = 0.85 if name == "mean shot 1.5 s" else 0.95
        yield at_least("sync", f"{name}: cuts on a beat or half beat", found["ours"]["hit"], bar)
        yield at_least("sync", f"{name}: strong cuts on a beat", found["ours"]["strong_on_beat"], 0.90)
        if "onsets" in found:
            yield at_least("sync", f"{name}: snapped cuts with an onset", found["onsets"]["share"], 0.90)
        if "drift" in found:
            yield at_most("sync", f"{name}: drift of the tempo", found["drift"], 0.0801)
            yield at_most("sync", f"{name}: step of the tempo", found["step"], 0.0301)


def check_sound(data: dict[str, Any]) -> Iterator[Check]:
    """Composed pieces as sound (`diffbgm evaluate sound`)."""
    pieces = data["pieces"]
    yield at_most("sound", "distance from -16 LUFS", max(abs(p["loudness"] + 16) for p in pieces), 1.0)
    yield at_most("sound", "true peak, dBTP", max(p["true_peak"] for p in pieces), 0.0)
    yield at_most("sound", "longest gap, s", max(p["gap"] for p in pieces), 1.5)
    yield at_most("sound", "null of the stems, dBFS", max(p["null"] for p in pieces), -60.0)
    full = [p["roles"] for p in pieces if p["palette"] != "music-box"]
    yield at_least("sound", "roles that play", min(full, default=3), 3)
    yield at_most("sound", "notes out of range", sum(p["out_of_range"] for p in pieces), 0)
    yield at_least("sound", "standard deviation of velocities", min(p["velocity_sd"] for p in pieces), 12.0)


CHECKS = {"model": check_model, "sync": check_sync, "sound": check_sound}


def checks_of(metrics: dict[str, Any]) -> list[Check]:
    """All checks for the parts that were measured."""
    return [
        check for part, check_part in CHECKS.items() if part in metrics for check in check_part(metrics[part]["data"])
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a weights folder with metrics.json")
    metrics = json.loads((parser.parse_args().folder / "metrics.json").read_text(encoding="utf-8"))
    checks = checks_of(metrics)
    for check in checks:
        print(
            f"{'ok    ' if check.passed else 'MISSED'} {check.part:6} {check.what}: {check.value:.4g} ({check.needed})"
        )
    return 0 if checks and all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
