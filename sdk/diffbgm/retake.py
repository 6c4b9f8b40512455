"""Some bars of a result replaced: its arrangement and its sound stay outside of them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from diffbgm.arrange import arrange
from diffbgm.arrange.splice import splice_scores
from diffbgm.errors import PlanError, RenderError
from diffbgm.options import ScoreOptions
from diffbgm.platforms import DEFAULT_LOUDNESS
from diffbgm.progress import Progress
from diffbgm.receipt import finite
from diffbgm.render import render
from diffbgm.render.splice import splice, splice_audio
from diffbgm.result import Result, final_fade, under_own_sound
from diffbgm.setting import need_all
from diffbgm.types import MusicPlan, PianoRoll


def check_bars(bars: Sequence[int], plan: MusicPlan) -> list[int]:
    """The bars, from 0, in order, each once; PlanError for none, or for one that the plan has not."""
    need_all("bars", bars, int)
    found = sorted({int(bar) for bar in bars})
    if not found or found[0] < 0 or found[-1] >= plan.bars:
        raise PlanError(f"bars must lie in 0..{plan.bars - 1}, got {found or 'none'}")
    return found


def check_outside(old: MusicPlan, new: MusicPlan, bars: Sequence[int]) -> None:
    """PlanError where a new plan has other beats than the old one, or other bars than those that are composed again."""
    if new.beats != old.beats or new.metre != old.metre or not np.array_equal(new.tempo.edges, old.tempo.edges):
        raise PlanError("the plan has other beats than the take; score it anew, or fit the take with recut")
    from diffbgm.planner.restyle import changed_bars

    if other := sorted(set(changed_bars(old, new)) - set(bars)):
        raise PlanError(
            f"the plan differs in bar {other[0]}, which is to stay; name its bar too, or leave it as it was"
        )


def replace_bars(
    result: Result,
    plan: MusicPlan,
    roll: PianoRoll,
    bars: Sequence[int],
    options: ScoreOptions,
    on_progress: Progress | None = None,
) -> Result:
    """The result with other notes in some bars.

    Notes and controls that begin outside of the open bars stay as they are, and so does the sound up to 50 ms before
    an open bar and from `render.splice.RING` seconds after its end, sample for sample, in mix, stems and sound track.

    Args:
        result: The take; what it was remixed to is kept.
        plan: Of the new notes; its beats are those of the take.
        roll: All notes, the old ones outside of `bars`.
        bars: The open bars, from 0.
        options: Of the new take, with its seed.
        on_progress: Hears a fraction and what is being done.

    Raises:
        RenderError: The result kept no stems, or there is no synthesizer.

    """
    if result.sound is None:
        raise RenderError("this result kept no stems, so its sound cannot stay; score with stems")
    per_bar = plan.beats_per_bar
    opened = np.zeros(plan.beats, bool)
    for bar in bars:
        opened[bar * per_bar : (bar + 1) * per_bar] = True
    speech = [(a, b) for a, b in result.receipt["speech"]] if result.options.keep_audio == "duck" else []
    score = splice_scores(result.score, arrange(roll, plan, seed=options.seed or 0, speech=speech), opened)
    fresh = render(
        score,
        duration=plan.duration,
        fade=final_fade(plan, result.receipt.get("rendered_fade", result.options.fade)),
        loudness=result.receipt.get("rendered_loudness", options.loudness) or DEFAULT_LOUDNESS,
        on_progress=on_progress,
    )
    sound = result.sound
    spans: list[tuple[int, int]] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], opened.astype(np.int8), [0]])))
    for a, b in pairwise(edges.tolist()):
        if opened[a]:
            sound, span = splice(sound, fresh, plan.tempo.time_at(a), plan.tempo.time_at(b))
            spans.append(span)
    new = replace(result, plan=plan, roll=roll, score=score, sound=sound, options=options, takes=())
    new = replace(new, music=sound.mix, stems=sound.stems)
    if result.gains or "rendered_fade" in result.receipt:  # it was remixed: outside that stays too
        mixed = new.remix()
        music, stems = result.music, dict(mixed.stems)
        for start, end in spans:
            music = splice_audio(music, mixed.music, start, end)
        for name in stems.keys() & result.stems.keys():
            stems[name] = result.stems[name]
            for start, end in spans:
                stems[name] = splice_audio(stems[name], mixed.stems[name], start, end)
        new = replace(mixed, music=music, stems=stems)
    audio, _ = under_own_sound(result.source, new.music, options, speech)
    if audio is not new.music:  # the level of the music under other sound follows from all of it: hold it outside
        whole = result.audio
        for start, end in spans:
            whole = splice_audio(whole, audio, start, end)
        audio = whole
    receipt = {
        **result.receipt,
        "options": options.to_plain(),
        "seed": options.seed,
        "steps": options.steps,
        "why": list(plan.why),
        "loudness_lufs": finite(round(sound.lufs, 2)),
        "true_peak_dbtp": finite(round(sound.true_peak, 2)),
        "retakes": [
            *result.receipt.get("retakes", ()),
            {
                "bars": [bar + 1 for bar in bars],
                "seed": options.seed,
                "changed_seconds": [[a / audio.rate, b / audio.rate] for a, b in spans],
            },
        ],
        "given": sorted({*result.receipt["given"], "roll"}),
    }
    return replace(new, audio=audio, receipt=receipt)
