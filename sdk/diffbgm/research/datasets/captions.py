"""Captions of shots, by any image-to-text model of transformers that needs no prompt (BLIP, GIT, ViT-GPT2 ...).

One picture speaks for a shot, the one in its middle; words are taken greedily, so that the same picture always gets the
same words. Limits: what happens in a shot is not seen, only how it looks.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm import media
from diffbgm.errors import InputError

if TYPE_CHECKING:
    import torch

PICTURE_SIZE = 512  # pixels of the longer side that the model gets to see at most
WORDS = 30  # tokens of a caption at most
BATCH = 8


class Captioner:
    """A captioning model with its processor, on one device, in eval mode."""

    def __init__(self, model: Any, processor: Any, device: "torch.device") -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        self.processor, self.device = processor, device

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[str]:
        """A caption for each picture [h, w, 3] uint8 RGB."""
        import torch

        inputs = self.processor(images=list(pictures), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            tokens = self.model.generate(**inputs, max_new_tokens=WORDS, do_sample=False, num_beams=1)
        return [" ".join(text.split()) for text in self.processor.batch_decode(tokens, skip_special_tokens=True)]


@lru_cache(maxsize=1)
def load_captioner(name: str) -> Captioner:
    """From a folder, the Hub's cache or the Hub. Raises InputError where it is not to be had or is no such model."""
    try:
        import torch
        from accelerate import PartialState
        from transformers import AutoModelForImageTextToText, AutoProcessor
    except ImportError as e:
        raise InputError("captions need transformers: pip install diffbgm[clip]") from e
    try:
        model = AutoModelForImageTextToText.from_pretrained(name, dtype=torch.float32)
        processor = AutoProcessor.from_pretrained(name)
    except (OSError, ValueError) as e:
        reason = str(e).strip().splitlines()[0]
        raise InputError(f"no captioning model at {name!r}: {reason}; give a folder or a Hub id of one") from e
    return Captioner(model, processor, PartialState().device or torch.device("cpu"))


def caption_shots(
    captioner: Captioner, path: str | os.PathLike[str], shots: Sequence[tuple[float, float]]
) -> tuple[str, ...]:
    """A caption for every shot (start, end) of a video, in one walk; memory holds a few pictures."""
    captions: list[str] = []
    batch: list[np.ndarray] = []
    for picture in middles(path, shots):
        batch.append(picture)
        if len(batch) == BATCH:
            captions += captioner(batch)
            batch.clear()
    if batch:
        captions += captioner(batch)
    return tuple(captions)


def middles(path: str | os.PathLike[str], shots: Sequence[tuple[float, float]]) -> Iterable[np.ndarray]:
    """The picture on the screen in the middle of every shot; the last one where the video ends before that."""
    wanted = [(start + end) / 2 for start, end in shots]
    shown = None
    with closing(media.frames(path, size=PICTURE_SIZE)) as pictures:
        for time, picture in pictures:
            while wanted and shown is not None and time > wanted[0]:
                yield shown
                wanted.pop(0)
            shown = picture
            if not wanted:
                return
    for _ in wanted:
        assert shown is not None
        yield shown
