"""Uploads: refused before a byte is written where they are too much, and gone where they were broken off."""

import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from space import storage, uploads

BODY = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
END = b"\r\n--x--\r\n"


def send(server: str, headers: str, body: bytes, *, listen: bool = True) -> str:
    """What the server answers to an upload, as far as it was sent; "" where it was broken off."""
    at = urlsplit(server)
    with socket.create_connection((at.hostname, at.port or 80), timeout=20) as line:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: close\r\n"
        line.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n{headers}\r\n\r\n".encode() + body)
        answer = b""
        while listen and (more := line.recv(65536)):
            answer += more
        if not listen:
            time.sleep(0.5)
    return answer.decode()


def partial(files: Path) -> list[Path]:
    return [path for path in files.iterdir() if path.is_file()]


@pytest.fixture
def upload_files(server: str, files: Path) -> Path:
    return files


def whole(content: bytes) -> tuple[str, bytes]:
    body = BODY + content + END
    return f"Content-Length: {len(body)}", body


def test_an_upload_that_was_broken_off_goes(server: str, upload_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SETTLED", 0.2)
    send(server, "Content-Length: 30000000", BODY + b"\0" * 1_000_000, listen=False)
    deadline = time.monotonic() + 10
    while partial(upload_files) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not partial(upload_files)


def test_an_upload_under_way_stays(upload_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SETTLED", 0.0)
    with (upload_files / "tmpabcd1234").open("wb") as held:
        held.write(b"x")
        held.flush()
        os.utime(held.name, (1, time.time() - 5))
        assert not storage.sweep_uploads()
        os.utime(held.name, (1, time.time() - storage.STALLED - 5))
        assert storage.sweep_uploads() == [Path(held.name)]


def test_too_much_is_refused_in_a_sentence(server: str, upload_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = send(server, "Content-Length: 300000000", BODY)
    assert answer.startswith("HTTP/1.1 413")
    assert "300 MB; this page takes up to 200 MB. Export it smaller" in answer
    assert send(server, "Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n").startswith("HTTP/1.1 411")
    monkeypatch.setattr(storage, "FLOOR", 10**18)
    assert "the disk of this page is nearly full" in send(server, *whole(b"x"))
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "MOST_AT_ONCE", 0)
    assert "uploads from your network are under way" in send(server, *whole(b"x"))
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "MOST_PER_HOUR", 10)
    assert "came from your network; wait a while" in send(server, *whole(b"x"))
    monkeypatch.undo()
    assert send(server, *whole(b"x")).startswith("HTTP/1.1 200")
    assert not partial(upload_files)


def test_old_folders_go_and_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(storage.FOLDER, str(tmp_path))
    old, young, other = tmp_path / ("a" * 64), tmp_path / ("b" * 64), tmp_path / "photos"
    for path in (old, young, other):
        path.mkdir()
        (path / "file").write_bytes(b"x")
    for path in (old, other):
        os.utime(path, (1, time.time() - storage.KEPT - 60))
    storage.sweep()
    assert [path.exists() for path in (old, young, other)] == [False, True, True]
