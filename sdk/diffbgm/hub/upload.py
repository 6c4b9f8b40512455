"""What goes to a model repository or a Space on the Hub, and sending it in one commit."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from diffbgm import __version__
from diffbgm.errors import InputError, OutputError
from diffbgm.hub.download import network_errors
from diffbgm.hub.weights import CONFIG, WEIGHTS

Files = dict[str, Path | bytes]  # path in the repository -> a file here, or its content

CARD = """---
library_name: diffbgm
license: apache-2.0
tags:
- music-generation
- midi
---
# Weights for diffbgm

```python
from diffbgm import DiffBGM

result = DiffBGM.from_pretrained("{repo}").score("clip.mp4")
result.save("scored.mp4")
```
"""
SPACE_ROOT = ("README.md", "requirements.txt", "packages.txt")  # lie in space/, belong to the Space's root


def card_files(folder: Path, repo: str) -> Files:
    """What a model repository holds: the weights folder as it is, with a short card where it has none."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: no {name} there; a weights folder holds {CONFIG} and {WEIGHTS}")
    files: Files = dict(files_below(folder))
    files.setdefault("README.md", CARD.format(repo=repo).encode())
    return dict(sorted(files.items()))


def space_files(root: Path, weights: Path) -> Files:
    """What a Space holds: app.py, space/, the package with its weights; README.md, requirements and such at the root.

    Raises InputError where `root` is no checkout of the project.
    """
    for name in (CONFIG, WEIGHTS):
        if not (weights / name).is_file():
            raise InputError(f"{weights}: no {name} there; a weights folder holds {CONFIG} and {WEIGHTS}")
    for name in ("app.py", "sdk/diffbgm/__init__.py", *(f"space/{name}" for name in SPACE_ROOT)):
        if not (root / name).is_file():
            raise InputError(f"{root}: no {name} there; run this in a checkout of the project")
    files: Files = {"app.py": root / "app.py"}
    if (root / "LICENSE").is_file():
        files["LICENSE"] = root / "LICENSE"
    for name, path in files_below(root / "space").items():
        files[name if name in SPACE_ROOT else f"space/{name}"] = path
    for name, path in files_below(root / "sdk" / "diffbgm").items():
        files[f"diffbgm/{name}"] = path
    for folder in (root / "weights_card", weights):  # other weights bring a model, but no director
        for name, path in files_below(folder).items():
            if path.suffix in (".safetensors", ".json"):
                files[f"diffbgm/weights_card/{name}"] = path
    return dict(sorted(files.items()))


def checkout() -> Path:
    """The checkout of the project: the one this package runs from, otherwise the working directory."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "app.py").is_file() else Path.cwd()


def files_below(folder: Path) -> dict[str, Path]:
    """Files by their path below `folder`; hidden, compiled and half-written ones are left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(p.startswith(".") or p == "__pycache__" for p in parts)
        if path.is_file() and not hidden and path.suffix not in (".pyc", ".part"):
            found["/".join(parts)] = path
    return found


def size_of(content: Path | bytes) -> int:
    """Bytes."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def push(
    files: Mapping[str, Path | bytes],
    repo: str,
    *,
    kind: Literal["model", "space"] = "model",
    token: str | None = None,
    private: bool = False,
) -> str:
    """Creates the repository where it is not there yet and sends `files` in one commit; returns the commit's address.

    In a Space, files of an earlier push below space/ and diffbgm/ that are no longer there are removed; nothing else
    is. Raises OutputError: a bad name, no permission, no network.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(token=token, library_name="diffbgm", library_version=__version__)
    additions = [CommitOperationAdd(name, os.fspath(c) if isinstance(c, Path) else c) for name, c in files.items()]
    sdk = "gradio" if kind == "space" else None
    try:
        api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True, space_sdk=sdk)
        there = api.list_repo_files(repo, repo_type=kind) if kind == "space" else []
        stale = [name for name in there if name.startswith(("space/", "diffbgm/")) and name not in files]
        done = api.create_commit(
            repo,
            [*additions, *(CommitOperationDelete(name) for name in stale)],
            commit_message=f"diffbgm {__version__}",
            repo_type=kind,
        )
    except (ValueError, *network_errors()) as e:
        raise OutputError(f"{repo}: cannot push ({explain(e)})") from e
    return str(done.commit_url)


def explain(error: BaseException) -> str:
    """What a failed push came of, and what to do, in one line."""
    from huggingface_hub.errors import HfHubHTTPError

    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return "not allowed; log in with `hf auth login`, or set HF_TOKEN to a token that may write there"
    return reason
