"""The receipt: how well the music fits the pictures, in numbers anybody can check."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from diffbgm.brief import Brief, read_asked
from diffbgm.options import ScoreOptions, guidance_of, settings_of
from diffbgm.types import SYNC_TOLERANCE, Audio, MusicPlan


def make_receipt(
    plan: MusicPlan,
    audio: Audio,
    *,
    options: ScoreOptions,
    model: Mapping[str, str],
    sound: Mapping[str, Any],
    scene: Sequence[str],
    timings: Mapping[str, float],
    given: Sequence[str] = (),
) -> dict[str, Any]:
    """What was made, how, and how well it fits, in values that JSON has (no NaN, no infinity: null instead).

    Args:
        plan: The plan that was composed.
        audio: What the scored video sounds like.
        options: All options of the take, its seed included; `ScoreOptions.from_receipt` reads them back.
        model: `id`, `version` and `sha256` of the weights.
        sound: Loudness (LUFS), true peak (dBTP), speech (seconds), synthesizer and soundfont.
        scene: What the pictures show, in words.
        timings: Seconds per stage.
        given: What was handed in and not made from the options: "features", "plan", "roll".

    Returns:
        A dict with the options as `options`, and with

        - `length_error_ms`: sound minus picture;
        - `cuts`: time and nearest beat position (halves count), `error_ms` cut minus beat, whether the tempo was bent
          to meet it (`snapped`), and if not, why;
        - `hits` as `cuts`, `rests` in seconds, and `unread`: what of the text was not understood;
        - `cut_hit_rate`: share of cuts, but those to ignore, within 40 ms of a beat or half beat, null without cuts;
          `chance`: the share of the video's time that lies that near to one.
    """
    bpm = plan.tempo.bpm()
    edges = plan.tempo.edges
    heeded = [cut for cut in plan.cuts if cut.asked != "ignore"]
    hits = [cut for cut in heeded if abs(cut.error) <= SYNC_TOLERANCE]
    halves = np.sort(np.concatenate([edges, (edges[:-1] + edges[1:]) / 2]))
    return {
        "duration": plan.duration,
        "audio_duration": audio.duration,
        "length_error_ms": round(1000 * (audio.duration - plan.duration), 3),
        "tempo": {
            "base": round(plan.tempo.mean_bpm, 3),
            "min": round(float(bpm.min()), 3),
            "max": round(float(bpm.max()), 3),
        },
        "bars": plan.bars,
        "metre": plan.metre,
        "key": str(plan.key),
        "cuts": [
            {
                "time": cut.time,
                "strength": cut.strength,
                "nearest_beat": cut.beat,
                "error_ms": round(1000 * cut.error, 3),
                "snapped": cut.snapped,
                "reason": cut.reason,
                "asked": cut.asked,
            }
            for cut in plan.cuts
        ],
        "hits": [
            {"time": hit.time, "size": hit.size, "nearest_beat": hit.beat, "error_ms": round(1000 * hit.error, 3)}
            for hit in plan.hits
        ],
        "rests": [list(rest) for rest in plan.rests],
        "unread": [] if "plan" in given else _unread(read_asked(settings_of(options))),
        "cut_hit_rate": len(hits) / len(heeded) if heeded else None,
        "chance": round(min(1.0, float(2 * SYNC_TOLERANCE * (len(halves) - 1) / plan.duration)), 4),
        "sections": [
            {**asdict(s), "start": plan.tempo.time_at(s.start_beat), "end": plan.tempo.time_at(s.end_beat)}
            for s in plan.sections
        ],
        "chords": [asdict(chord) for chord in plan.chords],
        "style": list(plan.style),
        "palette": plan.palette,
        "options": options.to_plain(),
        "given": list(given),
        "seed": options.seed,
        "steps": options.steps,
        "guidance": asdict(guidance_of(options)),
        "keep_audio": options.keep_audio,
        "model": dict(model),
        **{name: finite(value) for name, value in sound.items()},
        "scene": list(scene),
        "why": list(plan.why),
        "timings": {stage: round(seconds, 3) for stage, seconds in timings.items()},
    }


def finite(value: Any) -> Any:
    """The value; None for a number that JSON has no text for, such as the loudness of silence."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _unread(brief: Brief) -> list[str]:
    """The words of a brief and of its scenes that were not understood."""
    return list(dict.fromkeys([*brief.unread, *(words for scene in brief.scenes for words in scene.brief.unread)]))
