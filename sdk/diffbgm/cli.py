"""The command line: `diffbgm score clip.mp4`. Exit codes: 0; 2 for what the caller can mend; 1 for a fault of ours."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm import __version__
from diffbgm.errors import DiffBGMError, InputError, OutputError

if TYPE_CHECKING:
    from diffbgm.metrics.report import Report
    from diffbgm.types import MusicPlan

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
Tell = Callable[[float, str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except InputError as e:
        return complain(e, 2)
    except DiffBGMError as e:
        return complain(e, 1)
    except KeyboardInterrupt:
        return complain("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


def complain(problem: object, code: int) -> int:
    """One line on stderr."""
    print(f"diffbgm: {' '.join(str(problem).split())}", file=sys.stderr)
    return code


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffbgm", description="Background music for your video.")
    parser.add_argument("--version", action="version", version=f"diffbgm {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    score = commands.add_parser(
        "score",
        help="compose music for a video and put it under the pictures",
        description=(
            "Writes OUT.mp4, OUT.mid and OUT.receipt.json. The pictures are copied untouched; where their codec does "
            "not fit the container (VP8, MJPEG, GIF, DivX, ...) they are encoded again as H.264. The sound is AAC and "
            "ends with the last frame."
        ),
    )
    score.add_argument("video", type=Path)
    score.add_argument("-o", "--out", type=Path, help="the scored video (default: VIDEO-scored.mp4 beside VIDEO)")
    add_scoring(score)
    score.set_defaults(run=run_score)

    demo = commands.add_parser("demo", help="score a clip that is at hand, to see that everything works")
    demo.add_argument("-o", "--out", type=Path, default=Path("diffbgm-demo.mp4"))
    add_scoring(demo)
    demo.set_defaults(run=run_demo)

    analyze = commands.add_parser("analyze", help="print what the pictures say, as JSON")
    analyze.add_argument("video", type=Path)
    analyze.set_defaults(run=run_analyze)

    plan = commands.add_parser("plan", help="print the plan of the music, as JSON; edit it and pass it to score --plan")
    plan.add_argument("video", type=Path)
    add_style(plan)
    plan.add_argument("--plot", type=Path, metavar="PNG", help="also draw it")
    plan.set_defaults(run=run_plan)

    styles = commands.add_parser("styles", help="list the style tags and what each does")
    styles.set_defaults(run=run_styles)

    train = commands.add_parser("train", help="train the model on POP909 (folder or zip); continues a run in OUT")
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--out", type=Path, default=Path("runs/train"))
    train.add_argument("--steps", type=int, default=10_000)
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop after this long, if that is sooner")
    train.add_argument("--batch", type=int, default=16)
    train.add_argument("--start-from", type=Path, metavar="FOLDER", help="weights to begin with")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=run_train)

    evaluate = commands.add_parser(
        "evaluate", help="measure the model or the synchrony; every number with its baseline"
    )
    kinds = evaluate.add_subparsers(required=True, metavar="WHAT")
    model = kinds.add_parser("model", help="windows composed under the plans of POP909 songs, beside those songs")
    model.add_argument("--data", type=Path, required=True, help="POP909, folder or zip")
    model.add_argument("--songs", default="", metavar="IDS", help="001,002,...: these instead of the validation songs")
    model.add_argument("--save", type=Path, metavar="DIR", help="keep the windows in DIR/windows.npz")
    model.add_argument("--steps", type=int, help="of the sampler")
    model.add_argument("--guidance", type=float)
    model.set_defaults(run=run_evaluate_model)
    sync = kinds.add_parser("sync", help="how many cuts land on beats, in these videos and in made-up ones")
    sync.add_argument("videos", type=Path, nargs="*")
    sync.add_argument("--compose", action="store_true", help="also compose, to see whether notes sound at the cuts")
    sync.set_defaults(run=run_evaluate_sync)
    for kind, count in ((model, 200), (sync, 40)):
        kind.add_argument("--n", type=int, default=count, help="windows, or videos of each kind")
        kind.add_argument("--seed", type=int, default=0)
        kind.add_argument("--json", action="store_true")
        kind.add_argument("--weights", metavar="FOLDER|HUB_ID")
    return parser


def add_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--style", default="", metavar="TAGS", help="for example calm,piano (see: diffbgm styles)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help='free text, for example "a lonely rainy night"')


def add_scoring(parser: argparse.ArgumentParser) -> None:
    add_style(parser)
    parser.add_argument("--plan", type=Path, metavar="JSON", help="a plan printed by `diffbgm plan`, maybe edited")
    parser.add_argument("--seed", type=int, help="the same seed gives the same music")
    parser.add_argument("--steps", type=int, help="of the sampler: more is slower and a little better (default 24)")
    parser.add_argument("--guidance", type=float, help="how strictly the plan is followed (default 1.5)")
    parser.add_argument(
        "--keep-audio",
        choices=("replace", "mix", "duck"),
        default="replace",
        help="the video's own sound: replaced, under the music, or with the music ducked where people speak",
    )
    parser.add_argument("--stems", action="store_true", help="also write OUT.ROLE.wav for every role")
    parser.add_argument("--format", choices=("wav", "flac", "mp3"), help="also write the sound alone")
    parser.add_argument("--plot", action="store_true", help="also write OUT.png, the plan over its piano roll")
    parser.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    parser.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    parser.add_argument("--json", action="store_true", help="print the receipt")


def run_score(args: argparse.Namespace) -> None:
    out = args.out or args.video.with_name(f"{args.video.stem}-scored.mp4")
    score_file(args, args.video, out)


def run_demo(args: argparse.Namespace) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
        clip = packaged_clip()
        if clip is None:
            from diffbgm.video.demo import draw_demo

            clip = Path(folder) / "drawn.mp4"
            draw_demo(clip)
        score_file(args, clip, args.out)


def packaged_clip() -> Path | None:
    """A real video that comes with gradio, where that is installed."""
    from importlib.util import find_spec

    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        return None
    clip = Path(spec.origin).parent / "media_assets" / "videos" / "world.mp4"
    return clip if clip.is_file() else None


def score_file(args: argparse.Namespace, video: Path, out: Path) -> None:
    """Scores `video` and writes what was asked for; a target that cannot be written is found out before the work."""
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise OutputError(f"{out}: the scored video must be one of {', '.join(VIDEO_SUFFIXES)}")
    if out.exists() and video.exists() and out.samefile(video):
        raise OutputError(f"{out}: this is the video itself; choose another name with -o")
    from diffbgm.media import check_writable, probe

    check_writable(out)
    probe(video)
    from diffbgm.pipeline import DiffBGM

    plan = read_plan(args.plan) if args.plan else None
    with progress_bar() as tell:
        tell(0.0, "loading the model")
        model = DiffBGM.from_pretrained(args.weights, device=args.device)
        result = model.score(
            video,
            style=args.style,
            prompt=args.prompt,
            seed=args.seed,
            steps=args.steps,
            guidance=args.guidance,
            keep_audio=args.keep_audio,
            plan=plan,
            on_progress=tell,
        )
    wanted = [out, out.with_suffix(".mid"), out.with_suffix(".receipt.json")]
    wanted += [out.with_suffix(f".{args.format}")] if args.format else []
    wanted += [out.with_suffix(".png")] if args.plot else []
    for path in wanted:
        result.save(path)
    if args.stems:
        from diffbgm.media import write_audio

        for role, audio in result.stems.items():
            wanted.append(out.with_suffix(f".{role}.wav"))
            write_audio(audio, wanted[-1])
    if args.json:
        print(json.dumps(dict(result.receipt), indent=2))
    else:
        summarise(result.receipt, wanted)


def summarise(r: Mapping[str, Any], paths: list[Path]) -> None:
    """The receipt in a line, and what was written."""
    hits = "no cuts" if r["cut_hit_rate"] is None else f"{r['cut_hit_rate']:.0%} of {len(r['cuts'])} cuts on beats"
    tempo = f"{r['tempo']['base']:.0f} beats a minute"
    print(f"{r['key']}, {tempo}, {r['bars']} bars, {r['palette']}; {hits}; seed {r['seed']}")
    for path in paths:
        print(path)


def read_plan(path: Path) -> "MusicPlan":
    """A plan as `diffbgm plan` prints it."""
    from diffbgm.codec import from_json
    from diffbgm.types import MusicPlan

    try:
        return from_json(MusicPlan, path.read_text(encoding="utf-8"))
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({e.strerror})") from e


def run_analyze(args: argparse.Namespace) -> None:
    from diffbgm.codec import to_json
    from diffbgm.video import analyze

    with progress_bar() as tell:
        features = analyze(args.video, on_progress=tell)
    print(to_json(features))


def run_plan(args: argparse.Namespace) -> None:
    from diffbgm.codec import to_json
    from diffbgm.planner import make_plan
    from diffbgm.video import analyze

    with progress_bar() as tell:
        features = analyze(args.video, on_progress=tell)
    plan = make_plan(features, args.style, prompt=args.prompt)
    if args.plot:
        from diffbgm.plot import plot_plan

        plot_plan(plan, args.plot)
    print(to_json(plan, indent=1))


def run_styles(args: argparse.Namespace) -> None:
    from diffbgm.planner import STYLES

    width = max(map(len, STYLES))
    for name, style in STYLES.items():
        print(f"{name:{width}}  {style.group:8}  {style.description}")


def run_train(args: argparse.Namespace) -> None:
    from diffbgm.train import TrainOptions, train

    options = TrainOptions(steps=args.steps, minutes=args.minutes, batch=args.batch, seed=args.seed)
    with progress_bar() as tell:
        folder = train(args.data, args.out, options=options, start_from=args.start_from, on_progress=tell)
    print(folder)


def run_evaluate_model(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.model import evaluate_model
    from diffbgm.pipeline import DiffBGM, options_of

    model = DiffBGM.from_pretrained(args.weights).model
    songs = [s.strip() for s in args.songs.split(",") if s.strip()]
    options = options_of(args.seed, args.steps, args.guidance)
    with progress_bar() as tell:
        report = evaluate_model(
            model, args.data, n=args.n, songs=songs, options=options, save=args.save, on_progress=tell
        )
    show(report, args)


def run_evaluate_sync(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.sync import evaluate_sync
    from diffbgm.pipeline import DiffBGM

    model = DiffBGM.from_pretrained(args.weights) if args.compose else None
    with progress_bar() as tell:
        report = evaluate_sync(args.videos, n=args.n, seed=args.seed, model=model, on_progress=tell)
    show(report, args)


def show(report: "Report", args: argparse.Namespace) -> None:
    """A report as tables, or as JSON."""
    from diffbgm.metrics.report import format_report, to_json

    print(to_json(report) if args.json else format_report(report))


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """A bar on stderr where that is a terminal, nothing otherwise."""
    from tqdm import tqdm

    form = "{percentage:3.0f}%|{bar:24}| {elapsed}<{remaining} {desc}"
    with tqdm(total=1.0, bar_format=form, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def tell(fraction: float, message: str) -> None:
            bar.set_description_str(message, refresh=False)
            bar.update(max(0.0, fraction - bar.n))

        yield tell


if __name__ == "__main__":
    sys.exit(main())
