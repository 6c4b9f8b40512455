import json
from pathlib import Path

import pytest
import torch

from diffbgm import hub
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
