"""The front door: `DiffBGM.from_pretrained().score("clip.mp4").save("scored.mp4")`."""

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, cast

from diffbgm import hub
from diffbgm.errors import InputError, OptionError
from diffbgm.options import SETTINGS, ScoreOptions, with_changes
from diffbgm.paths import local_path
from diffbgm.planner import apply_bar_map, recut
from diffbgm.planner.check import read_plan
from diffbgm.planner.restyle import restyle
from diffbgm.progress import Clock, Progress, part_of, silent, together
from diffbgm.project import Project
from diffbgm.render import prepare
from diffbgm.result import Result, Take
from diffbgm.retake import check_bars, check_outside, replace_bars
from diffbgm.setting import MOST_SEED, PATH, checked, need, need_all
from diffbgm.stages import PlannedVideo, analyze_and_plan, arrange_and_render, options_of
from diffbgm.types import Cut, MusicPlan, PianoRoll, VideoFeatures
from diffbgm.video import analyze

if TYPE_CHECKING:
    import torch
    from typing_extensions import Unpack

    from diffbgm.composer import Denoiser
    from diffbgm.composer.compose import Keep
    from diffbgm.options import Changes

T = TypeVar("T")
VideoSource = str | os.PathLike[str] | bytes | bytearray | IO[bytes]
PlanSource = MusicPlan | str | os.PathLike[str]


