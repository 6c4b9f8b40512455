"""The browser demo as it is pushed: how soon it is up and painted, and what many clients at once leave behind.

    python -m tests.bench.space [--clean] [--clients 8] [--rounds 3] [--seconds 6]

--clean starts it in a fresh virtual environment with nothing but what space/README.md and space/requirements.txt ask
for (a gigabyte or two). First paint needs playwright and Chromium, and is left out without them. Run it on an idle
machine.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.space.starting import map_space, started

from diffbgm.video.demo import draw_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as name:
        folder = Path(name)
        tree = map_space(folder / "space")
        python = fresh_python(folder / "venv", tree) if args.clean else sys.executable
        with started(tree, python, folder / "files") as server:
            print(f"server up       {server.seconds:6.2f} s after python app.py (bar 10)")
            paint(server.address)
            clips = [draw(folder / f"clip{i}.mp4", args.seconds, i) for i in range(args.clients)]
            print(f"memory          {resident(server.pid):6.0f} MB at rest")
            for i in range(args.rounds):
                seconds = serve(server.address, clips, folder / f"out{i}")
                print(f"{len(clips)} clients at once {seconds:4.0f} s, then {resident(server.pid):.0f} MB")


def fresh_python(venv: Path, tree: Path) -> str:
    """The interpreter of a new environment with the Space's own requirements."""
    version = re.search(r"^sdk_version: (\S+)$", (tree / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    wanted = [f"gradio=={version[1]}", "-r", str(tree / "requirements.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    return python


def paint(address: str) -> None:
    """First paint of a first visit, and when the page can be used."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("first paint: not measured, needs playwright and Chromium")
        return
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto("about:blank")
        began = time.monotonic()
        page.goto(address)
        page.wait_for_selector("#compose")
        usable = time.monotonic() - began
        entries = page.evaluate("performance.getEntriesByType('paint').map((e) => [e.name, e.startTime / 1000])")
        browser.close()
    for name, seconds in entries:
        print(f"{name:24} {seconds:.2f} s (bar 3)")
    print(f"usable                   {usable:.2f} s")


def draw(path: Path, seconds: float, seed: int) -> Path:
    draw_demo(path, seconds, seed)
    return path


def serve(address: str, clips: list[Path], out: Path) -> float:
    """Every clip by a client of its own, at once; the seconds it took. Each must get its own back."""
    from gradio_client import Client, handle_file

    def ask(i: int) -> None:
        client = Client(address, verbose=False, download_files=str(out / str(i)), analytics_enabled=False)
        video, *_, receipt = client.predict(
            video=handle_file(str(clips[i])), seed=i, steps=4, style="calm", api_name="/score"
        )
        assert receipt["seed"] == i
        assert Path(video).name == f"{clips[i].stem}-scored.mp4"

    began = time.monotonic()
    with ThreadPoolExecutor(len(clips)) as pool:
        list(pool.map(ask, range(len(clips))))
    return time.monotonic() - began


def resident(pid: int) -> float:
    """MB of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


if __name__ == "__main__":
    main()
