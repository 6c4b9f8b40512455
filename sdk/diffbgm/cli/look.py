"""`diffbgm analyze`, `plan` and `styles`: what would be scored, and how, without composing."""

import argparse
import sys
from typing import TYPE_CHECKING

from diffbgm.cli.common import Commands, add_settings, given, progress_bar
from diffbgm.errors import OutputError
from diffbgm.options import SETTINGS, ScoreOptions

if TYPE_CHECKING:
    from diffbgm.types import MusicPlan, VideoFeatures


def add_commands(commands: Commands) -> None:
    """Adds the three to the command line."""
    analyze = commands.add_parser("analyze", help="print what the pictures say, as JSON", allow_abbrev=False)
    analyze.add_argument("video", metavar="VIDEO")
    add_settings(analyze, "semantics")
    analyze.set_defaults(run=run_analyze)

    plan = commands.add_parser(
        "plan", help="print the plan of the music, as JSON; edit it and pass it to score --plan", allow_abbrev=False
    )
    plan.add_argument("video", metavar="VIDEO")
    add_settings(plan, *(name for name, setting in SETTINGS.items() if setting.stage in ("plan", "look")))
    plan.add_argument("--explain", action="store_true", help="print how the brief was read and why, instead of JSON")
    plan.add_argument("--plot", metavar="PNG", help="also draw it")
    plan.add_argument("--overwrite", action="store_true", help="replace a picture that this command did not draw")
    plan.set_defaults(run=run_plan)

    styles = commands.add_parser("styles", help="list the style tags and what each does")
    styles.set_defaults(run=run_styles)


def run_analyze(args: argparse.Namespace) -> None:
    """Prints the features of a video."""
    from diffbgm.codec import to_json
    from diffbgm.paths import local_path
    from diffbgm.video import analyze

    with progress_bar() as tell:
        features = analyze(local_path(args.video), semantics=args.semantics, on_progress=tell)
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
    """Prints the plan of a video's music, and draws it where that is wanted."""
    from diffbgm.codec import to_json
    from diffbgm.paths import PICTURES, check_targets, local_path
    from diffbgm.progress import Clock
    from diffbgm.stages import analyze_and_plan

    video = local_path(args.video)
    picture = local_path(args.plot) if args.plot else None
    if picture is not None:
        if picture.suffix.lower() not in PICTURES:
            raise OutputError(f"{picture}: the picture of a plan must be one of {', '.join(PICTURES)}")
        check_targets([video], [picture], overwrite=args.overwrite)
    with progress_bar() as tell:
        options = ScoreOptions(**given(args))
        plan = analyze_and_plan(video, options, Clock(tell)).plan
    if picture is not None:
        from diffbgm.plot import plot_plan

        plot_plan(plan, picture)
    print(explain(options, plan) if args.explain else to_json(plan, indent=1))


def explain(options: ScoreOptions, plan: "MusicPlan") -> str:
    """The brief as it was read, fact by fact with where each came from, and the plan's reasons."""
    from diffbgm.brief import facts_of
    from diffbgm.stages import brief_of

    facts = facts_of(brief_of(options))
    said = [
        (f"{f.fact} {f.value}", f.source if f.source in ("text", "genre", "scene") else f"option {f.source}", f.words)
        for f in facts
        if f.fact not in ("unread", "conflict")
    ]
    width = max((len(meaning) for meaning, _, _ in said), default=0)
    lines = ["asked:", *(f"  {meaning:{width}}  {source}: {text}" for meaning, source, text in said)]
    for fact, title in (("conflict", "conflicts:"), ("unread", "not understood:")):
        found = [f"  {f.value}" for f in facts if f.fact == fact]
        lines += [title, *found] if found else []
    asked = ("the text says", "the option", "unread:")
    return "\n".join([*lines, "plan:", *(f"  {line}" for line in plan.why if not line.startswith(asked))])


def run_styles(args: argparse.Namespace) -> None:
    """Prints the style tags."""
    from diffbgm.planner import STYLES

    width = max(map(len, STYLES))
    for name, style in STYLES.items():
        band = f"; played by {style.bands[0]} where nothing says who plays" if style.bands else ""
        print(f"{name:{width}}  {style.group:8}  {style.description}{band}")