class DiffBGM:
    """A model with what it takes to score videos. It holds no state between calls: threads may share one."""

    def __init__(self, model: "Denoiser", origin: hub.Origin, dtype: "torch.dtype | None" = None) -> None:
        self._loaded: Later[tuple[Denoiser, hub.Origin]] = Later(lambda: (model, origin))
        self.dtype = dtype
        self._ahead = False  # whether what rendering needs is imported while it composes

    @property
    def model(self) -> "Denoiser":
        """The network; loaded now or waited for where it is not there yet, which may raise what went wrong there."""
        return self._loaded.result()[0]

    @property
    def origin(self) -> hub.Origin:
        """Where the weights came from; waits as `model` does."""
        return self._loaded.result()[1]

    def __repr__(self) -> str:
        device = next(self.model.parameters()).device
        return f"DiffBGM({self.origin.id!r}, device={str(device)!r}, sha256={self.origin.sha256[:12]!r})"

    @classmethod
    @checked(name_or_path=PATH, revision=str, cache_dir=PATH, token=str, local_files_only=bool, wait=bool)
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
        wait: bool = True,
    ) -> "DiffBGM":
        """A model by the name of its weights.

        Args:
            name_or_path: None for the weights that come with the package, a folder, or a Hub repository
                ("owner/name"), which is looked for in the local cache first and downloaded once.
            revision: A branch, tag or commit of the repository.
            cache_dir: The Hub's local cache; by default that of huggingface_hub.
            token: Who is asking the Hub; by default that of huggingface_hub.
            local_files_only: Ask no network.
            device: "cpu", "cuda", ...; None lets accelerate choose.
            dtype: What to compute in: "float32" or "bfloat16"; None takes bfloat16 where the hardware is fast at it,
                else float32.
            wait: False returns at once and loads in a thread, from the first picture that `score` looks at; what
                `Raises` names is then raised where the model is first needed.

        Returns:
            The model, on the device.

        Raises:
            WeightsError: There are no weights of that name, or damaged ones.
            OptionError: There is no such device here, or another `dtype`.
            ForkedProcessError: This process was forked from one that had loaded a model.
        """

        def load() -> "tuple[Denoiser, hub.Origin]":
            from diffbgm.composer.device import find_device

            model, origin = hub.load(
                name_or_path, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only
            )
            return model.to(find_device(device)), origin

        precision = None if dtype is None else read_dtype(dtype)
        if wait:
            return cls(*load(), precision)
        loading = cls.__new__(cls)
        loading.dtype, loading._loaded, loading._ahead = precision, Later(load), True
        return loading

    @checked(folder=PATH)
    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Writes config.json and model.safetensors (float32) into `folder`, for `from_pretrained`; returns it."""
        return hub.save_weights(self.model, Path(folder))

    @checked(repo=str, token=str)
    def push_to_hub(self, repo: str, *, token: str | None = None, private: bool = False) -> str:
        """Puts the weights with a short card into a Hub repository.

        Args:
            repo: "owner/name"; made where it is not there yet.
            token: Who is asking the Hub; by default that of huggingface_hub.
            private: Whether a new repository is private.

        Returns:
            The address of the commit.

        Raises:
            OutputError: The Hub does not take it.
        """
        with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
            files = hub.card_files(self.save_pretrained(folder), repo)
            return hub.push(files, repo, token=token, private=private)

    @checked(options=ScoreOptions)
    def compose(
        self,
        plan: PlanSource,
        options: ScoreOptions | None = None,
        *,
        keep: "Keep | Sequence[Keep] | None" = None,
        on_progress: Progress | None = None,
        **changes: "Unpack[Changes]",
    ) -> PianoRoll:
        """The notes for a plan.

        Args:
            plan: A plan of B beats, or the path of one as JSON.
            options: What is asked of the music; only what the composer reads counts here.
            keep: Music that is to stay as it is, of one take or of several.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.
            changes: Options by name, such as `seed=1`, over those of `options`.

        Returns:
            The piano roll [4, 4 B, 88], in the plan's key.

        Raises:
            OptionError: There is no such option, it is not for composing, or it cannot have this value.
            PlanError: The plan cannot be read, or `keep` does not fit it.
        """
        for name in changes:
            if name in SETTINGS and SETTINGS[name].stage != "compose":
                at = "`diffbgm.stages.plan_music`" if SETTINGS[name].stage == "plan" else "`score`"
                raise OptionError(f"{name} is not for composing; hand it to {at}")
        settings = with_changes(options, changes)
        return self._compose(as_plan(plan), settings, draw_seed(), keep, on_progress)

    def _compose(
        self,
        plan: MusicPlan,
        settings: ScoreOptions,
        seed: int,
        keep: "Keep | Sequence[Keep] | None",
        on_progress: Progress | None,
    ) -> PianoRoll:
        """The notes for a plan; `seed` where the options have none."""
        from diffbgm.composer.compose import compose

        options = replace(options_of(settings, seed), dtype=self.dtype)
        return compose(self.model, plan, options, keep=keep, on_progress=on_progress)

    @checked(options=ScoreOptions)
    def compose_takes(
        self,
        plan: PlanSource,
        options: ScoreOptions | None = None,
        *,
        on_progress: Progress | None = None,
        **changes: "Unpack[Changes]",
    ) -> tuple[Take, ...]:
        """Takes of a plan, ranked by the critic, the best first; see `ScoreOptions.takes_for`.

        The first is drawn with the seed of the options, the others with the seeds after it, each as `compose` makes it
        alone. Their windows share batches.

        Args:
            plan: A plan, or the path of one as JSON.
            options: What is asked of the music.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.
            changes: Options by name, over those of `options`.

        Returns:
            The takes, with scores and reasons.

        Raises:
            OptionError: There is no such option, or it cannot have this value.
            PlanError: The plan cannot be read.
            NoNotesError: A take came out empty.
        """
        settings = with_changes(options, changes)
        return self._takes(as_plan(plan), settings, draw_seed(), on_progress)

    def _takes(
        self, plan: MusicPlan, settings: ScoreOptions, seed: int, on_progress: Progress | None
    ) -> tuple[Take, ...]:
        """The takes of a plan; the first by `seed` where the options have none."""
        from diffbgm.composer.continuous_batching import ComposeJob, compose_many
        from diffbgm.critic import rank_takes

        first, count = options_of(settings, seed), settings.takes_for(plan.duration)
        seeds = [(first.seed + k) % (MOST_SEED + 1) for k in range(count)]
        told = together(on_progress or silent, count)
        jobs = iter(
            [ComposeJob(one, plan, replace(first, seed=one), part) for one, part in zip(seeds, told, strict=True)]
        )
        rolls: dict[int, PianoRoll] = {}
        for one, roll in compose_many(self.model, lambda _: next(jobs, None), dtype=self.dtype):
            if isinstance(roll, Exception):
                raise roll
            rolls[one] = roll
        return rank_takes(plan, [Take(one, rolls[one]) for one in seeds])

    @checked(options=ScoreOptions, roll=PianoRoll, features=VideoFeatures)
    def score(
        self,
        video: VideoSource,
        options: ScoreOptions | None = None,
        *,
        plan: PlanSource | None = None,
        roll: PianoRoll | None = None,
        features: VideoFeatures | None = None,
        on_progress: Progress | None = None,
        **changes: "Unpack[Changes]",
    ) -> Result:
        """Looks at the video, plans, composes, arranges and renders; nothing is written until `Result.save`.

        It composes `takes` takes, plays the one that the critic likes best and returns all in `Result.takes`. Where
        neither `takes` nor `seed` is given, a film of up to two minutes gets five; with a seed the take of that seed
        alone is composed.

        Args:
            video: A path (or `file:` URL), the bytes of a file, or an open binary file.
            options: What is asked of the music, see `ScoreOptions`.
            plan: A plan from an earlier run, maybe edited, or the path of one as JSON. The style and prompt of
                `options` are then those it was made with, and are not used again.
            roll: The notes from an earlier run, to be played and not composed.
            features: What `analyze` said of this video, to skip that step.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.
            changes: Options by name, such as `style="calm,piano", seed=1`, over those of `options`.

        Returns:
            The scored video, in memory.

        Raises:
            OptionError: There is no such option, it cannot have this value, or style or prompt are named with a plan.
            VideoError: The video cannot be read.
            StyleError: A style tag is unknown, or two contradict each other.
            PlanError: The plan cannot be read, or is for another video.
            RenderError: There is no synthesizer or soundfont.
        """
        settings = with_changes(options, changes)
        if plan is not None:
            for name in changes:
                if SETTINGS[name].stage == "plan" and getattr(settings, name):
                    raise OptionError(
                        f"{name} shapes a plan, and a plan is given: change the plan, or leave one of them out"
                    )
        given = [name for name, value in (("features", features), ("plan", plan), ("roll", roll)) if value is not None]
        planned_before = None if plan is None else as_plan(plan)
        seed = draw_seed()
        path, kept = as_file(video)

        def tell(fraction: float, message: str) -> None:
            if fraction > 0:  # the first pictures are there: torch is imported while the others are decoded
                self._loaded.start()
            (on_progress or silent)(fraction, message)

        clock = Clock(tell)
        planned = analyze_and_plan(path, settings, clock, features=features, plan=planned_before)
        if self._ahead:  # earlier the pictures would wait for it, as for torch, at the interpreter's lock
            threading.Thread(target=prepare, daemon=True).start()
        with clock.stage("compose", 0.28, 0.7) as told:
            takes: tuple[Take, ...] = ()
            if roll is None and settings.takes_for(planned.plan.duration) > 1:
                takes = self._takes(planned.plan, settings, seed, told)
                roll, seed = takes[0].roll, takes[0].seed
                settings = replace(settings, seed=seed, takes=1)
            roll = roll or self._compose(planned.plan, settings, seed, None, told)
        asked = options_of(settings, seed)
        result = arrange_and_render(path, planned, roll, settings, asked, self.origin, clock, given=given)
        return replace(result, holder=kept, takes=takes, receipt=with_takes(result.receipt, takes))

    @checked(result=Result, take=(Take, int))
    def use(self, result: Result, take: Take | int, *, on_progress: Progress | None = None) -> Result:
        """The same video with another of its takes.

        Args:
            result: Of `score(..., takes=N)`.
            take: One of `result.takes`, or its place there, 0 for the best.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.

        Returns:
            That take, arranged and rendered, with the same `takes`.

        Raises:
            OptionError: There is no such take.
            RenderError: There is no synthesizer or soundfont.
        """
        if not isinstance(take, Take):
            if not 0 <= take < len(result.takes):
                raise OptionError(f"there is no take {take}; this result has {len(result.takes)}, from 0")
            take = result.takes[take]
        options = replace(result.options, seed=take.seed)
        other = self.score(
            result.source, options, plan=result.plan, roll=take.roll, features=result.features, on_progress=on_progress
        )
        other = other.remix(result.gains) if result.gains else other
        return replace(other, holder=result.holder, takes=result.takes, receipt=with_takes(other.receipt, result.takes))

    @checked(project=Project)
    def restore(self, project: Project, *, on_progress: Progress | None = None) -> Result:
        """The result that a project was saved from: its notes arranged and rendered, with its gains.

        Args:
            project: Of `load_project(path, video)`.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.

        Raises:
            InputError: The project was loaded without its video.
            RenderError: There is no synthesizer or soundfont.
        """
        if project.video is None or project.features is None:
            raise InputError(f"the project needs its video, {project.name}: load_project(path, video)")
        planned = PlannedVideo(project.features, project.plan, seconds={})
        asked = options_of(project.options, project.options.seed or 0)
        result = arrange_and_render(
            project.video, planned, project.roll, project.options, asked, self.origin, Clock(on_progress or silent),
            given=("features", "plan", "roll"), tracks=project.tracks,
        )  # fmt: skip
        if project.retakes:
            result = replace(result, receipt={**result.receipt, "retakes": list(project.retakes)})
        result = result.remix(project.gains) if project.gains else result
        return replace(result, takes=project.takes, receipt=with_takes(result.receipt, project.takes))

    @checked(result=Result, bars=Sequence, seed=int, style=(str, Sequence), prompt=str)
    def retake(
        self,
        result: Result,
        bars: Sequence[int] = (),
        *,
        seed: int | None = None,
        style: str | Sequence[str] = "",
        prompt: str = "",
        plan: PlanSource | None = None,
        keep: "Keep | Sequence[Keep]" = (),
        on_progress: Progress | None = None,
    ) -> Result:
        """Some bars of a take composed again; everything else stays bit for bit.

        Notes that begin outside of these bars stay, and the sound up to 50 ms before an open bar and from 3 s after
        its end. Only the windows that hold open bars are evaluated. A section that returns is free of its twin
        outside.

        Args:
            result: The take.
            bars: The bars to compose again, from 0, such as `range(4, 8)`; none with a plan: those it changes.
            seed: Of the new bars; None draws one.
            style: Tags for these bars, over the plan's (see `planner.restyle`).
            prompt: Words for these bars, turned into tags.
            plan: An edited plan of the same beats; it may differ from the take's in these bars only.
            keep: Bars of other takes to put in at the same time (see `composer.keeping.Keep`).
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.

        Returns:
            The new take; `receipt["retakes"]` says which bars and seconds changed.

        Raises:
            PlanError: There are no such bars, or the plan differs elsewhere.
            StyleError: A tag is unknown, or two contradict each other.
            RenderError: The result kept no stems, or there is no synthesizer.
        """
        from diffbgm.composer.compose import bars_to_steps
        from diffbgm.composer.keeping import Keep
        from diffbgm.planner import parse_style, understand
        from diffbgm.planner.restyle import changed_bars

        new = result.plan if plan is None else as_plan(plan)
        opened = check_bars(bars or (() if plan is None else changed_bars(result.plan, new)), result.plan)
        tags = parse_style(style)
        tags = understand(prompt, tags, None).tags if prompt.strip() else tags
        for first, end in runs_of(opened) if tags else ():
            new = restyle(new, {range(first, end): tags})
        check_outside(result.plan, new, opened)
        stay = Keep(result.roll, ~bars_to_steps(opened, result.plan.bars, result.plan.beats_per_bar))
        need("keep", keep, (Keep, Sequence))
        others = [keep] if isinstance(keep, Keep) else list(keep)
        told = on_progress or silent
        settings = replace(result.options, seed=draw_seed() if seed is None else seed)
        roll = self._compose(new, settings, settings.seed or 0, [stay, *others], part_of(told, 0.0, 0.6))
        return replace_bars(result, new, roll, opened, settings, part_of(told, 0.6, 1.0))

    @checked(result=Result)
    def recut(
        self,
        result: Result,
        video: VideoSource | VideoFeatures | Sequence[Cut],
        *,
        on_progress: Progress | None = None,
    ) -> Result:
        """The same music under a new edit.

        Its notes stay, the tempo map is fitted to the new cuts, and whole bars come or go only where the edit took
        pictures away or put some in.

        Args:
            result: The take whose music and options stay.
            video: The new edit; or only its cuts (or features), and then the pictures of `result` stay.
            on_progress: Called with (fraction 0..1, message); an exception raised there cancels.

        Returns:
            The new edit, scored.

        Raises:
            VideoError: The new edit cannot be read.
            RenderError: There is no synthesizer or soundfont.
        """
        source, kept, features = result.source, None, result.features
        if isinstance(video, VideoFeatures):
            features = video
        elif isinstance(video, Sequence) and not isinstance(video, str | bytes | bytearray):
            need_all("the cuts", video, Cut)
            features = replace(features, cuts=tuple(video))
        else:
            source, kept = as_file(video)
            features = analyze(source, semantics=result.options.semantics or "auto")
        new = recut(result.plan, features)
        scored = self.score(
            source,
            result.options,
            features=features,
            plan=new.plan,
            roll=apply_bar_map(result.roll, new.bars, new.plan.beats_per_bar),
            on_progress=on_progress,
        )
        gains = {name: gain for name, gain in result.gains.items() if name in scored.stems}
        scored = scored.remix(gains) if gains else scored
        return replace(scored, holder=kept or result.holder)


class Later(Generic[T]):
    """What `work` returns or raises, done once: in a thread that a program which ends does not wait for, or here."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self._done, self._claim = work, Future[T](), threading.Lock()

    def start(self) -> None:
        """Begins with it in a thread, if nobody has begun."""
        if self._claim.acquire(blocking=False):
            threading.Thread(target=self._run, daemon=True).start()

    def result(self) -> T:
        """What it returned or raised; done here where nobody has begun."""
        if self._claim.acquire(blocking=False):
            self._run()
        return self._done.result()

    def _run(self) -> None:
        try:
            self._done.set_result(self._work())
        except BaseException as e:
            self._done.set_exception(e)


