"""Wrong values for every argument of the functions that the SDK shows, drawn from their declarations.

Each is taken as meant, or refused by an error of the package's own tree in one line.
"""

import inspect
import io
import math
import os
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.drawing import Drawn
from tests.networks import playing_network

import diffbgm
from diffbgm import DiffBGM, Guidance, Result, ScoreOptions, hub
from diffbgm.errors import Cancelled, DiffBGMError

NOT_ASKED = {"self", "cls", "on_progress", "token", "private", "cache_dir", "revision"}  # those of the Hub's client
MANY = int(os.environ.get("DIFFBGM_MISUSES", "6"))  # wrong values of each argument; 33 are all
SEED = 18


def wrong_values(folder: Path) -> dict[str, Any]:
    """What people hand in by mistake, by what it is."""
    (folder / "words.txt").write_text("words")
    return {
        "none": None, "true": True, "list": [], "list of words": ["a", 1], "dict": {"a": 1}, "nan": math.nan,
        "infinity": math.inf, "negative": -1, "minus half": -0.5, "huge": 10**400, "big": 2**63, "zero": 0,
        "complex": 1j, "array": np.zeros(3), "numpy nan": np.float32("nan"), "tensor": torch.zeros(2),
        "empty": "", "space": " ", "letters": "été 🎬", "nul": "a\0b", "half a letter": "a\udce9", "digits": "١٢",
        "bytes": b"7", "object": object(), "function": len, "class": int, "set": {1, 2},
        "folder": folder, "missing": folder / "nothing" / "here", "text file": folder / "words.txt",
        "long name": folder / ("x" * 300), "option": "--steps", "pair": (2.0, "x"), "file": io.BytesIO(b"words"),
        "generator": (x for x in "ab"), "range": range(-3, 900),
    }  # fmt: skip


@dataclass
class Door:
    """A function of the SDK with arguments that it takes."""

    name: str
    call: Callable[..., Any]
    given: dict[str, Any]

    def arguments(self) -> list[str]:
        """All that may be handed in, the options of scoring among them."""
        found = inspect.signature(self.call).parameters
        names = [name for name, p in found.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        return [name for name in names if name not in NOT_ASKED]


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    net = playing_network()
    return DiffBGM(net, hub.Origin("tiny", "0", "0" * 64))


@pytest.fixture(scope="module")
def take(model: DiffBGM, clip: Drawn) -> Result:
    return model.score(clip.path, steps=4, seed=1, semantics="colour")


def doors(model: DiffBGM, take: Result, clip: Drawn, folder: Path) -> Iterator[Door]:
    """The functions that `diffbgm.__all__` names, and the methods of what they return."""
    plan, features, project = take.plan, take.features, folder / "take.diffbgm"
    diffbgm.save_project(take, project)
    look = {"features": features, "plan": plan, "roll": take.roll}
    yield Door("analyze", diffbgm.analyze, {"path": clip.path, "semantics": "colour"})
    yield Door("make_plan", diffbgm.make_plan, {"features": features})
    yield Door("recut", diffbgm.recut, {"plan": plan, "video": features})
    yield Door("restyle", diffbgm.restyle, {"plan": plan, "styles": {0: "calm"}})
    yield Door("changed_bars", diffbgm.changed_bars, {"old": plan, "new": plan})
    yield Door("save_project", diffbgm.save_project, {"result": take, "path": folder / "other.diffbgm"})
    yield Door("load_project", diffbgm.load_project, {"path": project, "video": clip.path})
    yield Door("from_pretrained", DiffBGM.from_pretrained, {"name_or_path": folder / "weights", "device": "cpu"})
    yield Door("save_pretrained", model.save_pretrained, {"folder": folder / "weights"})
    yield Door("compose", model.compose, {"plan": plan, "steps": 4})
    yield Door("compose_takes", model.compose_takes, {"plan": plan, "steps": 4, "takes": 1})
    briefly = {"on_progress": stop_late}
    yield Door("score", model.score, {"video": clip.path, **look, **briefly})
    yield Door("use", model.use, {"result": take, "take": 0, **briefly})
    yield Door("restore", model.restore, {"project": diffbgm.load_project(project, clip.path), **briefly})
    yield Door("retake", model.retake, {"result": take, "bars": (0,), "seed": 1, **briefly})
    yield Door("recut of a take", model.recut, {"result": take, "video": features, **briefly})
    yield Door("remix", take.remix, {})
    yield Door("save", take.save, {"path": folder / "out.mid"})
    yield Door("save_files", take.save_files, {"video": folder / "out.mp4"})
    yield Door("save_all", take.save_all, {"folder": folder / "all"})
    yield Door("plot", take.plot, {"path": folder / "out.png"})
    yield Door("Guidance", Guidance, {})
    yield Door("ScoreOptions", ScoreOptions, {})


def stop_late(fraction: float, message: str) -> None:
    """Wrong values are found before a note sounds."""
    if fraction > 0.7:
        raise Cancelled("sounds")


def answer(make: Callable[[], Any], refusal: type[DiffBGMError]) -> str:
    """How a wrong value is answered: "refused", "taken", or what is wrong with that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            make()
        except refusal as e:
            said = str(e)
            return "refused" if said.strip() and "\n" not in said else f"no sentence: {said!r}"
        except Exception as e:
            return f"{type(e).__name__}: {e}"
    return "taken"


def test_wrong_arguments(
    model: DiffBGM, take: Result, clip: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    drawn, bad, count = random.Random(SEED), [], 0
    for door in doors(model, take, clip, tmp_path):
        for name in door.arguments():
            for what in drawn.sample(sorted(wrong_values(tmp_path)), MANY):
                count += 1
                given = {**door.given, name: wrong_values(tmp_path)[what]}
                said = answer(partial(door.call, **given), DiffBGMError)
                if said not in ("refused", "taken"):
                    bad.append(f"{door.name}({name}={what}): {' '.join(said.split())[:150]}")
    assert not bad, f"{len(bad)} of {count}:\n" + "\n".join(bad)
    assert count > 20 * MANY
