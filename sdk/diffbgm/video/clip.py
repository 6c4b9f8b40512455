"""What CLIP sees: image embeddings every two seconds, six words of affect, style tags that suit the pictures.

The embeddings are made as MuVi-Sync's were (ViT-L/14 at 336 pixels, unnormalised, one picture per second, two
averaged), so that the director fitted there can read them. The words are MuVi-Sync's as well: softmax over the scaled
cosines of the picture with "exciting", "fearful", "tense", "sad", "relaxing" and "neutral". That reading is confirmed
by its labels: their log odds are linear in the stored embeddings with R^2 = .998 on held-out videos.

Limits: the words are CLIP's associations, not what an audience felt; text in the picture pulls at them.
"""

import os
import socket
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np

from diffbgm import media
from diffbgm.errors import InputError
from diffbgm.options import Semantics
from diffbgm.progress import Progress, silent
from diffbgm.types import VideoFeatures

if TYPE_CHECKING:
    import torch

MODEL = "openai/clip-vit-large-patch14-336"
PICTURE_SIZE = 768  # pixels of the longer side that are decoded: the shorter one has 336 up to 16:7
BATCH = 16
PATIENCE = 2.0  # seconds that finding out whether there is a network may take
# MuVi-Sync's words with their place in the plane of valence and arousal (Russell, 1980), and the log probability that
# each has on average there, less the mean of the six: what CLIP says to any picture.
WORDS: dict[str, tuple[float, float, float]] = {
    "exciting": (0.5, 0.8, 0.39),
    "fearful": (-0.6, 0.6, 0.69),
    "tense": (-0.5, 0.6, 0.88),
    "sad": (-0.7, -0.6, 0.30),
    "relaxing": (0.6, -0.7, -0.84),
    "neutral": (0.0, 0.0, -1.42),
}
# Over MuVi-Sync's 172,000 seconds the weighted places lie around these; GAIN then puts 5 and 95 % near -.55 and +.65.
MIDDLE = (-0.10, 0.08)
GAIN = 1.6
LEAST = 1e-4  # probabilities below it are not told apart
TEMPLATE = "{} film scene"


