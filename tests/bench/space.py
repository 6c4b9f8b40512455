"""The browser demo as it is pushed: how soon it is up, painted and heard, and what many pieces leave behind.

    python -m tests.bench.space [--clean] [--clients 8] [--rounds 3] [--seconds 6] [--film 30] [--pieces 0]

--film: seconds of the clip that is dropped in a browser, to its first sound; beside it stands the processor time of the
server and its helpers until then, which a busy machine changes less. --pieces: so many clips, one after the other, and
the memory of the server after 5, 30 and 100 of them.

--clean starts it in a fresh virtual environment with nothing but what space/README.md and space/requirements.txt ask
for (a gigabyte or two). First paint needs playwright and Chromium, and is left out without them. Run it on an idle
machine.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.space.starting import map_space, started

from diffbgm.video.demo import draw_demo

STUDIO = "window.diffbgm?.studio"
MARKS = (5, 30, 100)  # pieces after which the memory is told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--film", type=float, default=30.0)
    parser.add_argument("--pieces", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as name:
        folder = Path(name)
        tree = map_space(folder / "space")
        python = fresh_python(folder / "venv", tree) if args.clean else sys.executable
        with started(tree, python, folder / "files") as server:
            print(f"server up       {server.seconds:6.2f} s after python app.py (bar 10)")
            settle(server.pid)
            with browser() as page:
                if page is None:
                    print("in a browser: not measured, needs playwright and Chromium")
                else:
                    paint(page, server.address)
                    hear(page, server.pid, draw(folder / "film.mp4", args.film, 0))
            clips = [draw(folder / f"clip{i}.mp4", args.seconds, i) for i in range(args.clients)]
            print(f"memory          {resident(server.pid):6.0f} MB at rest")
            for i in range(args.rounds):
                seconds = serve(server.address, clips, folder / f"out{i}")
                print(f"{len(clips)} clients at once {seconds:4.0f} s, then {resident(server.pid):.0f} MB")
            for i in range(1, args.pieces + 1):
                serve(server.address, clips[:1], folder / "pieces")
                if i in MARKS or i == args.pieces:
                    print(f"memory          {resident(server.pid):6.0f} MB after {i} more pieces", flush=True)


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


@contextmanager
def browser() -> Iterator[Any]:
    """A page of a browser; None without playwright or Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        yield None
        return
    with sync_playwright() as p:
        flags = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        opened = p.chromium.launch(executable_path=chromium, args=flags)
        page = opened.new_page()
        page.set_default_timeout(600_000)
        yield page
        opened.close()


def paint(page: Any, address: str) -> None:
    """First paint of a first visit, and when the page can be used."""
    page.goto("about:blank")
    began = time.monotonic()
    page.goto(address)
    page.wait_for_function(f"{STUDIO}?.server && {STUDIO}?.knobs")
    usable = time.monotonic() - began
    entries = page.evaluate("performance.getEntriesByType('paint').map((e) => [e.name, e.startTime / 1000])")
    for name, seconds in entries:
        print(f"{name:24} {seconds:.2f} s (bar 3)")
    print(f"usable                   {usable:.2f} s")


def hear(page: Any, pid: int, clip: Path) -> None:
    """From the drop of a clip to the first sound of a draft; when each stage began, as the page says it."""
    page.evaluate(f"""() => {{ const box = {STUDIO}.querySelector('.bgm-status'); window.marks = [];
        new MutationObserver(() => {{ const s = box.dataset.stage; if (s && s !== window.marks.at(-1)?.[0])
        window.marks.push([s, performance.now()]); }}).observe(box, {{ attributes: true }}); }}""")
    before, began = spent(pid), page.evaluate("performance.now()")
    page.set_input_files("#pick", str(clip))
    page.wait_for_function(f"{STUDIO}.take")
    page.evaluate(f"{STUDIO}.sound.load({STUDIO}.take)")
    page.locator("body").press("Space")
    page.wait_for_function(f"{STUDIO}.sound.playing")
    heard, used = page.evaluate("performance.now()"), spent(pid) - before
    for stage, at in page.evaluate("window.marks"):
        print(f"  {stage:22} {(at - began) / 1000:6.2f} s")
    print(f"first sound              {(heard - began) / 1000:.2f} s (bar 12), {used:.1f} s of processor time")


def settle(pid: int) -> None:
    """Waits until a server has done what it does ahead: while it uses more than a tenth of a core."""
    while True:
        before = spent(pid)
        time.sleep(3.0)
        if spent(pid) - before < 0.3:
            return


def spent(pid: int) -> float:
    """Seconds of processor time of a process and of all that it started."""
    found: dict[int, list[tuple[int, float]]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                found.setdefault(int(words[1]), []).append((int(folder.name), sum(map(int, words[11:15]))))
                if int(folder.name) == pid:
                    found.setdefault(-1, []).append((pid, sum(map(int, words[11:15]))))

    def sum_up(of: int) -> float:
        return sum(ticks + sum_up(child) for child, ticks in found.get(of, []))

    return sum_up(-1) / os.sysconf("SC_CLK_TCK")


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
