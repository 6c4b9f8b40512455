"""The process that reads damaged inputs: a line with a kind and a path comes in, a line with the outcome goes out.

Run as `python -m tests.robustness.child FOLDER`; FOLDER holds the undamaged inputs of `tests.robustness.drawn`.
"""

import json
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import av
import torch
from tests.music import make_plan

from diffbgm import media
from diffbgm.batch.manifest import read_manifest
from diffbgm.composer.compose import compose
from diffbgm.errors import DiffBGMError
from diffbgm.hub import load_weights
from diffbgm.midi import read_midi
from diffbgm.options import ComposeOptions, ScoreOptions
from diffbgm.planner import read_plan
from diffbgm.progress import Clock
from diffbgm.research.datasets.corpora import read_corpus
from diffbgm.research.datasets.pop909 import read_song, song_files
from diffbgm.stages import analyze_and_plan

LONGEST = 60.0  # seconds that may be believed of a film of 1.2 s
STEPS = 4


class Believed(Exception):
    """The length of a damaged film was taken from what it claims."""


def _is_slow_avi(path: Path, duration: float) -> bool:
    """Whether a film is as long as its pictures at the rate of its AVI, which holds no other time of a picture."""
    with av.open(str(path)) as container:
        rate, pictures = container.streams.video[0].average_rate, sum(p.size > 0 for p in container.demux(video=0))
        return (
            container.format.name == "avi" and bool(rate) and abs(pictures / float(rate) - duration) < 1 / float(rate)
        )


def read_video(path: Path, home: Path) -> None:
    """Everything that scoring does with a film: look, plan, hear, write."""
    planned = analyze_and_plan(path, ScoreOptions(semantics="colour", keep_audio="mix"), Clock())
    if planned.plan.duration > LONGEST and not _is_slow_avi(path, planned.plan.duration):
        raise Believed(f"{planned.plan.duration:.0f} s")
    own = media.read_audio(path, until=planned.plan.duration)
    for suffix in dict.fromkeys((".mp4", media.default_suffix(path))):
        out = path.with_name(f"out{suffix}")
        media.mux(path, own or _silence(), out, duration=planned.plan.duration, own_sound=own is not None)
        with av.open(str(out)) as container:  # what was written holds pictures
            if not any(packet.size for packet in container.demux(video=0)):
                raise ValueError(f"{out.name} holds no picture")


def _silence() -> Any:
    import numpy as np

    from diffbgm.types import Audio

    return Audio(np.zeros((2, 4800), np.float32), 48_000)


def read_music_plan(path: Path, home: Path) -> None:
    """Read and composed."""
    plan = read_plan(path)
    compose(load_weights(home / "weights"), plan, ComposeOptions(steps=STEPS, seed=1))


def read_rows(path: Path, home: Path) -> None:
    """A manifest."""
    read_manifest(path, path.parent / "out")


def read_weights(path: Path, home: Path) -> None:
    """Loaded and played."""
    folder = path.parent / "weights"
    shutil.copytree(home / "weights", folder, dirs_exist_ok=True)
    shutil.copy(path, folder / path.name)
    compose(load_weights(folder), make_plan(8), ComposeOptions(steps=STEPS, seed=1))


def read_receipt(path: Path, home: Path) -> None:
    """The options of a take."""
    ScoreOptions.from_receipt(path)


def read_notes(path: Path, home: Path) -> None:
    """A MIDI file."""
    read_midi(path)


def read_data(path: Path, home: Path) -> None:
    """An archive of pieces."""
    read_corpus(path)


def read_pieces(path: Path, home: Path) -> None:
    """A folder of pieces whose table is damaged."""
    folder = path.parent / "nottingham"
    (folder / "midi").mkdir(parents=True, exist_ok=True)
    shutil.copy(home / "piece.mid", folder / "midi" / "a.mid")
    shutil.copy(path, folder / "index.csv")
    read_corpus(folder)


def read_pop909(path: Path, home: Path) -> None:
    """A song in POP909's layout."""
    for song, files in song_files(home / "pop909").items():
        read_song(song, {**files, path.name: path.read_bytes()})


KINDS = {
    "video": read_video,
    "plan": read_music_plan,
    "manifest": read_rows,
    "weights": read_weights,
    "receipt": read_receipt,
    "midi": read_notes,
    "dataset": read_data,
    "pieces": read_pieces,
    "song": read_pop909,
}


def outcome(kind: str, path: Path, home: Path) -> tuple[str, str]:
    """ "taken", "refused" with its sentence, or "untyped" with the end of the traceback."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind](path, home)
    except DiffBGMError as e:
        said = str(e)
        return ("refused", said) if said.strip() and "\n" not in said.strip() else ("untyped", f"no sentence: {said!r}")
    except Exception as e:
        last = traceback.extract_tb(e.__traceback__)
        ours = next((f for f in reversed(last) if "/diffbgm/" in f.filename), last[-1])
        place = f"{Path(ours.filename).name}:{ours.lineno} {ours.name}"
        return "untyped", f"{type(e).__name__}: {str(e)[:200]} at {place}"
    return "taken", ""


def main() -> None:
    """Answers until its input ends."""
    torch.set_num_threads(1)
    home = Path(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        kind, path = json.loads(line)
        print(json.dumps(outcome(kind, Path(path), home)), file=answers, flush=True)


if __name__ == "__main__":
    main()
