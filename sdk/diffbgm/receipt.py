"""The receipt: how well the music fits the pictures, in numbers anybody can check."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from diffbgm.types import SYNC_TOLERANCE, Audio, MusicPlan


def make_receipt(
    plan: MusicPlan,
    audio: Audio,
    *,
    seed: int,
    steps: int,
    guidance: Mapping[str, float],
    model: Mapping[str, str],
    sound: Mapping[str, Any],
    scene: list[str],
    timings: Mapping[str, float],
) -> dict[str, Any]:
    """Plain JSON values.

    length_error_ms  sound minus picture.
    cuts             time and nearest beat position (halves count), `error_ms` cut minus beat, whether the tempo was
                     bent to meet it (`snapped`), and if not, why.
    cut_hit_rate     share of cuts within 40 ms of a beat or half beat; null without cuts. `chance` is the share of the
                     video's time that lies that near to one.
    timings          seconds per stage.
    """
    bpm = plan.tempo.bpm()
    edges = plan.tempo.edges
    hits = [cut for cut in plan.cuts if abs(cut.error) <= SYNC_TOLERANCE]
    halves = np.sort(np.concatenate([edges, (edges[:-1] + edges[1:]) / 2]))
    return {
        "duration": plan.duration,
        "audio_duration": audio.duration,
        "length_error_ms": round(1000 * (audio.duration - plan.duration), 3),
        "tempo": {
            "base": round(60 * plan.beats / float(edges[-1] - edges[0]), 3),
            "min": round(float(bpm.min()), 3),
            "max": round(float(bpm.max()), 3),
        },
        "bars": plan.bars,
        "key": str(plan.key),
        "cuts": [
            {
                "time": cut.time,
                "strength": cut.strength,
                "nearest_beat": cut.beat,
                "error_ms": round(1000 * cut.error, 3),
                "snapped": cut.snapped,
                "reason": cut.reason,
            }
            for cut in plan.cuts
        ],
        "cut_hit_rate": len(hits) / len(plan.cuts) if plan.cuts else None,
        "chance": round(min(1.0, float(2 * SYNC_TOLERANCE * (len(halves) - 1) / plan.duration)), 4),
        "sections": [
            {**asdict(s), "start": plan.tempo.time_at(s.start_beat), "end": plan.tempo.time_at(s.end_beat)}
            for s in plan.sections
        ],
        "style": list(plan.style),
        "palette": plan.palette,
        "seed": seed,
        "steps": steps,
        "guidance": dict(guidance),
        "model": dict(model),
        **sound,
        "scene": scene,
        "why": list(plan.why),
        "timings": {stage: round(seconds, 3) for stage, seconds in timings.items()},
    }
