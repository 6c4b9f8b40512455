"""The front door: `DiffBGM.from_pretrained().score("clip.mp4").save("scored.mp4")`."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from diffbgm import hub
from diffbgm.errors import InputError
from diffbgm.options import Guidance, KeepAudio, ScoreOptions, Semantics
from diffbgm.planner import apply_bar_map, recut
from diffbgm.progress import Clock, Progress
from diffbgm.result import Result
from diffbgm.stages import analyze_and_plan, arrange_and_render, options_of
from diffbgm.types import Cut, MusicPlan, PianoRoll, VideoFeatures
from diffbgm.video import analyze

if TYPE_CHECKING:
    import torch

    from diffbgm.composer import Denoiser
    from diffbgm.composer.compose import Keep

VideoSource = str | os.PathLike[str] | bytes | bytearray | IO[bytes]


class DiffBGM:
    """A model with what it takes to score videos. It holds no state between calls: threads may share one."""

    def __init__(self, model: "Denoiser", origin: hub.Origin, dtype: "torch.dtype | None" = None) -> None:
        self.model = model
        self.origin = origin
        self.dtype = dtype

    def __repr__(self) -> str:
        device = next(self.model.parameters()).device
        return f"DiffBGM({self.origin.id!r}, device={str(device)!r}, sha256={self.origin.sha256[:12]!r})"

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | None = None,
        local_files_only: bool = False,
        device: "torch.device | str | None" = None,
        dtype: "torch.dtype | str | None" = None,
    ) -> "DiffBGM":
        """The weights that come with the package (None), those in a folder, or those of a Hub repository.

        A Hub repository ("owner/name", at `revision`: a branch, tag or commit) is looked for in the local cache first,
        and downloaded once; `cache_dir` and `token` are by default those of huggingface_hub; `local_files_only` asks no
        network. `device`: "cpu", "cuda", ...; None lets accelerate choose. `dtype`: what to compute in, "float32" or
        "bfloat16"; None: bfloat16 where the hardware is fast at it, else float32. Raises WeightsError where there are
        no weights, or damaged ones, InputError for another `dtype`.
        """
        from diffbgm.composer.device import find_device

        precision = read_dtype(dtype)
        model, origin = hub.load(
            name_or_path, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only
        )
        return cls(model.to(find_device(device)), origin, precision)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Writes config.json and model.safetensors (float32) into `folder`, for `from_pretrained`; returns it."""
        return hub.save_weights(self.model, Path(folder))

    def push_to_hub(self, repo: str, *, token: str | None = None, private: bool = False) -> str:
        """Puts the weights with a short card into the Hub repository `repo` ("owner/name"), made where it is not there
        yet (`private` or not). Returns the commit's address; raises OutputError where that is not possible."""
        with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
            files = hub.card_files(self.save_pretrained(folder), repo)
            return hub.push(files, repo, token=token, private=private)

    def compose(
        self,
        plan: MusicPlan,
        *,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | tuple[float, float] | Guidance | None = None,
        keep: "Keep | None" = None,
        on_progress: Progress | None = None,
    ) -> PianoRoll:
        """The piano roll [4, 4 B, 88] for a plan of B beats, in the plan's key. `keep` holds music that is to stay."""
        from diffbgm.composer.compose import compose

        options = options_of(ScoreOptions(seed=seed, steps=steps, guidance=guidance), draw_seed())
        return compose(self.model, plan, replace(options, dtype=self.dtype), keep=keep, on_progress=on_progress)

    def score(
        self,
        video: VideoSource,
        *,
        style: str | Sequence[str] = (),
        prompt: str = "",
        semantics: Semantics = "auto",
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | tuple[float, float] | Guidance | None = None,
        keep_audio: KeepAudio = "replace",
        fade: float | None = None,
        plan: MusicPlan | None = None,
        roll: PianoRoll | None = None,
        features: VideoFeatures | None = None,
        on_progress: Progress | None = None,
    ) -> Result:
        """Looks at the video, plans, composes, arranges and renders; nothing is written until `Result.save`.

        video       a path, the bytes of a file, or an open binary file.
        style       tags from `diffbgm.STYLES`, a list or "calm,piano"; prompt: free text that is turned into tags.
        semantics   what reads the pictures: "colour", "clip", or "auto" (CLIP where it is at hand); see `analyze`.
        seed        the same seed gives the same music on the same machine; None draws one (it is in the receipt).
        steps       of the sampler (default 64); guidance: how strictly the plan is followed (default 1), or a pair
                    (dynamic, semantic).
        keep_audio  "replace" the video's own sound, "mix" the music under it, or "duck" the music where people speak.
        fade        seconds of the final fade.
        plan, roll, features   from an earlier run, to skip those steps: edit a plan and pass it back.
        on_progress called with (fraction 0..1, message); an exception raised there cancels.

        Raises VideoError, StyleError, PlanError (the caller's to mend), WeightsError or RenderError.
        """
        from diffbgm.composer.compose import compose

        settings = ScoreOptions(
            style=style,
            prompt=prompt,
            semantics=semantics,
            seed=seed,
            steps=steps,
            guidance=guidance,
            keep_audio=keep_audio,
            fade=fade,
        )
        options = replace(options_of(settings, draw_seed()), dtype=self.dtype)
        path, kept = as_file(video)
        clock = Clock(on_progress)
        planned = analyze_and_plan(path, settings, clock, features=features, plan=plan)
        with clock.stage("compose", 0.28, 0.7) as told:
            roll = roll or compose(self.model, planned.plan, options, on_progress=told)
        result = arrange_and_render(path, planned, roll, settings, options, self.origin, clock)
        return replace(result, holder=kept)

    def recut(
        self,
        result: Result,
        video: VideoSource | VideoFeatures | Sequence[Cut],
        *,
        on_progress: Progress | None = None,
    ) -> Result:
        """The same music under a new edit: its notes stay, the tempo map is fitted to the new cuts, and whole bars come
        or go only where the edit took pictures away or put some in.

        video  the new edit; or only its cuts (or features), and then the pictures of `result` stay.
        """
        source, kept, features = result.source, None, result.features
        if isinstance(video, VideoFeatures):
            features = video
        elif isinstance(video, Sequence) and not isinstance(video, str | bytes | bytearray):
            features = replace(features, cuts=tuple(video))
        else:
            source, kept = as_file(video)
            features = analyze(source)
        new = recut(result.plan, features)
        scored = self.score(
            source,
            features=features,
            plan=new.plan,
            roll=apply_bar_map(result.roll, new.bars),
            seed=result.seed,
            steps=result.receipt["steps"],
            keep_audio=result.receipt["keep_audio"],
            on_progress=on_progress,
        )
        return replace(scored, holder=kept or result.holder)


def read_dtype(dtype: "torch.dtype | str | None") -> "torch.dtype | None":
    """The dtype of that name; None stays None."""
    import torch

    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if dtype is not None and found not in (torch.float32, torch.bfloat16, torch.float16):
        raise InputError(f"dtype must be float32, bfloat16 or float16, got {dtype!r}")
    return found


def draw_seed() -> int:
    """One that is nobody's."""
    return secrets.randbelow(2**31)


def as_file(video: VideoSource) -> tuple[Path, object]:
    """A path to the video, and what keeps it alive: bytes and open files are put into a temporary file."""
    if isinstance(video, (str, os.PathLike)):
        return Path(video), None
    kept = tempfile.TemporaryDirectory(prefix="diffbgm-")
    path = Path(kept.name) / "video"
    try:
        with open(path, "wb") as file:
            if isinstance(video, bytes | bytearray):
                file.write(video)
            else:
                shutil.copyfileobj(video, file)
    except (TypeError, AttributeError) as e:
        raise InputError(f"a video is a path, bytes or a file opened with 'rb', not {type(video).__name__}") from e
    return path, kept
