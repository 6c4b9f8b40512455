"""Project files: a take with its plan, notes, options, gains and other takes as one small JSON file without the video.

A file from somewhere else is not trusted: it is read up to `LARGEST` bytes, and nothing is inflated past what its plan
can need.
"""

import base64
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffbgm import codec, files
from diffbgm.errors import InputError, OptionError, OutputError, PlanError
from diffbgm.options import ScoreOptions
from diffbgm.planner import check_plan, check_plan_fits
from diffbgm.render.remix import LOUDEST
from diffbgm.result import Result, Take
from diffbgm.setting import PATH, checked
from diffbgm.typed import typed
from diffbgm.types import BEATS_PER_BAR, PITCHES, STEPS_PER_BEAT, MusicPlan, PianoRoll, Track, VideoFeatures
from diffbgm.video import analyze

FORMAT = "diffbgm project"
VERSION = 1
SUFFIX = ".project.json"
LARGEST = 256_000  # bytes
MOST_TAKES = 16
MOST_OF_TRACKS = 4_000_000  # bytes that tracks may be inflated to
MOST_TRACKS = 64


@dataclass(frozen=True, eq=False)
@typed(InputError)
class Project:
    """What a project file holds.

    Attributes:
        plan: Of the take; its `video` names the video by duration and a digest of its cuts.
        roll: The notes.
        options: All options, the seed included.
        gains: dB by stem.
        takes: The other takes and this one, the best first.
        name: What the video's file was called.
        tracks: What the notes are arranged to, where `retake` left bars of another seed; else that follows from them.
        retakes: What the receipt says of these bars.
        video: Where the video is, if it was looked for.
        features: What its pictures say, if it was looked at.

    """

    plan: MusicPlan
    roll: PianoRoll
    options: ScoreOptions
    gains: Mapping[str, float]
    takes: tuple[Take, ...]
    name: str
    tracks: tuple[Track, ...] = ()
    retakes: tuple[Mapping[str, Any], ...] = ()
    video: Path | None = None
    features: VideoFeatures | None = None


