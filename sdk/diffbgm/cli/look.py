"""`diffbgm analyze`, `plan` and `styles`: what would be scored, and how, without composing."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm.cli.common import add_settings, progress_bar

if TYPE_CHECKING:
    from diffbgm.types import VideoFeatures


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    analyze = commands.add_parser("analyze", help="print what the pictures say, as JSON")
    analyze.add_argument("video", type=Path)
    add_settings(analyze, "semantics")
    analyze.set_defaults(run=run_analyze)

    plan = commands.add_parser("plan", help="print the plan of the music, as JSON; edit it and pass it to score --plan")
    plan.add_argument("video", type=Path)
    add_settings(plan, "style", "prompt", "semantics")
    plan.add_argument("--plot", type=Path, metavar="PNG", help="also draw it")
    plan.set_defaults(run=run_plan)

    styles = commands.add_parser("styles", help="list the style tags and what each does")
    styles.set_defaults(run=run_styles)


def run_analyze(args: argparse.Namespace) -> None:
    from diffbgm.codec import to_json
    from diffbgm.video import analyze

    with progress_bar() as tell:
        features = analyze(args.video, semantics=args.semantics, on_progress=tell)
    print(to_json(features))
    if features.clip is not None:
        print(f"styles that suit: {suggestions(features)}", file=sys.stderr)


def suggestions(features: "VideoFeatures") -> str:
    """The mood tags that CLIP finds nearest to the pictures it has just seen."""
    from diffbgm.planner.styles import MOOD_TEXTS
    from diffbgm.video.clip import choose_clip, suggest_tags

    clip = choose_clip("clip")
    if clip is None or features.clip is None:
        return "nothing without CLIP"
    return ", ".join(f"{tag} ({p:.0%})" for tag, p in suggest_tags(clip, features.clip, MOOD_TEXTS))


def run_plan(args: argparse.Namespace) -> None:
    from diffbgm.codec import to_json
    from diffbgm.planner import make_plan
    from diffbgm.planner.styles import MOOD_TEXTS
    from diffbgm.video import analyze
    from diffbgm.video.clip import sense_of

    with progress_bar() as tell:
        features = analyze(args.video, semantics=args.semantics, on_progress=tell)
    sense = sense_of(features, MOOD_TEXTS) if args.prompt else None
    plan = make_plan(features, args.style, prompt=args.prompt, text_ranker=sense)
    if args.plot:
        from diffbgm.plot import plot_plan

        plot_plan(plan, args.plot)
    print(to_json(plan, indent=1))


def run_styles(args: argparse.Namespace) -> None:
    from diffbgm.planner import STYLES

    width = max(map(len, STYLES))
    for name, style in STYLES.items():
        print(f"{name:{width}}  {style.group:8}  {style.description}")
