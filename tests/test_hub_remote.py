"""Weights from and to the Hub: the real client against a Hub on loopback that misbehaves on request."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from tests.hub_server import TOKEN, Hub

from diffbgm import DiffBGM, hub
from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import InputError, OutputError, WeightsError

REPO = "owner/weights"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return hub.save_weights(Denoiser(Config.tiny()), tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (hub.CONFIG, hub.WEIGHTS)}


@pytest.fixture
def remote(content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub with the tiny weights in `REPO`, where the client looks for the Hub."""
    with Hub() as remote:
        remote.commit(REPO, content)
        look_at(remote.url, monkeypatch)
        yield remote


def look_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client reads its environment when it is imported, so its constants are set here."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)


def load(cache: Path, name: str = REPO, **options: object) -> DiffBGM:
    return DiffBGM.from_pretrained(name, cache_dir=cache, device="cpu", **options)  # type: ignore[arg-type]


def test_a_repository_is_loaded_and_then_needs_no_network(remote: Hub, folder: Path, tmp_path: Path) -> None:
    model = load(tmp_path)
    assert model.origin == hub.Origin(REPO, model.origin.version, hub.file_sha256(folder / hub.WEIGHTS))
    assert all(torch.equal(t, hub.load_weights(folder).state_dict()[n]) for n, t in model.model.state_dict().items())
    asked = len(remote.requests)
    assert load(tmp_path).origin == model.origin
    assert load(tmp_path, local_files_only=True).origin == model.origin
    assert len(remote.requests) == asked


def test_a_revision_is_a_commit(remote: Hub, content: dict[str, bytes], tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = hub.save_weights(Denoiser(Config.tiny()), tmp_path / "other")
    first = remote.repos[REPO][0][0]
    remote.commit(REPO, {**content, hub.WEIGHTS: (other / hub.WEIGHTS).read_bytes()})
    old, new = load(tmp_path / "cache", revision=first), load(tmp_path / "cache")
    assert old.origin.sha256 != new.origin.sha256 == hub.file_sha256(other / hub.WEIGHTS)
    assert load(tmp_path / "cache", revision=first).origin == old.origin


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("owner/nothing", {}, "no such repository"),
        ("owner/private", {}, "no such repository, or it is private.*token"),
        ("owner/gated", {}, "access has to be asked for"),
        ("owner/empty", {}, "holds no config.json and model.safetensors"),
        (REPO, {"revision": "v9"}, "no revision 'v9'"),
        (REPO, {"local_files_only": True}, "not in the local cache"),
        ("owner/we..ights", {}, "not a Hub id"),
    ],
)
def test_what_is_not_there_is_named(
    remote: Hub, tmp_path: Path, name: str, options: dict[str, object], words: str
) -> None:
    remote.commit("owner/empty", {"README.md": b"# Empty\n"})
    remote.private.add("owner/private")
    remote.gated.add("owner/gated")
    with pytest.raises(WeightsError, match=words) as raised:
        load(tmp_path, name, **options)
    assert name in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("fault", "words"), [("corrupt", "damaged on its way"), ("short", "cut short"), ("500", "the Hub answered 500")]
)
def test_a_bad_download_is_named_and_never_used(remote: Hub, tmp_path: Path, fault: str, words: str) -> None:
    if fault == "500":
        remote.faults[hub.CONFIG] = fault
    else:
        remote.faults[hub.WEIGHTS] = fault
    with pytest.raises(WeightsError, match=words):
        load(tmp_path)
    with pytest.raises(WeightsError):
        load(tmp_path, local_files_only=True)
    remote.faults.clear()
    assert load(tmp_path).origin.id == REPO


def test_a_connection_that_drops_in_mid_file_is_taken_up_again(remote: Hub, folder: Path, tmp_path: Path) -> None:
    remote.faults[hub.WEIGHTS] = "dropped"
    assert load(tmp_path).origin.sha256 == hub.file_sha256(folder / hub.WEIGHTS)
    assert remote.requests.count(f"GET /{REPO}/resolve/{remote.repos[REPO][0][0]}/{hub.WEIGHTS}") == 2


def test_a_cache_that_rots_is_fetched_anew(remote: Hub, folder: Path, tmp_path: Path) -> None:
    load(tmp_path)
    blob = next(tmp_path.rglob(hub.WEIGHTS)).resolve()
    blob.write_bytes(blob.read_bytes()[:-8] + b"\1" * 8)
    with pytest.raises(WeightsError, match="damaged in the local cache"):
        load(tmp_path, local_files_only=True)
    assert load(tmp_path).origin.sha256 == hub.file_sha256(folder / hub.WEIGHTS)


