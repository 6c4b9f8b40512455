"""A film, a plan and a take as plain data for the page's script, which draws them. Times are seconds."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from diffbgm.arrange.harmony import harmony_unit, read_harmony, symbol_of
from diffbgm.critic import rank_takes
from diffbgm.planner.shape import density_scale, level_of
from diffbgm.result import Take as Heard
from diffbgm.roll import roll_to_notes
from diffbgm.types import MusicPlan, PianoRoll, PlannedCut
from diffbgm.video import describe
from space.projects import Project
from space.work import Take, Watched

FILES = "gradio_api/file="  # gradio serves uploads and takes here
MOOD_POINTS = 200


def address_of(path: Path) -> str:
    """Where the page finds a file, relative to the page."""
    return FILES + quote(str(path))


def project_sheet(project: Project) -> dict[str, Any]:
    """All of a project but its status."""
    watched = project.watched
    return {
        "film": film_sheet(project, watched) if watched is not None else None,
        "plan": project.plan,
        "takes": [take.sheet for take in project.takes.values()],
        "made": project.made,
    }


def film_sheet(project: Project, watched: Watched) -> dict[str, Any]:
    """The video: where it lies, its pictures, what it sounds like."""
    features = watched.features
    every = max(1, len(features.times) // MOOD_POINTS)
    return {
        "name": watched.path.name,
        "url": address_of(project.proxy or watched.path),
        "proxy": project.proxy is not None,
        "duration": features.duration,
        "sound": watched.sound,
        "poster": address_of(watched.poster) if watched.poster else "",
        "stills": [[round(s.start, 3), round(s.end, 3), address_of(s.path)] for s in watched.stills],
        "mood": [
            [round(float(t), 2), round(float(valence), 2), round(float(arousal), 2)]
            for t, (valence, arousal) in zip(features.times[::every], features.affect[::every], strict=True)
        ],
        "seen": describe(features),
    }


def plan_sheet(plan: MusicPlan) -> dict[str, Any]:
    """What is asked of the music: bars, sections, cuts, energy, and the reasons."""
    beats = plan.beats_per_bar
    starts = np.arange(0, plan.beats, beats)
    density = level_of("density", plan.curves.density / density_scale(plan))
    full = level_of("polyphony", plan.curves.polyphony)
    return {
        "duration": plan.duration,
        "bpm": round(plan.tempo.mean_bpm),
        "range": [round(float(plan.tempo.bpm().min())), round(float(plan.tempo.bpm().max()))],
        "key": str(plan.key),
        "metre": plan.metre,
        "palette": plan.palette,
        "beats": [round(float(t), 3) for t in plan.tempo.edges],
        "bars": [round(float(t), 3) for t in plan.tempo.edges[::beats]],
        "full": [round(float(full[b : b + beats].mean()), 2) for b in starts],
        "busy": [round(float(density[b : b + beats].mean()), 2) for b in starts],
        "sections": [
            [
                round(float(plan.tempo.time_at(s.start_beat)), 3),
                round(float(plan.tempo.time_at(s.end_beat)), 3),
                s.label,
                round(s.valence, 2),
                round(s.arousal, 2),
            ]
            for s in plan.sections
        ],
        "cuts": [[round(cut.time, 3), cut.snapped, told(cut), cut.asked] for cut in plan.cuts],
        "chords": [
            [round(float(plan.tempo.time_at(c.start)), 3), round(float(plan.tempo.time_at(c.end)), 3), c.symbol]
            for c in plan.chords
        ],
        "hits": [[round(h.time, 3), round(h.size, 2)] for h in plan.hits],
        "rests": [[round(a, 3), round(b, 3)] for a, b in plan.rests],
        "why": list(plan.why),
    }


def told(cut: PlannedCut) -> str:
    """What became of a cut, in words."""
    if cut.snapped:
        return f"cut at {cut.time:.2f} s: on a beat ({1000 * abs(cut.error):.0f} ms off)"
    if cut.asked == "ignore":
        return f"cut at {cut.time:.2f} s: ignored"
    return f"cut at {cut.time:.2f} s: let go, {cut.reason or 'no beat is near'}"


def take_sheet(take: Take) -> dict[str, Any]:
    """A take: its sound by roles, its loudness along the film, its notes, and a line about it."""
    return {
        "letter": take.letter,
        "seed": take.seed,
        "steps": take.settings.steps,
        "line": line_about(take),
        "stems": [[role, address_of(path)] for role, path in take.played.stems.items()],
        "roles": list(take.played.exact),
        "players": dict(take.played.players),
        "peaks": [round(float(p), 3) for p in take.played.peaks],
        "gains": dict(take.gains) if take.gains is not None else None,
        "bed": round(take.played.bed, 2),
        "duck": [[round(t, 2), round(gain, 1)] for t, gain in take.played.duck],
        "notes": notes_of(take.plan, take.roll),
        "plan": {**plan_sheet(take.plan), "chords": chords_of(take.plan, take.roll)},
    }


def chords_of(plan: MusicPlan, roll: PianoRoll) -> list[tuple[float, float, str]]:
    """(start, end, symbol) of the chords that sound; those that were asked for by the name they were asked by."""
    asked = {(c.start, frozenset(c.chord.classes)): c.symbol for c in plan.chords}
    out: list[tuple[float, float, str]] = []
    for chord in read_harmony(roll, plan.key, harmony_unit(plan.beats_per_bar), plan.chords):
        if chord.heard:
            heard = symbol_of(chord.classes, flats=plan.key.sharps < 0)
            symbol = asked.get((chord.start, frozenset(chord.classes)), heard)
            start, end = (round(float(plan.tempo.time_at(beat)), 3) for beat in (chord.start, chord.end))
            out.append((start, end, symbol))
    return out


def line_about(take: Take) -> str:
    """What there is to say of a take: what the critic hears, tempo, key, instruments."""
    plan = take.plan
    reasons = rank_takes(plan, [Heard(take.seed, take.roll)])[0].line
    players = ", ".join(dict.fromkeys(take.played.players.values()))
    return f"{reasons} · {plan.tempo.mean_bpm:.0f} bpm · {plan.key} · {players}".removeprefix(" · ")


def notes_of(plan: MusicPlan, roll: PianoRoll) -> list[list[float]]:
    """(start, length, pitch, 1 for melody) of every note."""
    out: list[list[float]] = []
    for lead, notes in zip((1, 0), roll_to_notes(roll), strict=True):
        for note in notes:
            start, end = float(plan.tempo.time_at(note.start)), float(plan.tempo.time_at(note.end))
            out.append([round(start, 3), round(end - start, 3), note.pitch, lead])
    return out
