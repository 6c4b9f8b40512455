"""The Space as it is pushed: it asks for what the package needs, and it starts from its own files."""

import re
import sys
from pathlib import Path

import pytest
from tests.space.starting import map_space, started

ROOT = Path(__file__).resolve().parents[2]


def needs(lines: list[str]) -> dict[str, str]:
    """Package -> its least version."""
    return dict(re.split(">=", line.split(";")[0].strip(), maxsplit=1) for line in lines if ">=" in line)


def test_the_space_installs_what_the_package_needs() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = needs((ROOT / "space" / "requirements.txt").read_text(encoding="utf-8").splitlines())
    assert needs(project["dependencies"]).items() <= asked.items()


def test_the_mapped_tree_starts(tmp_path: Path) -> None:
    from gradio_client import Client

    tree = map_space(tmp_path / "space")
    with started(tree, sys.executable, tmp_path / "files") as server:
        health = Client(server.address, verbose=False, analytics_enabled=False).predict(api_name="/health")
    assert health["status"] == "ok"
    assert health["weights"] == "bundled"