class Clip:
    """A CLIP model with its processors, on one device, in eval mode. Texts are embedded once."""

    def __init__(self, model: Any, pictures: Any, texts: Any, device: "torch.device") -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        self.pictures, self.texts, self.device = pictures, texts, device
        self.scale = float(model.logit_scale.exp())
        self._known: dict[str, np.ndarray] = {}

    @classmethod
    def load(cls, name: str, *, local_files_only: bool) -> "Clip":
        """Loads the model from the Hub's cache, the Hub or a folder, as float32, on the device that accelerate picks.

        Raises:
            OSError: It is not there.
        """
        import torch
        import transformers
        from accelerate import PartialState

        tools = cast("Any", transformers)
        with _Quiet():
            model = tools.CLIPModel.from_pretrained(name, dtype=torch.float32, local_files_only=local_files_only)
            pictures = tools.CLIPImageProcessorPil.from_pretrained(name, local_files_only=local_files_only)
            texts = tools.CLIPTokenizer.from_pretrained(name, local_files_only=local_files_only)
        return cls(model, pictures, texts, PartialState().device or torch.device("cpu"))

    def embed_pictures(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """[n, D] unnormalised embeddings of pictures [h, w, 3] uint8 RGB."""
        import torch

        pixels = self.pictures(images=list(pictures), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            return self.model.get_image_features(pixel_values=pixels.to(self.device)).pooler_output.cpu().numpy()

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """[n, D] unnormalised embeddings of texts."""
        import torch

        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            longest = self.model.config.text_config.max_position_embeddings
            tokens = self.texts(new, padding=True, truncation=True, max_length=longest, return_tensors="pt")
            tokens = tokens.to(self.device)
            with torch.inference_mode():
                rows = self.model.get_text_features(**tokens).pooler_output.cpu().numpy()
            self._known |= dict(zip(new, rows, strict=True))
        return np.stack([self._known[text] for text in texts])

    def probabilities(self, embeddings: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """[n, len(texts)] how well each text fits each picture against the others (zero-shot classification)."""
        logits = self.scale * _unit(embeddings) @ _unit(self.embed_texts(texts)).T
        p = np.exp(logits - logits.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """What CLIP reads from a video.

    Attributes:
        clip: [M, D] embeddings, the mean of two pictures each.
        clip_times: [M] seconds.
        words: [S, 6] probabilities of WORDS, one row per picture.
        times: [S] seconds of the pictures.
    """

    clip: np.ndarray
    clip_times: np.ndarray
    words: np.ndarray
    times: np.ndarray


def embed_video(
    clip: Clip,
    path: str | os.PathLike[str],
    duration: float,
    on_progress: Progress | None = None,
    limits: media.Limits | None = None,
) -> ClipFeatures:
    """Walks a video of `duration` seconds at one picture per second; memory holds one batch of pictures."""
    report = on_progress or silent
    times: list[float] = []
    rows: list[np.ndarray] = []
    with closing(media.frames(path, size=PICTURE_SIZE, every=1.0, limits=limits)) as pictures:
        while batch := list(islice(pictures, BATCH)):
            times += [time for time, _ in batch]
            rows.append(clip.embed_pictures([picture for _, picture in batch]))
            report(min(1.0, times[-1] / duration), f"CLIP on {clip.device.type} reads the pictures")
    by_second = np.concatenate(rows)
    pairs, pair_times = average_pairs(by_second, np.array(times), duration)
    return ClipFeatures(pairs, pair_times, clip.probabilities(by_second, list(WORDS)), np.array(times))


def average_pairs(rows: np.ndarray, times: np.ndarray, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """([M, D], [M] seconds) means of the 1st and 2nd row, the 3rd and 4th ...; an odd last one stands alone."""
    starts = np.arange(0, len(rows), 2)
    count = np.minimum(2, len(rows) - starts)
    means = np.add.reduceat(rows, starts, axis=0) / count[:, None]
    ends = np.append(times[starts[1:]], duration)
    return means, (times[starts] + ends) / 2


def words_to_affect(words: np.ndarray) -> np.ndarray:
    """[S, 2] valence and arousal, each -1..1, from how far probabilities [S, 6] of WORDS differ from the usual ones."""
    places = np.array([row[:2] for row in WORDS.values()])
    logs = np.log(np.maximum(np.asarray(words, np.float64), LEAST))
    logs = logs - logs.mean(1, keepdims=True) - np.array([row[2] for row in WORDS.values()])
    p = np.exp(logs)
    return np.tanh(GAIN * (p @ places / p.sum(1, keepdims=True) - np.array(MIDDLE)))


def blend_affect(clip: ClipFeatures, times: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """[N, 2] valence and arousal at `times` [N] in seconds, from CLIP and `colour` [N, 2].

    Valence comes from CLIP; arousal half from CLIP, which sees stills only, and half from `colour`, the affect of
    colour, motion and cutting.
    """
    by_picture = words_to_affect(clip.words)
    valence, arousal = (np.interp(times, clip.times, by_picture[:, k]) for k in (0, 1))
    return np.stack([valence, 0.5 * (arousal + colour[:, 1])], axis=1)


def suggest_tags(clip: Clip, embeddings: np.ndarray, texts: Mapping[str, str], n: int = 3) -> list[tuple[str, float]]:
    """The `n` tags whose texts (tag -> a few adjectives) fit the pictures [M, D] best, each with its probability."""
    asked = [TEMPLATE.format(text) for text in texts.values()]
    p = clip.probabilities(embeddings, asked).mean(0)
    return [(list(texts)[i], float(p[i])) for i in np.argsort(-p)[:n]]


def match_texts(clip: Clip, text: str, texts: Mapping[str, str]) -> list[str]:
    """The tags whose texts (tag -> a few adjectives) lie nearest to a text in the space of CLIP, the nearest first."""
    near = _unit(clip.embed_texts([TEMPLATE.format(t) for t in texts.values()])) @ _unit(clip.embed_texts([text]))[0]
    return [list(texts)[i] for i in np.argsort(-near, kind="stable")]


def sense_of(features: VideoFeatures, texts: Mapping[str, str]) -> Callable[[str], list[str]] | None:
    """`match_texts` with the model that has read a video; None where none has."""
    clip = choose_clip("clip") if features.semantics == "clip" else None
    return None if clip is None else partial(match_texts, clip, texts=texts)


def choose_clip(semantics: Semantics) -> Clip | None:
    """The model to use, or None for colour alone.

    "clip" takes it from the cache, else from the Hub; where neither can be had it warns once and colour has to do.
    "auto" takes it where it is cached, or where a GPU and the network are there, and says nothing otherwise.
    Raises InputError for any other word.
    """
    if semantics not in get_args(Semantics):
        raise InputError(f"semantics must be one of {', '.join(get_args(Semantics))}, got {semantics!r}")
    if semantics == "colour":
        return None
    if find_spec("transformers") is None or find_spec("PIL") is None:
        return _without(semantics, "transformers is not installed: pip install diffbgm[clip]")
    problem = "it is not in the cache and there is no network"
    if _is_cached(MODEL):
        try:
            return _load(MODEL, True)
        except (OSError, ValueError) as e:  # cached in part
            problem = str(e).strip().splitlines()[0]
    if (semantics == "clip" or _has_gpu()) and _is_reachable():
        try:
            return _load(MODEL, False)
        except (OSError, ValueError) as e:
            problem = str(e).strip().splitlines()[0]
    return _without(semantics, problem)


@lru_cache(maxsize=1)
def _load(name: str, local_files_only: bool) -> Clip:
    return Clip.load(name, local_files_only=local_files_only)


def _without(semantics: Semantics, problem: str) -> None:
    if semantics == "clip":
        warnings.warn(f"no CLIP ({MODEL}), colour and motion have to do: {problem}", RuntimeWarning, stacklevel=5)


def _is_cached(name: str) -> bool:
    """Whether a folder, or the Hub's cache, holds the model's configuration; asks no network."""
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json"), str)


def _has_gpu() -> bool:
    """Whether torch has a GPU; torch is not imported where no driver is."""
    if not any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        return False
    import torch

    return torch.cuda.is_available()


def _is_reachable() -> bool:
    """Whether the Hub answers within PATIENCE; a name server that does not answer cannot hold this up."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        return False
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co").split("://")[-1].split("/")[0]
    host, _, port = address.partition(":")
    answered = threading.Event()

    def call() -> None:
        try:
            socket.create_connection((host, int(port or 443)), timeout=PATIENCE).close()
        except OSError:
            return
        answered.set()

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(PATIENCE)
    return answered.is_set()


class _Quiet:
    """No bars and reports from transformers while a model is loaded."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._level, self._bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self._level)
        if self._bar:
            logging.enable_progress_bar()


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
