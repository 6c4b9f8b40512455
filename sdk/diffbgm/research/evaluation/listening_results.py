"""`diffbgm evaluate listening --read`: what raters said, with intervals, chance, and whether they agree."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import InputError
from diffbgm.research.evaluation.listening import OURS, QUESTIONS, SYSTEMS, systems_by_token
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import interval, resampled_groups

DRAWS = 2000
RATERS = 5  # from so many on, intervals are over raters; below, over clips


@dataclass(frozen=True)
class Choice:
    """One pair: who judged, the film, the system beside ours, and whether ours was chosen, and stood left."""

    rater: str
    clip: str
    rival: str
    ours: bool
    left: bool


@dataclass(frozen=True)
class Rating:
    """One point on a scale of 1 to 5."""

    rater: str
    clip: str
    system: str
    question: str
    value: int


def read_results(files: Sequence[Path]) -> tuple[list[Choice], list[Rating]]:
    """Read the files that raters saved; a rater's later file about the same test replaces the earlier one.

    Raises:
        InputError: There is none, one is not a result of a test, or they are of several tests.

    """
    results: dict[str, dict[str, Any]] = {}
    tests: set[str] = set()
    for path in files:
        result = read_result(path)
        before = results.get(result["rater"])
        if before is None or before["finished"] < result["finished"]:
            results[result["rater"]] = result
        tests.add(result["test"])
    if len(tests) != 1:
        raise InputError(f"--read: {len(files)} files of {len(tests)} tests; give the results of one test")
    choices, ratings = [], []
    for rater, result in results.items():
        for answer in result["answers"]:
            order: list[str] = answer["systems"]
            if answer["kind"] == "pair":
                rival = next(system for system in order if system != OURS)
                choices.append(Choice(rater, answer["clip"], rival, answer["chosen"] == OURS, order[0] == OURS))
            else:
                for question, values in answer["ratings"].items():
                    ratings += [
                        Rating(rater, answer["clip"], s, question, v) for s, v in zip(order, values, strict=True)
                    ]
    return choices, ratings


def read_result(path: Path) -> dict[str, Any]:
    """Return one file with systems in the place of tokens; InputError where it is none of a test."""
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
        asked = {"rater": str(result["rater"]), "finished": str(result["finished"])}
        return {**result, **asked, "answers": [named(answer, result["test"]) for answer in result["answers"]]}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InputError(f"{path}: not the results of a listening test ({e!r}); leave it out") from e


def named(answer: dict[str, Any], test: str) -> dict[str, Any]:
    """Return an answer with systems in the place of tokens; KeyError for a token of another test."""
    who = systems_by_token(test, answer["clip"])
    chosen = {"chosen": who[answer["chosen"]]} if "chosen" in answer else {}
    return {**answer, **chosen, "systems": [who[stimulus] for stimulus in answer["stimuli"]]}


def report_results(files: Sequence[Path], seed: int = 0) -> Report:
    """Return the tables of a test: pairs with a binomial test, scales with intervals, agreement of raters."""
    choices, ratings = read_results(files)
    raters = len({r.rater for r in [*choices, *ratings]})
    clips = len({r.clip for r in [*choices, *ratings]})
    note = f"{raters} raters, {clips} clips, seed {seed}"
    tables = (pair_table(choices, note), scale_table(ratings, note, seed), agreement_table(ratings, note))
    return Report("Listening test", seed, tables, {"raters": raters, "clips": clips})


def pair_table(choices: Sequence[Choice], note: str) -> Table:
    """Return how often ours was chosen, by rival: chance is a half; and how often the left one was, whoever it was."""
    from scipy.stats import binomtest

    rows: list[tuple[Any, ...]] = []
    groups: dict[str, list[bool]] = defaultdict(list)
    for choice in choices:
        groups[choice.rival].append(choice.ours)
    groups = {name: groups[name] for name in SYSTEMS if name in groups}
    groups |= {"all anchors": [c.ours for c in choices], "left one, of either": [c.ours == c.left for c in choices]}
    for name, won in groups.items():
        if won:
            test = binomtest(sum(won), len(won))
            low, high = test.proportion_ci(method="wilson")
            rows.append((name, len(won), float(np.mean(won)), 0.5, f"{low:.3f} to {high:.3f}", float(test.pvalue)))
    columns = ("this model against", "n", "chosen", "chance", "95 %", "p")
    how = f"{note}; two-sided binomial test, Wilson's interval; answers of one rater count as independent"
    return Table("Pairs: which fits the film better", columns, tuple(rows), how)


def scale_table(ratings: Sequence[Rating], note: str, seed: int) -> Table:
    """Return mean opinions from 1 to 5 by system and question, with bootstrap intervals, and the step to ours."""
    over = "raters" if len({r.rater for r in ratings}) >= RATERS else "clips"
    rows: list[tuple[Any, ...]] = []
    for key, text in QUESTIONS:
        mine = [r for r in ratings if r.question == key]
        if not mine:
            continue
        rng = np.random.default_rng([seed, 31])
        draws = resampled_groups([r.rater if over == "raters" else r.clip for r in mine], rng, DRAWS)
        values, systems = np.array([r.value for r in mine], float), np.array([r.system for r in mine])
        sampled = {
            s: np.array([values[d][systems[d] == s].mean() for d in draws]) for s in SYSTEMS if (systems == s).any()
        }
        for system, means in sampled.items():
            low, high = interval(means)
            step = interval(sampled[OURS] - means)
            here = values[systems == system]
            behind = "" if system == OURS else f"{step[0]:.2f} to {step[1]:.2f}"
            rows.append((text, system, len(here), float(here.mean()), f"{low:.2f} to {high:.2f}", behind))
    columns = ("question", "system", "n", "mean of 1..5", "95 %", "this model above it, 95 %")
    return Table("Scales", columns, tuple(rows), f"{note}; bootstrap over {over}, {DRAWS} draws")


def agreement_table(ratings: Sequence[Rating], note: str) -> Table:
    """Return Kendall's W of the raters over all stimuli that all of them rated: 0 for chance, 1 for one opinion."""
    from scipy.stats import friedmanchisquare

    rows: list[tuple[Any, ...]] = []
    for key, text in QUESTIONS:
        by_rater: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
        for r in ratings:
            if r.question == key:
                by_rater[r.rater][r.clip, r.system] = r.value
        shared = sorted(set.intersection(*(set(v) for v in by_rater.values()))) if by_rater else []
        table = np.array([[v[item] for item in shared] for v in by_rater.values()])
        if len(by_rater) < 2 or len(shared) < 3 or (table == table[:, :1]).all():
            rows.append((text, len(by_rater), len(shared), None, None))
            continue
        statistic, p = friedmanchisquare(*table.T)
        rows.append((text, len(by_rater), len(shared), float(statistic / (len(table) * (len(shared) - 1))), float(p)))
    columns = ("question", "raters", "stimuli", "Kendall's W", "p")
    return Table("Do raters agree?", columns, tuple(rows), f"{note}; Friedman's test, ties at their mean rank")
