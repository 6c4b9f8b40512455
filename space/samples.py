"""The examples with their music, scored once when the page starts, so that whoever opens one hears it at once."""

import logging
import os
import threading
from dataclasses import dataclass, replace

from diffbgm.errors import DiffBGMError
from space import films, gpu, work
from space.jobs import COMPOSING, PLACE_EVERY
from space.line import Visitor
from space.settings import PageSettings
from space.storage import make_folder

SEED = 1
SAMPLES: "dict[int, Sample]" = {}
log = logging.getLogger("diffbgm.space")


@dataclass(frozen=True)
class Sample:
    """An example that was looked at, and its take."""

    watched: work.Watched
    take: work.Take


def make_ahead() -> None:
    """Scores the examples one after the other in the background; on ZeroGPU, whose slots are visitors', none."""

    def run() -> None:
        try:
            for index in range(len(films.examples())):
                SAMPLES[index] = make(index, PageSettings())
        except DiffBGMError as e:
            log.warning("not all examples have music: %s", e)

    if not gpu.ZERO_GPU:
        threading.Thread(target=run, daemon=True, name="diffbgm-samples").start()


def make(index: int, settings: PageSettings) -> Sample:
    """An example with its pictures and its music; it waits in the line as visitors do."""

    def quiet(*_: object) -> None: ...

    with COMPOSING.enter(Visitor("the page itself")) as job:
        while not job.ready:
            job.wait(PLACE_EVERY)
        watched = work.with_pictures(work.watch(films.example(index), quiet), make_folder(), quiet)
        wish = work.Wish(work.plan_music(watched, settings), settings, SEED)
        return Sample(watched, work.make_take(watched, wish, quiet))


def find(index: object, settings: PageSettings) -> Sample | None:
    """The sample of an example for untouched knobs, as long as its files are there; they stay a day longer then."""
    sample = SAMPLES.get(index) if isinstance(index, int) else None
    if sample is None or replace(settings, keep="replace") != PageSettings():
        return None
    played = sample.take.played
    files = [*played.stems.values(), *played.exact.values(), *(still.path for still in sample.watched.stills)]
    if not all(path.exists() for path in files):
        return None
    for folder in {path.parent for path in files}:
        os.utime(folder)
    return sample
