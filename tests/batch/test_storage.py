"""Videos and results in an object store: moto's server speaks S3, s3fs reads and writes it."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.batch.running import music_of, write_csv

from diffbgm.batch import score_batch
from diffbgm.batch.storage import place
from diffbgm.errors import DataError, InputError

CLIPS = 2


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """s3://films at a server of this test, as a path."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("upath")
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    path = place("s3://films")
    path.mkdir()
    yield path
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_videos_from_a_store_and_results_into_it(
    bucket: Any, films: Path, weights: Path, undisturbed: Path, tmp_path: Path
) -> None:
    for k in range(CLIPS):
        (bucket / "in" / f"{k}.mp4").write_bytes((films / f"{k}.mp4").read_bytes())
    (bucket / "out" / "1.mid").write_bytes(b"somebody's")
    rows: list[dict[str, object]] = [
        {"video": f"s3://films/in/{k}.mp4", "style": "calm", "steps": 2} for k in (*range(CLIPS), 9)
    ]
    manifest = write_csv(tmp_path / "clips.csv", rows)

    def score(**chosen: Any) -> list[str]:
        outcomes = score_batch(manifest, "s3://films/out", weights=weights, device="cpu", workers=1, **chosen)
        return [outcome.error for outcome in outcomes]

    errors = score()
    assert errors[0] == ""
    assert "s3://films/out/1.mid: is there already" in errors[1]
    assert "s3://films/in/9.mp4: there is no such file" in errors[2]
    out = bucket / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "0.mid", "0.mp4", "0.receipt.json", "0.result.json", "1.mid", "9.result.json", "results.csv",
    ]  # fmt: skip
    wanted = music_of(undisturbed)
    assert (out / "0.mid").read_bytes() == wanted["0.mid"]
    assert (out / "0.mp4").read_bytes() == wanted["0.mp4"]
    assert (out / "1.mid").read_bytes() == b"somebody's"
    then = out.fs.info(f"{out.path}/0.result.json")["LastModified"]
    assert score(overwrite=True)[:CLIPS] == [""] * CLIPS
    assert (out / "1.mid").read_bytes() == wanted["1.mid"]
    assert out.fs.info(f"{out.path}/0.result.json")["LastModified"] == then  # it was done


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, films: Path, weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("upath")
    for name in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, name, None)
    for protocol in ("s3", "gs"):
        monkeypatch.delitem(import_module("fsspec.registry")._registry, protocol, raising=False)
    with pytest.raises(InputError, match="pip install universal_pathlib s3fs"):
        score_batch(films / "clips.csv", "s3://bucket/out", weights=weights)
    manifest = write_csv(tmp_path / "clips.csv", [{"video": "gs://bucket/a.mp4"}])
    with pytest.raises(DataError, match=r"row 1: gs://bucket/a\.mp4: .*pip install universal_pathlib gcsfs"):
        score_batch(manifest, tmp_path / "out", weights=weights)
    with pytest.raises(InputError, match="no kind of address is called nowhere://"):
        place("nowhere://x")
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(InputError, match="pip install universal_pathlib"):
        place("s3://bucket/a")
