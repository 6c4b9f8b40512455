"""`diffbgm evaluate sound`: composed pieces on several palettes, measured as sound."""

import random
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.arrange import PALETTES, arrange, cast
from diffbgm.media import write_audio
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, silent
from diffbgm.render import find_engine, find_soundfont, measure_loudness, render
from diffbgm.render.mix import energy_curve
from diffbgm.render.synth import synthesize
from diffbgm.research.evaluation.recordings import read_recordings
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.research.metrics.parts import out_of_range, over_gain, seated
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.sound import Character, character, longest_gap, null_depth
from diffbgm.research.metrics.sync import random_cuts
from diffbgm.types import Audio

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

SECONDS = 30.0
MOODS = ("calm", "driving")


@dataclass(frozen=True)
class RenderedPiece:
    """One composed piece as sound.

    LUFS, dBTP, seconds, dBFS, roles that play, notes out of range, sd of velocities; `over_gain`: dB of the loudest
    part over what its gain allows beside the melody; `energy`: 0..1, what the mix takes the music for; `dry`: the same
    notes as the font gives them.
    """

    palette: str
    seed: int
    loudness: float
    true_peak: float
    gap: float
    null: float
    roles: int
    out_of_range: int
    velocity_sd: float
    length_error_ms: float
    mood: str
    over_gain: float
    energy: float
    mixed: Character
    dry: Character


def evaluate_sound(
    model: "DiffBGM",
    *,
    n: int = 20,
    palettes: int = 5,
    seed: int = 0,
    steps: int | None = None,
    beside: Sequence[Path] = (),
    save: Path | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """`n` pieces of 30 s with random cuts, in turn on `palettes` palettes drawn by the seed, half calm, half driving.

    `beside`: folders of recordings, whose sound is measured as well; `save`: a folder for the sound, mixed and dry, for
    judges of one's own.
    """
    progress = on_progress or silent
    names = random.Random(seed).sample(sorted(PALETTES), palettes)
    pieces = []
    for i in range(n):
        progress(i / n, f"piece {i + 1} of {n}, {names[i % palettes]}")
        mood = MOODS[i // palettes % len(MOODS)]
        pieces.append(measure_piece(model, names[i % palettes], mood, seed + i, steps, save))
    rows = []
    for name in names:
        mine = [p for p in pieces if p.palette == name]
        if mine:
            rows.append(
                (
                    name,
                    len(mine),
                    f"{min(p.loudness for p in mine):.2f} to {max(p.loudness for p in mine):.2f}",
                    max(p.true_peak for p in mine),
                    max(p.gap for p in mine),
                    max(p.null for p in mine),
                    min(p.roles for p in mine),
                    sum(p.out_of_range for p in mine),
                    min(p.velocity_sd for p in mine),
                    max(p.over_gain for p in mine),
                )
            )
    columns = ("palette", "n", "LUFS", "dBTP at most", "longest gap s", "null dBFS", "roles at least", "out of range",
               "velocity sd at least", "dB over gain")  # fmt: skip
    note = f"n = {n} pieces of {SECONDS:g} s, seed {seed}; the worst piece of each palette"
    recordings = [(r.group, character(r.sound)) for r in read_recordings(beside, n=n, seconds=SECONDS, seed=seed)]
    tables = (Table("Sound by palette", columns, tuple(rows), note), by_mood(pieces, note, recordings))
    return Report("Sound", seed, tables, {"pieces": [asdict(p) for p in pieces]})


def by_mood(pieces: Sequence[RenderedPiece], note: str, recordings: Sequence[tuple[str, Character]] = ()) -> Table:
    """Spectrum and dynamics of calm and of driving pieces, mixed; dry, and recordings of others, as baselines."""
    rows: list[tuple[str | float | None, ...]] = []
    for mood in MOODS:
        mine = [p for p in pieces if p.mood == mood]
        for kind, heard in (("mixed", [p.mixed for p in mine]), ("dry", [p.dry for p in mine])):
            if mine:
                means = np.mean([astuple(c) for c in heard], axis=0).tolist()
                rows.append((mood, kind, len(mine), float(np.mean([p.energy for p in mine])), *means))
    for group in dict.fromkeys(name for name, _ in recordings):
        heard = [c for name, c in recordings if name == group]
        rows.append(
            ("any", f"recordings: {group}", len(heard), None, *np.mean(list(map(astuple, heard)), axis=0).tolist())
        )
    columns = ("mood", "sound", "n", "energy", "bright dB", "crest dB", "spread dB", "width")
    return Table("Calm and driving", columns, tuple(rows), f"{note}; means")


def measure_piece(
    model: "DiffBGM", palette: str, mood: str, seed: int, steps: int | None, save: Path | None = None
) -> RenderedPiece:
    """Plans, composes, arranges and renders one piece."""
    _, cuts = random_cuts(4.0, seed)
    features = drawn_features(SECONDS, [c for c in cuts if c.time < SECONDS - 1])
    plan = make_plan(features, f"{mood},{palette}")
    score = arrange(model.compose(plan, seed=seed, steps=steps), plan, seed=seed)
    sound = render(score, duration=plan.duration)
    tracks = [track for track in score.tracks if track.notes]
    raw = synthesize(tracks, score.tempo, sound.mix.samples.shape[1], sound.mix.rate, find_engine(), find_soundfont())
    dry = Audio(np.sum(raw, axis=0), sound.mix.rate)
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        loud = 10 ** ((sound.lufs - measure_loudness(dry.samples, dry.rate)) / 20)
        write_audio(sound.mix, save / f"{mood}-{palette}-{seed}.mixed.wav")
        write_audio(Audio(dry.samples * np.float32(loud), dry.rate), save / f"{mood}-{palette}-{seed}.dry.wav")
    velocities = [note.velocity for track in tracks for note in track.notes]
    energy = float(energy_curve(tracks, score.tempo, plan.duration).mean())
    return RenderedPiece(
        palette=palette,
        seed=seed,
        loudness=sound.lufs,
        true_peak=sound.true_peak,
        gap=longest_gap(sound.mix),
        null=null_depth(sound.mix, sound.stems),
        roles=len(tracks),
        out_of_range=out_of_range(seated(score, cast(plan))),
        velocity_sd=float(np.std(velocities)),
        length_error_ms=1000 * (sound.mix.duration - plan.duration),
        mood=mood,
        over_gain=over_gain(tracks, sound, energy),
        energy=energy,
        mixed=character(sound.mix),
        dry=character(dry),
    )