@checked(result=Result, path=PATH)
def save_project(result: Result, path: str | os.PathLike[str]) -> Path:
    """Write a take as a project of at most `LARGEST` bytes; where it would be larger, without the other takes.

    Raises:
        OutputError: It is too long a piece all the same, or cannot be written there.

    """
    plain: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "video": result.source.name,
        "plan": codec.to_plain(result.plan),
        "roll": pack_roll(result.roll),
        "options": result.options.to_plain(),
        "gains": {name: max(gain, -200.0) for name, gain in result.gains.items()},
        **_of_retakes(result),
        "takes": [
            {"seed": t.seed, "score": t.score, "reasons": list(t.reasons), "roll": pack_roll(t.roll)}
            for t in result.takes[:MOST_TAKES]
        ],
    }
    fewer: dict[str, Any] = {**plain, "takes": []}
    for smaller in (plain, fewer):
        text = json.dumps(smaller, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        if len(text.encode()) <= LARGEST:
            return files.write_text(path, text)
    raise OutputError(
        f"{path}: a piece of {result.plan.bars} bars does not fit a project of {LARGEST} bytes; save its plan"
    )


@checked(path=PATH, video=PATH)
def load_project(path: str | os.PathLike[str], video: str | os.PathLike[str] | None = None) -> Project:
    """Read a project, and look at its video where one is named.

    Args:
        path: Of the project.
        video: The video that it belongs to; None leaves that for later.

    Raises:
        InputError: The file cannot be read, or is no project.
        PlanError: Its plan does not hold together, or belongs to another video or edit (then: `recut`).
        VideoError: The video cannot be read.

    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({files.reason_of(e)})") from e
    if len(data) > LARGEST:
        raise InputError(f"{path}: is larger than a project may be ({LARGEST} bytes)")
    try:
        project = _read(data)
    except (PlanError, OptionError) as e:
        raise type(e)(f"{path}: {e}") from e
    except InputError as e:
        raise InputError(f"{path}: {e}") from e
    if video is None:
        return project
    features = analyze(video, semantics=project.options.semantics or "auto", with_sound=False)
    check_plan_fits(project.plan, features)
    return replace(project, video=Path(video), features=features)


def _read(data: bytes) -> Project:
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise InputError("is no JSON; save the project again") from e
    given = cast("dict[str, Any]", plain) if isinstance(plain, dict) else {}
    if given.get("format") != FORMAT:
        raise InputError("is no project of diffbgm")
    if given.get("version") != VERSION:
        raise InputError(f"is a project of version {given.get('version')!r}; this diffbgm reads {VERSION}")
    plan = codec.from_plain(MusicPlan, given.get("plan"))
    check_plan(plan)
    name = given.get("video")
    if not isinstance(name, str) or os.path.basename(name) != name:
        raise InputError(f"video must be the name of a file, without folders, got {str(name)[:60]!r}")
    options = ScoreOptions.from_receipt({"options": given.get("options")})
    takes = given.get("takes", [])
    if not isinstance(takes, list) or len(takes := cast("list[Any]", takes)) > MOST_TAKES:
        raise InputError(f"takes must be a list of at most {MOST_TAKES}")
    roll = unpack_roll(given.get("roll"), plan)
    tracks = unpack_tracks(given["tracks"], plan) if "tracks" in given else ()
    gains = _gains(given.get("gains", {}))
    told = given.get("retakes", [])
    if not isinstance(told, list):
        raise InputError("retakes must be a list")
    retakes = tuple(fields_of(one) for one in cast("list[Any]", told))
    return Project(plan, roll, options, gains, tuple(_take(t, plan) for t in takes), name, tracks, retakes)


def _of_retakes(result: Result) -> dict[str, Any]:
    """What a project holds of bars that were made anew."""
    retakes = result.receipt.get("retakes")
    return {"tracks": pack_tracks(result.score.tracks), "retakes": list(retakes)} if retakes else {}


def _gains(plain: Any) -> dict[str, float]:
    if not isinstance(plain, dict):
        raise InputError("gains must be dB by stem")
    gains: dict[str, float] = {}
    for name, gain in cast("dict[str, Any]", plain).items():
        if isinstance(gain, bool) or not isinstance(gain, int | float) or not -1e4 < gain <= LOUDEST:
            raise InputError(f"gains: {name[:40]!r} must be a number of dB, got {str(gain)[:40]}")
        gains[name] = float(gain)
    return gains


def _take(plain: Any, plan: MusicPlan) -> Take:
    given = fields_of(plain)
    seed, score, reasons = given.get("seed"), given.get("score"), given.get("reasons")
    if type(seed) is not int or not 0 <= seed < 2**63 or type(score) not in (int, float):
        raise InputError("a take must have a seed and a score")
    if not isinstance(reasons, list) or not all(isinstance(r, str) for r in cast("list[Any]", reasons)):
        raise InputError("the reasons of a take must be texts")
    return Take(
        seed, unpack_roll(given.get("roll"), plan), float(cast("float", score)), tuple(cast("Sequence[str]", reasons))
    )


def fields_of(plain: Any) -> Mapping[str, Any]:
    """The fields of a JSON object; none of anything else."""
    return cast("Mapping[str, Any]", plain) if isinstance(plain, dict) else {}


def pack_roll(roll: PianoRoll) -> dict[str, Any]:
    """Cells as bits and the velocities of the onsets, both deflated, in base64."""
    struck = roll.cells[0::2] > 0
    packed = {"cells": np.packbits(roll.cells).tobytes()}
    if roll.velocity is not None:
        packed["velocity"] = roll.velocity[struck].tobytes()
    return {name: _deflate(raw) for name, raw in packed.items()}


def pack_tracks(tracks: Sequence[Track]) -> str:
    """The arrangement as JSON, deflated, in base64."""
    return _deflate(codec.to_json(list(tracks)).encode())


def unpack_tracks(plain: Any, plan: MusicPlan) -> tuple[Track, ...]:
    """The arrangement of a plan as `pack_tracks` wrote it.

    Raises:
        InputError: It is damaged, or has notes outside of the plan.

    """
    try:
        tracks = codec.from_plain(tuple[Track, ...], json.loads(_inflate(plain, MOST_OF_TRACKS)))
    except (ValueError, RecursionError, PlanError) as e:
        raise InputError("its tracks are damaged; save the project again") from e
    if len(tracks) > MOST_TRACKS or any(
        not 0 <= note.start < note.end <= plan.beats + BEATS_PER_BAR for track in tracks for note in track.notes
    ):
        raise InputError("its tracks have notes outside of its plan; save the project again")
    return tracks


def unpack_roll(plain: Any, plan: MusicPlan) -> PianoRoll:
    """The roll of a plan as `pack_roll` wrote it.

    Raises:
        InputError: It is damaged, or has another length than the plan.

    """
    given = fields_of(plain)
    shape = (4, plan.beats * STEPS_PER_BEAT, PITCHES)
    bits = _inflate_all(given.get("cells"), -(-int(np.prod(shape)) // 8))
    cells = np.unpackbits(np.frombuffer(bits, np.uint8), count=int(np.prod(shape))).reshape(shape)
    if "velocity" not in given:
        return PianoRoll(cells)
    struck = cells[0::2] > 0
    velocity = np.zeros(struck.shape, np.uint8)
    velocity[struck] = np.frombuffer(_inflate_all(given["velocity"], int(struck.sum())), np.uint8)
    return PianoRoll(cells, velocity)


def _deflate(raw: bytes) -> str:
    """Bytes as `_inflate` reads them."""
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def _inflate(text: Any, most: int) -> bytes:
    """What was deflated; never more than `most` bytes are made."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), most)
    except (TypeError, ValueError, zlib.error) as e:
        raise InputError("the notes are damaged; save the project again") from e


def _inflate_all(text: Any, size: int) -> bytes:
    """Exactly `size` bytes; one more at most is made."""
    raw = _inflate(text, size + 1)
    if len(raw) != size:
        raise InputError("the notes do not fit the plan; save the project again")
    return raw
