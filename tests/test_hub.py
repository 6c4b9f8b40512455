import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffbgm import hub
from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import WeightsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return hub.save_weights(Denoiser(Config.tiny()), tmp_path / "weights")


def test_weights_round_trip(folder: Path) -> None:
    torch.manual_seed(0)
    model = Denoiser(Config.tiny())
    loaded = hub.load_weights(folder)
    assert loaded.config == model.config
    assert all(torch.equal(t, model.state_dict()[name]) for name, t in loaded.state_dict().items())
    assert not loaded.training
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_half_precision_files_load_as_float32(tmp_path: Path) -> None:
    hub.save_weights(Denoiser(Config.tiny()), tmp_path, torch.bfloat16)
    assert {t.dtype for t in hub.load_weights(tmp_path).state_dict().values()} == {torch.float32}


def test_damaged_weights_are_named(folder: Path) -> None:
    weights = folder / hub.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="damaged"):
        hub.load_weights(folder)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = json.loads((folder / hub.CONFIG).read_text())
    (folder / hub.CONFIG).write_text(json.dumps({**config, "depth": 3}))
    with pytest.raises(WeightsError, match="does not match"):
        hub.load_weights(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: {**t, "head.bias": torch.full_like(t["head.bias"], torch.nan)}, "tensor head.bias .* not finite"),
        (lambda t: {**t, "null": t["null"] - torch.inf}, "tensor null .* not finite"),
        (lambda t: {name: x for name, x in t.items() if name != "stem.bias"}, "tensor stem.bias is missing"),
        (lambda t: {**t, "more": torch.zeros(1)}, "tensor more belongs to no such network"),
        (lambda t: {**t, "null": torch.zeros(1, 1, 3)}, r"tensor null is \[1, 1, 3\] in the file, \[1, 1, 32\]"),
    ],
)
def test_a_wrong_tensor_is_named(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], words: str
) -> None:
    save_file(change(load_file(folder / hub.WEIGHTS)), folder / hub.WEIGHTS)
    with pytest.raises(WeightsError, match=f"{hub.WEIGHTS}: .*{words}"):
        hub.load_weights(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[]", "holds a list"),
        (b"null", "holds a NoneType"),
        (b"[" * 5000, "cannot be read"),
        (b'{"format": 1,', "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "cannot be read"),
        ({"width": 10**9}, "width is 1000000000"),
        ({"width": 2**15, "depth": 2**15}, "too few"),
        ({"width": -4}, "width is -4"),
        ({"width": None}, "width is null"),
        ({"width": 1e400}, "width is Infinity"),
        ({"depth": True}, "depth is true"),
        ({"heads": 0}, "heads must be above 0"),
        ({"channels": [1, 2]}, "channels must be a list of 4"),
        ({"channels": [4, 4, 8, "x"]}, "channels is"),
        ({"channels": [5, 4, 8, 8]}, "no network that can be built"),
        ({"selector": "none"}, "must be one of learned, paper"),
        ({"format": 9}, "format 9"),
        ({"other": 1}, "unknown field"),
    ],
)
def test_a_damaged_config_is_named(folder: Path, text: bytes | dict[str, object], words: str) -> None:
    config = folder / hub.CONFIG
    usual = json.loads(config.read_text())
    config.write_bytes(text if isinstance(text, bytes) else json.dumps({**usual, **text}).encode())
    with pytest.raises(WeightsError, match=words) as raised:
        hub.load_weights(folder)
    assert str(folder) in str(raised.value)
    assert hub.CONFIG in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["no/where/near", "nowhere", "../nowhere"])
def test_weights_that_are_not_there_are_the_users_to_mend(
    name: str, movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["score", str(movie), "--weights", name, "-o", str(tmp_path / "out.mp4")])
    assert code == 2
    assert name in capsys.readouterr().err


def test_loading_draws_no_random_number_and_leaves_none_in_the_network(folder: Path) -> None:
    state = torch.get_rng_state()
    model = hub.load_weights(folder)
    assert torch.equal(torch.get_rng_state(), state)
    stored = load_file(folder / hub.WEIGHTS)
    assert all(torch.equal(t, stored[name]) for name, t in model.state_dict().items())


def test_loading_imports_no_compiler(folder: Path) -> None:
    """torch's device "meta" brings in 800 modules, among them these."""
    code = f"import sys; from diffbgm.hub import load_weights; load_weights({str(folder)!r})"
    code += "; print([m for m in ('sympy', 'torch._dynamo') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / hub.CONFIG).unlink()
    with pytest.raises(WeightsError, match=r"config\.json"):
        hub.load_weights(folder)
    with pytest.raises(WeightsError, match="neither a folder nor a Hub id"):
        hub.find(tmp_path / "nowhere")


def test_an_unknown_repository_offline_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="someone/nothing"):
        hub.find("someone/nothing", cache_dir=tmp_path, local_files_only=True)


def test_the_bundled_weights_describe_themselves() -> None:
    folder, name = hub.find(None)
    assert name == "bundled"
    model = hub.load_weights(folder)
    assert hub.origin_of(folder, name).sha256 == hub.file_sha256(folder / hub.WEIGHTS)
    total = sum(f.stat().st_size for f in folder.rglob("*.safetensors"))
    assert total < 50e6
    assert sum(p.numel() for p in model.parameters()) * 2 == pytest.approx(total, rel=0.01)
