"""`diffbgm push` and `push-space`: weights and the browser demo to the Hub."""

import argparse
from pathlib import Path
from typing import Literal

from diffbgm.cli.common import Commands


def add_commands(commands: Commands) -> None:
    """Adds both to the command line."""
    push = commands.add_parser("push", help="upload weights and their model card to a Hub repository")
    push.set_defaults(run=run_push)
    space = commands.add_parser("push-space", help="upload the browser demo, with the package, to a Hugging Face Space")
    space.set_defaults(run=run_push_space)
    for command in (push, space):
        command.add_argument("repo", metavar="OWNER/NAME", help="made where it is not there yet")
        command.add_argument("--weights", type=Path, metavar="FOLDER", help="other weights than the bundled ones")
        command.add_argument("--private", action="store_true", help="make a new repository private")
        command.add_argument("--dry-run", action="store_true", help="print what would be uploaded, and stop")


def run_push(args: argparse.Namespace) -> None:
    """Uploads weights."""
    from diffbgm import hub

    folder = args.weights or hub.bundled_folder()
    files = hub.card_files(folder, args.repo)
    if not args.dry_run:
        hub.load_weights(folder)  # nothing that cannot be loaded is pushed
    send(args, files, "model")


def run_push_space(args: argparse.Namespace) -> None:
    """Uploads the browser demo."""
    from diffbgm import hub

    send(args, hub.space_files(hub.checkout(), args.weights or hub.bundled_folder()), "space")


def send(args: argparse.Namespace, files: "dict[str, Path | bytes]", kind: Literal["model", "space"]) -> None:
    """Uploads, or lists size and path of every file."""
    from diffbgm import hub

    if args.dry_run:
        for name, content in files.items():
            print(f"{hub.size_of(content):>10,}  {name}")
        print(f"{sum(map(hub.size_of, files.values())):>10,}  bytes in {len(files)} files for {kind} {args.repo}")
    else:
        print(hub.push(files, args.repo, kind=kind, private=args.private))
