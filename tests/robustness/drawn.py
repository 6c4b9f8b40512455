"""Undamaged inputs of every kind that the package reads, each small enough to damage thousands of times."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.media.film import film
from tests.music import make_plan, make_roll
from tests.networks import playing_network
from tests.research.datasets.archives import TRAINING, Drawn, write_archive
from tests.research.datasets.archives import midi_bytes as piece_bytes

from diffbgm import codec, hub
from diffbgm.arrange import arrange
from diffbgm.midi import midi_bytes
from diffbgm.options import ScoreOptions

FAST = {"deadline": "realtime", "cpu-used": "8"}
CONTAINERS = {
    ".mp4": {"options": {"bf": "2", "preset": "superfast"}},
    ".mov": {"codec": "mjpeg", "pix": "yuvj420p", "options": {}, "sounds": ({"codec": "pcm_s16le"},)},
    ".mkv": {"sounds": ({"codec": "ac3"}, {"codec": "libopus", "default": False})},
    ".webm": {"codec": "libvpx-vp9", "options": FAST, "sounds": ({"codec": "libopus"},)},
    ".avi": {"codec": "mpeg4", "options": {"bf": "2"}, "sounds": ({"codec": "libmp3lame"},)},
    ".ts": {"sounds": ({"codec": "ac3"},)},
    ".flv": {},
    ".mpg": {"codec": "mpeg2video", "options": {"bf": "2"}, "sounds": ({"codec": "mp2"},)},
    ".gif": {"codec": "gif", "pix": "rgb8", "options": {}, "sounds": ()},
}


@dataclass(frozen=True)
class Seed:
    """What is damaged: what kind of input it is, the name of its file, and whether it is text."""

    kind: str
    name: str
    data: bytes
    text: bool = False


def draw_seeds(folder: Path) -> list[Seed]:
    """One of each, and the weights of a tiny network that plays."""
    seeds = []
    for suffix, how in CONTAINERS.items():
        path = film(folder / f"film{suffix}", size=(64, 48), **how)
        seeds.append(Seed("video", path.name, path.read_bytes()))
    model = playing_network()
    weights = hub.save_weights(model, folder / "weights")
    seeds += [
        Seed("weights", name, (weights / name).read_bytes(), text=name.endswith(".json"))
        for name in ("model.safetensors", "config.json")
    ]
    plan = make_plan(8)
    seeds.append(Seed("plan", "music.plan.json", codec.to_json(plan, indent=1).encode(), text=True))
    rows = "video,style,prompt,seed,steps\nfilm.mp4,calm,slow,1,4\nfilm.mkv,,quick,2.0,8\n"
    seeds.append(Seed("manifest", "rows.csv", rows.encode(), text=True))
    lines = '{"video": "film.mp4", "style": "calm", "seed": 7}\n{"video": "film.mkv", "steps": 9, "fade": 0.5}\n'
    seeds.append(Seed("manifest", "rows.jsonl", lines.encode(), text=True))
    receipt = {
        "seed": 7,
        "options": codec.to_plain(ScoreOptions(style="calm", seed=7, steps=4)),
        "files": {"a.mp4": None},
    }
    seeds.append(Seed("receipt", "film.receipt.json", json.dumps(receipt, indent=1).encode(), text=True))
    seeds.append(Seed("midi", "music.mid", midi_bytes(arrange(make_roll(8), plan))))
    seeds.append(Seed("midi", "piece.mid", piece_bytes(Drawn(TRAINING[0], bars=2))))
    archive = write_archive(folder / "nottingham.zip", [Drawn(name, bars=2) for name in TRAINING[:2]])
    seeds.append(Seed("dataset", archive.name, archive.read_bytes()))
    seeds.append(Seed("pieces", "index.csv", b"id,file,genre,key,tempo,metre\na,a.mid,folk,C,96,4/4\n", text=True))
    seeds.append(Seed("song", "beat_midi.txt", (folder_of_song(folder) / "beat_midi.txt").read_bytes(), text=True))
    return seeds


def folder_of_song(folder: Path) -> Path:
    """A song in POP909's layout."""
    from tests.research.datasets.conftest import TRAINING as SONGS
    from tests.research.datasets.conftest import write_song

    if not (folder / "pop909").exists():
        write_song(folder / "pop909", SONGS[0], 0, bars=4)
    return folder / "pop909" / SONGS[0]