class KeptCopy:
    """A temporary copy of a video that came as bytes; it lies on the disk as long as a result refers to it.

    Copies of a result, deep ones too, share it.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diffbgm-")
        self.path = Path(self._folder.name) / "video"

    def __deepcopy__(self, memo: dict[int, Any]) -> "KeptCopy":
        return self


def read_dtype(dtype: "torch.dtype | str") -> "torch.dtype":
    """The dtype of that name."""
    import torch

    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or found not in (torch.float32, torch.bfloat16, torch.float16):
        raise OptionError(f"dtype must be float32, bfloat16 or float16, got {dtype!r}")
    return found


def runs_of(bars: Sequence[int]) -> list[tuple[int, int]]:
    """[2, 3, 6] -> [(2, 4), (6, 7)]: bars in order as stretches, the end left out."""
    runs: list[tuple[int, int]] = []
    for bar in bars:
        if runs and runs[-1][1] == bar:
            runs[-1] = (runs[-1][0], bar + 1)
        else:
            runs.append((bar, bar + 1))
    return runs


def with_takes(receipt: Mapping[str, Any], takes: Sequence[Take]) -> dict[str, Any]:
    """The receipt with seeds, scores and reasons of all takes, where there are any."""
    told = [{"seed": t.seed, "score": round(t.score, 4), "reasons": list(t.reasons)} for t in takes]
    return {**receipt, "takes": told} if told else dict(receipt)


def draw_seed() -> int:
    """One that is nobody's."""
    return secrets.randbelow(2**31)


def as_plan(plan: PlanSource) -> MusicPlan:
    """The plan, read where a path is given."""
    if isinstance(plan, MusicPlan):
        return plan
    if isinstance(cast("Any", plan), str | os.PathLike):
        return read_plan(local_path(plan))
    raise OptionError(f"plan must be a MusicPlan or the path of one, not {type(plan).__name__}")


def as_file(video: VideoSource) -> tuple[Path, KeptCopy | None]:
    """A path to the video, and what keeps it alive: bytes and open files are put into a temporary file."""
    if isinstance(video, (str, os.PathLike)):
        return local_path(video), None
    kept = KeptCopy()
    try:
        with open(kept.path, "wb") as file:
            if isinstance(video, bytes | bytearray):
                file.write(video)
            else:
                shutil.copyfileobj(video, file)
    except (TypeError, AttributeError) as e:
        raise InputError(f"a video is a path, bytes or a file opened with 'rb', not {type(video).__name__}") from e
    return kept.path, kept
