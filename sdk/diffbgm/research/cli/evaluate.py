"""`diffbgm evaluate`."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm.cli.common import COUNT, SEED, Commands, add_settings, number, progress_bar
from diffbgm.errors import InputError
from diffbgm.research.cli import proof

if TYPE_CHECKING:
    from diffbgm.options import ComposeOptions
    from diffbgm.pipeline import DiffBGM
    from diffbgm.research.metrics.report import Provenance, Report


SAMPLER = (  # settings that a report names
    "steps", "guidance", "bar_correlation", "section_coupling", "mode_guidance", "curve_guidance",
)  # fmt: skip


def add_commands(commands: Commands) -> None:
    """Adds `diffbgm evaluate` with a subcommand for each kind of report."""
    evaluate = commands.add_parser(
        "evaluate", help="measure the model, or any system's music; every number with its baseline"
    )
    kinds = evaluate.add_subparsers(required=True, metavar="WHAT")
    model = kinds.add_parser("model", help="windows composed under the plans of people's pieces, beside those pieces")
    model.add_argument("--data", type=Path, required=True, help="POP909 or another corpus, folder or zip")
    model.add_argument("--songs", default="", metavar="IDS", help="001,002,...: these instead of the validation songs")
    model.add_argument("--save", type=Path, metavar="DIR", help="keep the windows in DIR/windows.npz")
    model.add_argument("--steps", type=COUNT, help="of the sampler")
    model.add_argument("--guidance", type=number(float, 0, 10))
    model.add_argument("--curve-guidance", type=number(float, 0, 2), help="see the option of scoring")
    model.set_defaults(run=run_evaluate_model, kind="model")
    sync = kinds.add_parser("sync", help="how many cuts land on beats, in these videos and in made-up ones")
    sync.add_argument("videos", type=Path, nargs="*")
    sync.add_argument("--compose", action="store_true", help="also compose, to see whether notes sound at the cuts")
    sync.set_defaults(run=run_evaluate_sync, kind="sync")
    sound = kinds.add_parser("sound", help="composed pieces on several palettes: loudness, peaks, gaps, stems, ranges")
    sound.add_argument("--palettes", type=COUNT, default=5)
    sound.add_argument("--steps", type=COUNT, help="of the sampler")
    sound.add_argument("--beside", type=Path, nargs="+", default=(), metavar="DIR", help=proof.BESIDE)
    sound.add_argument("--save", type=Path, metavar="DIR", help="keep the sound, mixed and dry, in DIR")
    sound.set_defaults(run=run_evaluate_sound, kind="sound")
    ensembles = kinds.add_parser("ensembles", help="every ensemble on the same pieces: ranges, levels, and who is told")
    ensembles.add_argument(
        "--names", type=list_of_names, default=(), metavar="A,B", help="these ensembles instead of all"
    )
    ensembles.add_argument("--steps", type=COUNT, help="of the sampler")
    ensembles.set_defaults(run=run_evaluate_ensembles, kind="ensembles")
    instruments = kinds.add_parser("instruments", help="every preset of the packaged font: loudness, onset, tuning")
    instruments.add_argument("--write", action="store_true", help="put the loudness into render/data/levels.tsv")
    instruments.set_defaults(run=run_evaluate_instruments, kind="instruments")
    semantics = kinds.add_parser("semantics", help="the director, what every style tag does, affect asked and heard")
    semantics.add_argument("videos", type=Path, nargs="*", help="whose affect is looked at besides")
    semantics.add_argument("--muvisync", type=Path, metavar="DIR", help="MuVi-Sync's labels and CLIP features")
    semantics.add_argument("--plans-only", action="store_true", help="measure the plans, compose nothing")
    semantics.add_argument("--plane", type=COUNT, default=200, metavar="N", help="plans over valence and arousal")
    semantics.add_argument("--seconds", type=number(float, 2, 3600), default=18.0, help="length of the made-up videos")
    semantics.add_argument("--steps", type=COUNT, default=12, help="of the sampler")
    semantics.add_argument("--guidance", type=number(float, 0, 10))
    semantics.set_defaults(run=run_evaluate_semantics, kind="semantics")
    sweep = kinds.add_parser("sweep", help="windows under other guidance and numbers of steps")
    sweep.set_defaults(run=run_evaluate_sweep, kind="sweep")
    ablations = kinds.add_parser("ablations", help="train the network without each of its ways to hear the plan")
    ablations.add_argument("--out", type=Path, default=Path("runs/ablations"), help="the runs; finished ones are kept")
    ablations.add_argument("--steps", type=COUNT, default=320, help="of each training, 16 windows a step")
    ablations.set_defaults(run=run_evaluate_ablations, kind="ablations")
    pieces = kinds.add_parser("pieces", help="long pieces: seams between windows, velocities")
    pieces.set_defaults(run=run_evaluate_pieces, kind="pieces")
    for kind in (ablations, sweep, pieces):
        kind.add_argument("--data", type=Path, required=True, help="POP909, folder or zip")
    metre = kinds.add_parser("metre", help="whether the metre asked for can be told from the notes")
    metre.add_argument("--data", type=Path, nargs="+", required=True, help="corpora in all four metres")
    metre.add_argument("--style", default="", help="tags of the plans")
    metre.add_argument("--steps", type=COUNT, help="of the sampler")
    metre.set_defaults(run=run_evaluate_metre, kind="metre")
    chords = kinds.add_parser("chords", help="whether the chords asked for are heard in what is composed and played")
    chords.add_argument("--data", type=Path, help="POP909, folder or zip: its songs against their own labels")
    chords.add_argument("--style", default="", help="tags of the plans")
    chords.set_defaults(run=run_evaluate_chords, kind="chords")
    corpora = kinds.add_parser("corpora", help="windows under the plans of every corpus of a folder, beside its pieces")
    corpora.add_argument("--data", type=Path, required=True, help="folder with the archives, or one of them")
    corpora.set_defaults(run=run_evaluate_corpora, kind="corpora")
    genres = kinds.add_parser("genres", help="whether the genre asked for can be named from the notes")
    genres.add_argument("--data", type=Path, nargs="+", required=True, help="corpora of the genres, POP909 among them")
    genres.set_defaults(run=run_evaluate_genres, kind="genres")
    for kind in (chords, genres, corpora):
        kind.add_argument("--steps", type=COUNT, help="of the sampler")
        kind.add_argument("--guidance", type=number(float, 0, 10))
    retrieval = kinds.add_parser("retrieval", help="does a video find the music composed for it? P@K on MuVi-Sync")
    retrieval.add_argument("--data", type=Path, required=True, help="folder with MuVi-Sync's labels and CLIP features")
    retrieval.add_argument("--steps", type=COUNT, help="of the sampler")
    retrieval.add_argument("--truth-only", action="store_true", help="measure the true music alone, compose nothing")
    retrieval.set_defaults(run=run_evaluate_retrieval, kind="retrieval")
    video = kinds.add_parser("video", help="any system's MIDI files against the videos they were made for")
    video.add_argument("--midi", type=Path, required=True, metavar="DIR", help="NAME.mid or NAME-scored.mid")
    video.add_argument("--videos", type=Path, required=True, metavar="DIR", help="NAME.mp4, NAME.mkv, ...")
    video.add_argument("--data", type=Path, help="MuVi-Sync's folder: rank the videos' music as well (P@K)")
    add_settings(video, "semantics")
    video.set_defaults(run=run_evaluate_video, kind="video")
    everything = kinds.add_parser("all", help="all of it in one report: this model, ground truth and baselines")
    everything.add_argument("--data", type=Path, default=Path("data"), help="folder with POP909 and MuVi-Sync")
    everything.add_argument("--steps", type=COUNT, help="of the sampler")
    everything.add_argument("--quick", action="store_true", help="as little as shows that everything runs")
    everything.add_argument("--workers", type=COUNT, default=1, help="processes that measure parts side by side")
    everything.add_argument(
        "--keep", type=Path, metavar="DIR", help="each part there when done; the next run of the same goes on from it"
    )
    everything.add_argument("--parts", type=list_of_names, metavar="A,B", help="these parts instead of all")
    everything.add_argument(
        "--size",
        type=list_of_names,
        default=(),
        metavar="NAME=N,...",
        help="how much of it, e.g. videos=64,semantics=12",
    )
    proof.add_judges(everything)
    everything.add_argument("--beside", type=Path, nargs="+", default=(), metavar="DIR", help=proof.BESIDE)
    everything.set_defaults(run=run_evaluate_all, kind="all")
    pairs = kinds.add_parser("pairs", help="whether the model listens to the embeddings of BGM909's videos")
    pairs.add_argument("--data", type=Path, required=True, help="BGM909, a folder")
    pairs.set_defaults(run=run_evaluate_pairs, kind="pairs")
    proofs = proof.add_commands(kinds)
    card = kinds.add_parser("card", help="write a weights folder's README.md and EVALUATION.md anew from its figures")
    card.add_argument("folder", type=Path, help="holds config.json, model.safetensors, metrics.json, loss.json")
    card.set_defaults(run=run_evaluate_card)
    counts = {
        model: 200,
        ablations: 256,
        sync: 40,
        sound: 20,
        ensembles: 2,
        semantics: 40,
        sweep: 100,
        pieces: 40,
        metre: 12,
        chords: 24,
        genres: 24,
        corpora: 80,
        retrieval: None,
        pairs: 200,
    }
    for kind, count in counts.items():
        kind.add_argument("--n", type=COUNT, default=count, help="windows, videos of each kind, or pieces a tag")
    for kind in (
        model,
        sync,
        sound,
        ensembles,
        semantics,
        sweep,
        pieces,
        metre,
        chords,
        genres,
        corpora,
        retrieval,
        pairs,
        everything,
    ):
        kind.add_argument("--weights", metavar="FOLDER|HUB_ID")
    for kind in (
        model,
        ablations,
        sync,
        sound,
        ensembles,
        instruments,
        semantics,
        sweep,
        pieces,
        metre,
        chords,
        genres,
        corpora,
        retrieval,
        pairs,
        video,
        everything,
        *proofs,
    ):
        kind.add_argument("--seed", type=SEED, default=0)
        kind.add_argument("--json", action="store_true", help="print JSON instead of tables")
        kind.add_argument("--json-file", type=Path, metavar="FILE", help="also as JSON into FILE")
        kind.add_argument("--html", type=Path, metavar="FILE", help="also as a page with plots")
        kind.add_argument("--card", type=Path, metavar="FOLDER", help="put the figures into FOLDER's model card")


def run_evaluate_model(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate model`: composed windows beside the songs whose plans they follow."""
    from diffbgm.research.evaluation.model import evaluate_model

    model, options = load(args), sampler_options(args)
    songs = [s.strip() for s in args.songs.split(",") if s.strip()]
    with progress_bar() as progress:
        report = evaluate_model(
            model.model, args.data, n=args.n, songs=songs, options=options, save=args.save, on_progress=progress
        )
    show(report, args, model, options)


