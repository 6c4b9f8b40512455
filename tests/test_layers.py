"""The house's one-way imports, read from the syntax trees: a room imports from the floors below it only."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import diffbgm

ROOT = Path(__file__).parents[1]
SDK = ROOT / "sdk" / "diffbgm"
FLOORS = (
    {"errors"},
    {"types", "settings", "store"},
    {"roll", "media", "codec"},
    {"video", "planner", "model", "sampling", "midi", "arrange", "render", "metrics", "device", "plot", "receipt"},
    {"compose", "compose_windows", "network", "ensemble", "data", "hub"},
    {"pipeline", "stages", "train", "train_own", "train_director", "train_retrieval", "result"},
    {"evaluate", "batch"},
    {"cli", "__init__"},
)
# A room may lean on a neighbour of its own floor only where that is said here.
NEIGHBOURS = {
    ("compose", "network"),
    ("compose_windows", "compose"),
    ("compose_windows", "data"),
    ("compose_windows", "network"),
    ("data", "hub"),
    ("data", "model"),
    ("ensemble", "compose"),
    ("ensemble", "network"),
    ("hub", "model"),
    ("metrics", "midi"),
    ("pipeline", "result"),
    ("pipeline", "stages"),
    ("stages", "result"),
    ("train_own", "train"),
}
HEAVY = {
    "torch",
    "accelerate",
    "gradio",
    "transformers",
    "scenedetect",
    "cv2",
    "matplotlib",
    "scipy",
    "sklearn",
    "pyarrow",
}
TORCH_ROOMS = {"model", "train"}


def room_of(file: Path) -> str:
    return file.relative_to(SDK).parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    raise AssertionError(f"{room} lives on no floor: add it to FLOORS in {Path(__file__).name}")


def imports(file: Path, *, top_only: bool = False) -> set[str]:
    """Modules a file imports, those for type checking left out."""
    tree = ast.parse(file.read_text())
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    nodes = ast.iter_child_nodes(tree) if top_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(SDK.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SDK).as_posix())
def test_rooms_import_from_below_only(file: Path) -> None:
    room = room_of(file)
    here = floor_of(room)
    for module in imports(file):
        parts = module.split(".")
        if parts[0] != "diffbgm" or len(parts) < 2 or parts[1] == "__version__":
            continue
        other = parts[1]
        if other == room:
            continue
        there = floor_of(other)
        assert there < here or (room, other) in NEIGHBOURS, f"{room} (floor {here}) imports {other} (floor {there})"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SDK).as_posix())
def test_heavy_packages_are_imported_late(file: Path) -> None:
    heavy = {module.split(".")[0] for module in imports(file, top_only=True)} & HEAVY
    if room_of(file) in TORCH_ROOMS:
        heavy -= {"torch"}
    assert not heavy


def test_the_space_stays_outside() -> None:
    for file in FILES:
        assert not {m for m in imports(file) if m.split(".")[0] in {"gradio", "spaces", "space"}}, file


def test_what_the_package_offers_is_typed_strictly() -> None:
    """Where the names of `diffbgm.__all__` are defined is in pyright's `strict`."""
    strict = [ROOT / path for path in re.findall(r'"(sdk/diffbgm/[^"]+)"', (ROOT / "pyproject.toml").read_text())]
    assert all(path.exists() for path in strict)
    homes = {inspect.getfile(value) for name in diffbgm.__all__ if callable(value := getattr(diffbgm, name))}
    assert homes
    for home in homes:
        file = SDK / Path(home).relative_to(Path(diffbgm.__file__).parent)
        assert any(file == path or path in file.parents for path in strict), f"{file}: add it to strict"
