"""The front door: `DiffBGM.from_pretrained().score("clip.mp4").save("scored.mp4")`."""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from diffbgm import hub
from diffbgm.arrange import arrange
from diffbgm.compose import ComposeOptions, Keep, compose
from diffbgm.errors import InputError
from diffbgm.media import read_audio
from diffbgm.planner import apply_bar_map, make_plan, recut
from diffbgm.receipt import make_receipt
from diffbgm.render import render
from diffbgm.render.ducking import find_speech, mix_under
from diffbgm.result import KeepAudio, Result
from diffbgm.sampling import Guidance
from diffbgm.types import Cut, MusicPlan, PianoRoll, VideoFeatures
from diffbgm.video import Semantics, analyze, describe

if TYPE_CHECKING:
    from diffbgm.model import Denoiser

OnProgress = Callable[[float, str], None]
VideoSource = str | os.PathLike[str] | bytes | IO[bytes]


class DiffBGM:
    """A model with what it takes to score videos. It holds no state between calls: threads may share one."""

    def __init__(self, model: "Denoiser", origin: hub.Origin) -> None:
        self.model = model
        self.origin = origin

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | None = None,
        local_files_only: bool = False,
        device: str | None = None,
    ) -> "DiffBGM":
        """The weights that come with the package (None), those in a folder, or those of a Hub repository.

        A Hub repository ("owner/name", at `revision`: a branch, tag or commit) is looked for in the local cache first,
        and downloaded once; `cache_dir` and `token` are by default those of huggingface_hub; `local_files_only` asks no
        network. `device`: "cpu", "cuda", ...; None lets accelerate choose. Raises WeightsError where there are
        no weights, or damaged ones.
        """
        from diffbgm.device import make_accelerator

        model, origin = hub.load(
            name_or_path, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only
        )
        return cls(model.to(device or make_accelerator().device), origin)

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
        keep: Keep | None = None,
        on_progress: OnProgress | None = None,
    ) -> PianoRoll:
        """The piano roll [4, 4 B, 88] for a plan of B beats, in the plan's key. `keep` holds music that is to stay."""
        return compose(self.model, plan, options_of(seed, steps, guidance), keep=keep, on_progress=on_progress)

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
        on_progress: OnProgress | None = None,
    ) -> Result:
        """Looks at the video, plans, composes, arranges and renders; nothing is written until `Result.save`.

        video       a path, the bytes of a file, or an open binary file.
        style       tags from `diffbgm.STYLES`, a list or "calm,piano"; prompt: free text that is turned into tags.
        semantics   what reads the pictures: "colour", "clip", or "auto" (CLIP where it is at hand); see `analyze`.
        seed        the same seed gives the same music on the same machine; None draws one (it is in the receipt).
        steps       of the sampler (default 24); guidance: how strictly the plan is followed (default 1.5), or a pair
                    (rhythm, mood).
        keep_audio  "replace" the video's own sound, "mix" the music under it, or "duck" the music where people speak.
        fade        seconds of the final fade.
        plan, roll, features   from an earlier run, to skip those steps: edit a plan and pass it back.
        on_progress called with (fraction 0..1, message); an exception raised there cancels.

        Raises VideoError, StyleError, PlanError (the caller's to mend), WeightsError or RenderError.
        """
        if keep_audio not in ("replace", "mix", "duck"):
            raise InputError(f"keep_audio must be replace, mix or duck, got {keep_audio!r}")
        options = options_of(seed, steps, guidance)
        path, kept = as_file(video)
        clock = Clock(on_progress)
        with clock.stage("analyze", 0.0, 0.25) as told:
            features = features or analyze(path, semantics=semantics, on_progress=told)
            own = None if keep_audio == "replace" else read_audio(path)
            speech = find_speech(own) if own is not None and keep_audio == "duck" else []
        with clock.stage("plan", 0.25, 0.28):
            plan = plan or make_plan(features, style, prompt=prompt)
        with clock.stage("compose", 0.28, 0.7) as told:
            roll = roll or compose(self.model, plan, options, on_progress=told)
        with clock.stage("arrange", 0.7, 0.72):
            music = arrange(roll, plan, seed=options.seed, speech=speech)
        with clock.stage("render", 0.72, 1.0) as told:
            sound = render(music, duration=plan.duration, fade=fade, on_progress=told)
            audio = sound.mix if own is None else mix_under(own, sound.mix, "duck" if speech else "mix", speech)
        return Result(
            plan=plan,
            roll=roll,
            score=music,
            audio=audio,
            music=sound.mix,
            stems=sound.stems,
            features=features,
            seed=options.seed,
            source=path,
            receipt=make_receipt(
                plan,
                audio,
                seed=options.seed,
                steps=options.steps,
                guidance=asdict(options.guidance),
                model=asdict(self.origin),
                sound={
                    "loudness_lufs": round(sound.lufs, 2),
                    "true_peak_dbtp": round(sound.true_peak, 2),
                    "keep_audio": keep_audio,
                    "speech": [[round(a, 3), round(b, 3)] for a, b in speech],
                    "synthesizer": sound.synthesizer,
                    "soundfont": sound.soundfont,
                },
                scene=describe(features),
                timings=clock.seconds,
            ),
            _keep=kept,
        )

    def recut(
        self,
        result: Result,
        video: VideoSource | VideoFeatures | Sequence[Cut],
        *,
        on_progress: OnProgress | None = None,
    ) -> Result:
        """The same music under a new edit: its notes stay, the tempo map is fitted to the new cuts, and whole bars come
        or go only where the edit took pictures away or put some in.

        video  the new edit; or only its cuts (or features), and then the pictures of `result` stay.
        """
        source, kept, features = result.source, None, result.features
        if isinstance(video, VideoFeatures):
            features = video
        elif isinstance(video, Sequence) and not isinstance(video, str | bytes):
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
        return replace(scored, _keep=kept or result._keep)


def options_of(
    seed: int | None, steps: int | None, guidance: float | tuple[float, float] | Guidance | None
) -> ComposeOptions:
    """The defaults where None is given; a fresh seed where none is."""
    options = ComposeOptions(seed=secrets.randbelow(2**31) if seed is None else seed)
    if steps is not None:
        options = replace(options, steps=steps)
    if isinstance(guidance, tuple):
        guidance = Guidance(*guidance)
    elif guidance is not None and not isinstance(guidance, Guidance):
        guidance = Guidance(guidance, guidance)
    return options if guidance is None else replace(options, guidance=guidance)


def as_file(video: VideoSource) -> tuple[Path, object]:
    """A path to the video, and what keeps it alive: bytes and open files are put into a temporary file."""
    if isinstance(video, (str, os.PathLike)):
        return Path(video), None
    content = video if isinstance(video, bytes) else video.read()
    kept = tempfile.TemporaryDirectory(prefix="diffbgm-")
    path = Path(kept.name) / "video"
    path.write_bytes(content)
    return path, kept


class Clock:
    """Seconds per stage, and one progress from 0 to 1 over all of them."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._tell = on_progress

    @contextmanager
    def stage(self, name: str, start: float, end: float) -> Iterator[OnProgress]:
        began = time.monotonic()

        def tell(fraction: float, message: str) -> None:
            if self._tell:
                self._tell(start + (end - start) * min(max(fraction, 0.0), 1.0), message)

        tell(0.0, name)
        yield tell
        self.seconds[name] = time.monotonic() - began