def run_evaluate_sweep(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate sweep`: the windows at other guidance scales and numbers of steps."""
    from diffbgm.research.evaluation.sweep import evaluate_sweep

    run_on_songs(evaluate_sweep, args)


def run_evaluate_ablations(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate ablations`: trains every variant of the network and compares them."""
    from diffbgm.research.evaluation.ablations import evaluate_ablations
    from diffbgm.research.training.train import TrainOptions

    options = TrainOptions(steps=args.steps, warmup=50, validate_every=args.steps, seed=args.seed)
    with progress_bar() as progress:
        report = evaluate_ablations(args.data, args.out, n=args.n, options=options, on_progress=progress)
    show(report, args)


def run_evaluate_pieces(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate pieces`: seams between windows and velocities of long pieces."""
    from diffbgm.research.evaluation.pieces import evaluate_pieces

    run_on_songs(evaluate_pieces, args)


def run_evaluate_metre(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate metre`: metres asked of the model, told from what it composed."""
    from diffbgm.research.evaluation.metre import evaluate_metre

    run_on_songs(evaluate_metre, args, style=args.style)


def run_evaluate_chords(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate chords`: chords asked of the model, and heard in what it composed."""
    from diffbgm.research.evaluation.chords import evaluate_chords

    run_on_songs(evaluate_chords, args, style=args.style)


def run_evaluate_genres(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate genres`: genres asked of the model, named from what it composed."""
    from diffbgm.research.evaluation.genres import evaluate_genres

    run_on_songs(evaluate_genres, args)


def run_evaluate_corpora(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate corpora`: composed windows beside held-out pieces, corpus by corpus."""
    from diffbgm.research.evaluation.corpora import evaluate_corpora

    run_on_songs(evaluate_corpora, args)


def run_on_songs(evaluate: "Callable[..., Report]", args: argparse.Namespace, **more: Any) -> None:
    """An evaluation on songs, with the sampler that is asked for and `more` arguments."""
    model, options = load(args), sampler_options(args)
    with progress_bar() as progress:
        report = evaluate(model.model, args.data, n=args.n, options=options, on_progress=progress, **more)
    show(report, args, model, options)


def run_evaluate_sync(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate sync`: how many cuts land on beats; composes only with `--compose`."""
    from diffbgm.research.evaluation.sync import evaluate_sync

    model = load(args) if args.compose else None
    with progress_bar() as progress:
        report = evaluate_sync(args.videos, n=args.n, seed=args.seed, model=model, on_progress=progress)
    show(report, args, model, sampler_options(args))


def run_evaluate_sound(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate sound`: loudness, peaks, gaps, stems and ranges of rendered pieces."""
    from diffbgm.research.evaluation.sound import evaluate_sound

    model = load(args)
    with progress_bar() as progress:
        report = evaluate_sound(
            model, n=args.n, palettes=args.palettes, seed=args.seed, steps=args.steps, beside=args.beside,
            save=args.save, on_progress=progress,
        )  # fmt: skip
    show(report, args, model, sampler_options(args))


def run_evaluate_ensembles(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate ensembles`: every ensemble on the same pieces, its parts and its sound."""
    from diffbgm.research.evaluation.ensembles import evaluate_ensembles

    model, names = load(args), args.names
    with progress_bar() as progress:
        report = evaluate_ensembles(
            model, n=args.n, names=names, seed=args.seed, steps=args.steps, on_progress=progress
        )
    show(report, args, model, sampler_options(args))


def run_evaluate_instruments(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate instruments`: loudness, peak, onset and tuning of every preset."""
    from diffbgm.research.evaluation.instruments import evaluate_instruments

    with progress_bar() as progress:
        report = evaluate_instruments(write=args.write, on_progress=progress)
    show(report, args)


def run_evaluate_semantics(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate semantics`: effects of the style tags, affect asked and heard."""
    from diffbgm.research.datasets.muvisync import find_music_videos, read_music_videos
    from diffbgm.research.evaluation.semantics import Amount, evaluate_semantics
    from diffbgm.video import analyze

    model, options = None if args.plans_only else load(args), sampler_options(args)
    with progress_bar() as progress:
        report = evaluate_semantics(
            Amount(args.n, args.plane, args.seconds),
            seed=args.seed,
            model=model.model if model else None,
            options=options,
            music_videos=read_music_videos(*find_music_videos(args.muvisync)) if args.muvisync else (),
            clips={path.name: analyze(path, semantics="colour") for path in args.videos},
            on_progress=progress,
        )
    show(report, args, model, options)


def run_evaluate_retrieval(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate retrieval`: precision at K of videos and music on MuVi-Sync."""
    from diffbgm.research.evaluation.retrieval import evaluate_retrieval
    from diffbgm.research.evaluation.systems import OURS, UNTRAINED, untrained

    ours = None if args.truth_only else load(args)
    models = {OURS: ours, UNTRAINED: untrained(ours.model.config, args.seed)} if ours else {}
    with progress_bar() as progress:
        report = evaluate_retrieval(models, args.data, n=args.n, seed=args.seed, steps=args.steps, on_progress=progress)
    show(report, args, ours, sampler_options(args))


def run_evaluate_video(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate video`: MIDI files of any system against the videos they belong to."""
    from diffbgm.research.evaluation.video import evaluate_video

    with progress_bar() as progress:
        report = evaluate_video(
            args.midi, args.videos, seed=args.seed, semantics=args.semantics, data=args.data, on_progress=progress
        )
    show(report, args)


def run_evaluate_all(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate all`: every part in one report, in `--workers` processes.

    Raises InputError where `--workers` is below 1.
    """
    from diffbgm.research.evaluation.all_parts import (
        KINDS,
        Size,
        combine,
        evaluate_all,
        evaluate_all_apart,
        kinds_of,
        size_of,
        sized,
    )
    from diffbgm.research.evaluation.kept import find_kept, keep
    from diffbgm.research.evaluation.published import evaluate_published

    if args.workers < 1:
        raise InputError(f"--workers must be at least 1, got {args.workers}")
    size = sized(Size.quick() if args.quick else Size(), args.size)
    kinds = kinds_of(args.parts) if args.parts else KINDS
    judged_by = tuple(proof.judges_of(args).items()) if args.python else ()
    beside = tuple(str(folder) for folder in args.beside)
    size, model = replace(size, judged_by=judged_by, beside=beside), load(args)
    made_with = provenance(model, sampler_options(args))
    sizes = {kind: size_of(kind, size) for kind in kinds}
    known = find_kept(args.keep, sizes, args.seed, made_with) if args.keep else {}

    def on_report(kind: str, report: "Report") -> None:
        if args.keep:
            keep(args.keep, kind, report, made_with, sizes[kind])

    failed: dict[str, str] = {}
    how = {"seed": args.seed, "steps": args.steps, "size": size, "kinds": kinds, "known": known,
           "on_report": on_report, "on_failure": failed.__setitem__}  # fmt: skip
    with progress_bar() as progress:
        if args.workers > 1:
            reports = evaluate_all_apart(args.weights, args.data, workers=args.workers, **how, on_progress=progress)
        else:
            reports = evaluate_all(model, args.data, **how, on_progress=progress)
    reports = {kind: replace(report, made_with=made_with) for kind, report in reports.items()}
    if {"systems", "retrieval"} & set(reports) or not args.parts:
        reports |= {"published": replace(evaluate_published(reports, args.seed), made_with=made_with)}
    show(combine(reports, args.seed, kinds, failed), args, model, sampler_options(args), parts=reports)


def run_evaluate_pairs(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate pairs`: whether the model uses the embeddings of BGM909's videos."""
    from diffbgm.research.evaluation.pairs import evaluate_pairs

    model = load(args)
    with progress_bar() as progress:
        report = evaluate_pairs(model.model, args.data, n=args.n, seed=args.seed, on_progress=progress)
    show(report, args, model)


def run_evaluate_card(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate card`; prints the path of the README.md that was written."""
    from diffbgm.research.evaluation.card import write_card

    print(write_card(args.folder))


def list_of_names(text: str) -> list[str]:
    """The names in "a, b"."""
    return [name.strip() for name in text.split(",") if name.strip()]


def load(args: argparse.Namespace) -> "DiffBGM":
    """The weights that --weights names, or the bundled ones."""
    from diffbgm.pipeline import DiffBGM

    return DiffBGM.from_pretrained(args.weights)


def sampler_options(args: argparse.Namespace) -> "ComposeOptions":
    """The sampler as the command has it: seed, and steps and guidance of both kinds where it has such options."""
    from diffbgm.options import ScoreOptions
    from diffbgm.stages import options_of

    given = {name: getattr(args, name, None) for name in ("steps", "guidance", "curve_guidance")}
    return options_of(ScoreOptions(**given), args.seed)


def provenance(model: "DiffBGM | None", options: "ComposeOptions | None" = None) -> "Provenance":
    """What a report was made with; without a model no weights and no sampler."""
    from diffbgm.research.metrics.report import Provenance

    if model is None:
        return Provenance("", {})
    settings = asdict(options) if options else {}
    return Provenance(model.origin.sha256, {name: value for name, value in settings.items() if name in SAMPLER})


def show(
    report: "Report",
    args: argparse.Namespace,
    model: "DiffBGM | None" = None,
    options: "ComposeOptions | None" = None,
    *,
    parts: "dict[str, Report] | None" = None,
) -> None:
    """A report as tables or as JSON, as a page, and into the model card (its `parts` one by one), where asked for."""
    from diffbgm.research.metrics.report import format_report, to_json, write_json

    report = replace(report, made_with=provenance(model, options))
    print(to_json(report) if args.json else format_report(report))
    if args.json_file:
        write_json(args.json_file, report)
    if args.html:
        from diffbgm.research.evaluation.plots import plots_for
        from diffbgm.research.metrics.html import write_html

        write_html(args.html, report, plots_for(args.kind, report))
    if args.card:
        from diffbgm.research.evaluation.card import add_to_card

        add_to_card(parts or {args.kind: report}, args.card)
