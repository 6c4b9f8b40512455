"""Takes in order: how much each sounds like a song, how well it keeps to its plan, and both in words."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.critic.model import Critic, bundled_critic
from diffbgm.result import Take
from diffbgm.roll import key_shift, measure_curves, sounding, transpose
from diffbgm.types import LOWEST_PITCH, PITCHES, STEPS_PER_BEAT, Curves, MusicPlan, PianoRoll

PLAN_WEIGHT = 4.0  # log odds that a perfect fit to the plan is worth beside none
LISTENS_TO = "4/4"  # the metre that the bundled critic was fitted on
BUSY, FULL = 1.25, 1.2  # times what the plan asks for, from which on a take is called busy or full
HIGH = 3.0  # semitones from the plan from which on it is called bright or warm


def rank_takes(plan: MusicPlan, takes: Sequence[Take]) -> tuple[Take, ...]:
    """The takes with scores and reasons, the best first; a single take as well.

    Args:
        plan: That they were composed for.
        takes: With their rolls in the plan's key.

    """
    critic = bundled_critic() if plan.metre == LISTENS_TO else None
    judged = [judge(plan, take, critic) for take in takes]
    return tuple(sorted(judged, key=lambda take: -take.score))


def judge(plan: MusicPlan, take: Take, critic: Critic | None) -> Take:
    """One take with its score and reasons."""
    curves = measure_curves(take.roll.cells, plan.beats_per_bar)
    fits = fit_to_plan(plan, take.roll, curves)
    heard = critic.judge(transpose(take.roll, key_shift(plan.key)).cells) if critic is not None else 0.0
    score = heard + PLAN_WEIGHT * float(np.mean(list(fits.values())))
    return replace(take, score=score, reasons=tuple(reasons(plan, take.roll, curves, fits["density"])))


def struck_cuts(plan: MusicPlan, roll: PianoRoll) -> tuple[int, int]:
    """(cuts on which something strikes, cuts that the tempo meets)."""
    busy: np.ndarray = np.any(roll.cells[0::2], axis=(0, 2))
    at = [min(round(cut.beat * STEPS_PER_BEAT), len(busy) - 1) for cut in plan.cuts if cut.snapped]
    return int(busy[at].sum()), len(at)


def fit_to_plan(plan: MusicPlan, roll: PianoRoll, curves: Curves) -> dict[str, float]:
    """0..1 each: cuts struck; correlation of density and polyphony with the plan's curves; the mode that was asked.

    `curves` are the roll's.
    """
    hit, cuts = struck_cuts(plan, roll)
    fits = {"cuts": hit / cuts if cuts else 1.0}
    for name in ("density", "polyphony"):
        asked, heard = getattr(plan.curves, name), getattr(curves, name)
        varied = min(float(np.std(asked)), float(np.std(heard))) > 1e-6
        fits[name] = max(0.0, float(np.corrcoef(asked, heard)[0, 1])) if varied else 0.5
    scale = np.isin((np.arange(PITCHES) + LOWEST_PITCH - plan.key.tonic) % 12, SCALES[plan.key.mode])
    by_key = roll.cells[0::2].sum((0, 1))
    fits["mode"] = float(by_key[scale].sum()) / max(1.0, float(by_key.sum()))
    return fits


SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}


def reasons(plan: MusicPlan, roll: PianoRoll, curves: Curves, follows: float) -> list[str]:
    """Why a take is as it is, for people: cuts first, then what it has more or less of than the plan asks for.

    `curves` are the roll's; `follows` 0..1 is how closely its density follows the plan's.
    """
    hit, cuts = struck_cuts(plan, roll)
    said = [f"strikes {hit} of {cuts} cuts"] if cuts else []
    register = float(np.mean(curves.register) - np.mean(plan.curves.register))
    said += ["bright"] if register > HIGH else ["warm"] if register < -HIGH else []
    for name, limit, more, less in (("density", BUSY, "a little busy", "spare"), ("polyphony", FULL, "full", "thin")):
        has: np.ndarray = getattr(curves, name)
        asked: np.ndarray = getattr(plan.curves, name)
        ratio = float(np.mean(has)) / max(float(np.mean(asked)), 1e-6)
        said += [more] if ratio > limit else [less] if ratio < 1 / limit else []
    if not sounding(roll.cells)[0].any():
        said.append("no melody")
    return said if len(said) > 1 or follows <= 0.7 else [*said, "follows the plan closely"]