def test_damaged_weights_of_a_repository_are_named_and_replaced_when_mended(
    remote: Hub, content: dict[str, bytes], tmp_path: Path
) -> None:
    for broken in (
        {hub.WEIGHTS: content[hub.WEIGHTS][:1000]},
        {hub.CONFIG: b"[]"},
        {hub.CONFIG: content[hub.CONFIG].replace(b'"depth": 2', b'"depth": 3')},
    ):
        remote.commit(REPO, {**content, **broken})
        with pytest.raises(WeightsError, match="the repository itself holds weights that cannot be used"):
            load(tmp_path)
        assert not list(tmp_path.rglob(hub.WEIGHTS))
    remote.commit(REPO, content)
    assert load(tmp_path).origin.id == REPO


def test_without_a_network_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    look_at(url, monkeypatch)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(WeightsError, match="the Hub cannot be reached"):
        load(tmp_path)
    assert not slept  # no retries


def test_weights_travel_there_and_back(remote: Hub, folder: Path, tmp_path: Path) -> None:
    model = DiffBGM.from_pretrained(folder, device="cpu")
    address = model.push_to_hub("me/mine", token=TOKEN)
    assert address.startswith(f"{remote.url}/me/mine/commit/")
    assert set(remote.head("me/mine")) == {"README.md", hub.CONFIG, hub.WEIGHTS}
    assert b'from_pretrained("me/mine")' in remote.head("me/mine")["README.md"]
    assert load(tmp_path, "me/mine").origin.sha256 == model.origin.sha256
    saved = model.save_pretrained(tmp_path / "saved")
    assert hub.file_sha256(saved / hub.WEIGHTS) == model.origin.sha256


def test_pushing_without_permission_is_named(remote: Hub, folder: Path) -> None:
    with pytest.raises(OutputError, match="hf auth login"):
        hub.push(hub.card_files(folder, "me/mine"), "me/mine", token="hf_reader")
    assert "me/mine" not in remote.repos


def test_push_on_the_command_line(
    remote: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", "me/mine", "--weights", str(folder), "--dry-run"]) == 0
    listed = capsys.readouterr().out
    assert "model.safetensors" in listed
    assert "me/mine" not in remote.repos
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert main(["push", "me/mine", "--weights", str(folder)]) == 0
    assert hub.WEIGHTS in remote.head("me/mine")
    assert main(["push", "me/mine", "--weights", str(folder / "none")]) == 2


def test_a_space_is_mapped_to_its_root(remote: Hub, folder: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    files = hub.space_files(root, folder)
    names = set(files)
    assert {"README.md", "requirements.txt", "packages.txt", "app.py", "space/ui.py", "diffbgm/__init__.py"} <= names
    assert {f"diffbgm/weights_card/{n}" for n in (hub.CONFIG, hub.WEIGHTS)} <= names
    assert not [n for n in names if "__pycache__" in n or n.startswith(("sdk/", "tests/")) or "/." in n]
    assert files["README.md"] == root / "space" / "README.md"
    assert "space/README.md" not in names
    hub.push(files, "me/room", kind="space", token=TOKEN)
    pushed = remote.head("spaces/me/room")
    assert pushed["README.md"].startswith(b"---\ntitle:")
    fewer = {name: path for name, path in files.items() if name != "space/intro.md"}
    remote.commit("spaces/me/room", {**pushed, "notes.txt": b"kept"})
    hub.push(fewer, "me/room", kind="space", token=TOKEN)
    assert set(remote.head("spaces/me/room")) == set(fewer) | {"notes.txt"}
    for name, data in remote.head("spaces/me/room").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    code = "import diffbgm.hub as h; print(h.bundled_folder()); import space.settings; print(space.settings.__file__)"
    lines = python(code, tmp_path)
    assert Path(lines[0]) == (tmp_path / "diffbgm" / "weights_card").resolve()
    assert Path(lines[1]).is_relative_to(tmp_path.resolve())


def python(code: str, folder: Path) -> list[str]:
    """What a fresh interpreter in `folder` prints, with nothing but that folder to import the project from."""
    import subprocess
    import sys

    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_space_is_pushed_from_a_checkout_only(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="checkout"):
        hub.space_files(tmp_path, folder)
    with pytest.raises(InputError, match=r"config\.json"):
        hub.space_files(Path(__file__).parents[1], tmp_path)
