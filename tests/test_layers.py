"""The house's one-way imports, read from the syntax trees: a room imports from the floors below it only."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SDK = ROOT / "sdk" / "diffbgm"
# The product wing. A room imports from the floors below it only.
FLOORS = (
    {"errors"},
    {"setting", "platforms"},
    {"typed"},
    {"brief"},
    {"files", "progress", "types", "options", "threads"},
    {"roll", "media", "codec", "midi", "paths"},
    {"band"},
    {"video", "planner", "arrange", "render", "plot", "receipt"},
    {"composer", "leadsheet", "notation", "timeline"},
    {"hub", "result"},
    {"stages", "critic", "retake", "project"},
    {"pipeline"},
    {"batch"},
    {"cli", "__init__"},
)
# The research wing: its rooms may import all of the product, and these floors of their own.
RESEARCH = (
    {"metrics", "judges"},
    {"datasets"},
    {"compose_windows"},
    {"training"},
    {"evaluation"},
    {"cli"},
)
# A room may lean on a neighbour of its own floor only where that is said here.
NEIGHBOURS: set[tuple[str, str]] = set()
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
TORCH_ROOMS = {"composer", "training", "compose_windows"}
# What Python 3.10 lacks; pyright reads the package as 3.11, for whose types numpy is written.
BEYOND_3_10 = {
    *(
        f"typing.{name}"
        for name in ("Self", "Unpack", "Never", "LiteralString", "Required", "NotRequired", "TypeVarTuple", "override")
    ),
    *("typing.assert_never", "typing.assert_type", "typing.reveal_type", "typing.dataclass_transform"),
    *("enum.StrEnum", "enum.ReprEnum", "enum.member", "enum.nonmember", "datetime.UTC", "contextlib.chdir"),
    *("itertools.batched", "hashlib.file_digest", "asyncio.TaskGroup", "asyncio.timeout", "asyncio.Runner"),
    *("ExceptionGroup", "BaseExceptionGroup"),
}


def room_of(file: Path) -> tuple[str, str]:
    """(wing, room) of a file below the package."""
    return split(file.relative_to(SDK).with_suffix("").parts)


def split(parts: tuple[str, ...]) -> tuple[str, str]:
    if parts[0] == "research":
        return "research", parts[1] if len(parts) > 1 else "__init__"
    return "product", parts[0]


def floor_of(wing: str, room: str) -> int:
    for number, rooms in enumerate(FLOORS if wing == "product" else RESEARCH):
        if room in rooms:
            return number
    raise AssertionError(f"{wing} {room} lives on no floor: add it to {Path(__file__).name}")


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
    here = room_of(file)
    for module in imports(file):
        parts = module.split(".")
        if parts[0] != "diffbgm" or parts[-1] == "__version__" or here[1] == "__init__":
            continue
        assert len(parts) > 1, f"{file.name}: `import diffbgm` brings in everything; import the room"
        there = split(tuple(parts[1:]))
        if there == here or (here[0] == "research" and there[0] == "product"):
            continue
        assert here[0] == there[0], f"{file.name}: the product imports {module} of the research"
        low, high = floor_of(*there), floor_of(*here)
        assert low < high or (here[1], there[1]) in NEIGHBOURS, f"{here} (floor {high}) imports {there} (floor {low})"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SDK).as_posix())
def test_heavy_packages_are_imported_late(file: Path) -> None:
    heavy = {module.split(".")[0] for module in imports(file, top_only=True)} & HEAVY
    if room_of(file)[1] in TORCH_ROOMS:
        heavy -= {"torch"}
    assert not heavy


def test_the_space_stays_outside() -> None:
    for file in FILES:
        assert not {m for m in imports(file) if m.split(".")[0] in {"gradio", "spaces", "space"}}, file


def test_the_product_is_typed_strictly() -> None:
    """Every file of the product is in pyright's `strict`."""
    named = re.findall(r'"(sdk/diffbgm/[^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    strict = {path for name in named for path in ROOT.glob(name)}
    assert all(list(ROOT.glob(name)) for name in named)
    for file in FILES:
        if "research" not in file.relative_to(SDK).parts:
            assert file in strict or not strict.isdisjoint(file.parents), f"{file}: add it to strict"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SDK).as_posix())
def test_no_file_asks_for_more_than_python_3_10(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text(), feature_version=(3, 10))))
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute | ast.Name)}
    assert not (used | imports(file)) & BEYOND_3_10


def test_no_file_of_the_product_switches_rules_off() -> None:
    product = [file for file in FILES if "research" not in file.relative_to(SDK).parts]
    for file in [*product, *(ROOT / "space").glob("*.py")]:
        assert "# pyright: report" not in file.read_text(encoding="utf-8"), f"{file}: type it, see sdk/typings/"
