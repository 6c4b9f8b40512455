"""Pictures of a plan and a take as HTML: lanes over one time line, sharp at any width, in the page's own colours."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from diffbgm.planner.shape import density_scale, level_of
from diffbgm.roll import roll_to_notes
from diffbgm.types import MusicPlan, PianoRoll, PlannedCut, VideoFeatures
from diffbgm.video import describe
from space.films import Still
from space.notices import clock
from space.work import Watched


def timeline(
    watched: Watched,
    plan: MusicPlan,
    *,
    roll: PianoRoll | None = None,
    peaks: np.ndarray | None = None,
    seed: int | None = None,
    title: str = "The plan",
) -> str:
    """The whole picture: title, facts, lanes (film with its cuts, sound, notes, mood, energy, tempo), and why."""
    features = watched.features
    lanes = [_film(plan, watched.stills)]
    if peaks is not None:
        lanes.append(_lane("Sound", _svg(_wave(peaks), "wave"), "short"))
    if roll is not None:
        key = _key(("melody", "melody"), ("accompaniment", "accompaniment"))
        lanes.append(_lane("Notes", _svg(_notes(plan, roll), "notes"), "tall", key))
    lanes += [
        _lane(
            "Mood of the pictures",
            _svg(_mood(features), "mood"),
            "",
            _key(("bright", "warm ↔ gloomy"), ("lively", "lively ↔ calm")),
        ),
        _lane(
            "Energy of the music",
            _bands(plan) + _svg(_energy(plan), "energy"),
            "",
            _key(("full", "fullness"), ("busy", "notes")),
        ),
        _lane("Tempo", _svg(_tempo(plan), "tempo"), "short", _tempo_words(plan)),
    ]
    return (
        f'<section class="bgm" aria-label="{escape(_summary(plan))}" data-poster="{watched.poster}">'
        f"<h3>{escape(title)}</h3>{_facts(plan, seed)}"
        f'<div class="bgm-lanes" data-duration="{plan.duration:.3f}">{"".join(lanes)}{_axis(plan.duration)}'
        '<div class="bgm-playhead" aria-hidden="true"></div></div>'
        f"{_cut_legend(plan)}{_why(features, plan)}</section>"
    )


def _summary(plan: MusicPlan) -> str:
    hits = sum(cut.snapped for cut in plan.cuts)
    cuts = f"{hits} of {len(plan.cuts)} cuts on the beat" if plan.cuts else "no cuts"
    return f"The plan: {_bpm(plan):.0f} beats per minute, {plan.key}, {plan.bars} bars, {cuts}, {plan.palette}"


def _bpm(plan: MusicPlan) -> float:
    return 60 * plan.beats / float(plan.tempo.edges[-1] - plan.tempo.edges[0])


def _facts(plan: MusicPlan, seed: int | None) -> str:
    hits = sum(cut.snapped for cut in plan.cuts)
    facts = [
        (f"{_bpm(plan):.0f}", "beats per minute"),
        (str(plan.key), "key"),
        (f"{plan.bars}", "bars"),
        (f"{hits} of {len(plan.cuts)}" if plan.cuts else "none", "cuts on the beat" if plan.cuts else "cuts"),
        (plan.palette, "instruments"),
    ]
    if seed is not None:
        facts.append((str(seed), "seed"))
    cells = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for value, what in facts)
    return f'<dl class="bgm-facts">{cells}</dl>'


def _lane(name: str, inside: str, size: str = "", key: str = "") -> str:
    return (
        f'<div class="bgm-lane {size}"><div class="bgm-name">{escape(name)}{key}</div>'
        f'<div class="bgm-track">{inside}</div></div>'
    )


def _svg(paths: str, kind: str) -> str:
    return f'<svg class="bgm-{kind}" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">{paths}</svg>'


def _key(*entries: tuple[str, str]) -> str:
    return "".join(f'<span class="bgm-key {kind}">{escape(text)}</span>' for kind, text in entries)


# --- lanes ---------------------------------------------------------------------------------------------------------


def _film(plan: MusicPlan, stills: Sequence[Still]) -> str:
    pictures = "".join(
        f'<span class="bgm-still" style="left:{_percent(s.start, plan)};width:{_percent(s.end - s.start, plan)};'
        f'background-image:url({s.uri})"></span>'
        for s in stills
    )
    marks = "".join(_mark(cut, plan) for cut in plan.cuts)
    return f'<div class="bgm-lane film"><div class="bgm-track">{pictures}{marks}</div></div>'


def _mark(cut: PlannedCut, plan: MusicPlan) -> str:
    kind, sign = ("hit", "●") if cut.snapped else ("miss", "×")
    return (
        f'<span class="bgm-cut {kind}" style="left:{_percent(cut.time, plan)}" title="{escape(_told(cut))}">'
        f"<b>{sign}</b></span>"
    )


def _told(cut: PlannedCut) -> str:
    if cut.snapped:
        return f"cut at {cut.time:.2f} s: on a beat ({1000 * abs(cut.error):.0f} ms off)"
    return f"cut at {cut.time:.2f} s: let go, {cut.reason or 'no beat is near'}"


def _percent(time: float, plan: MusicPlan) -> str:
    return f"{100 * time / plan.duration:.3f}%"


def _mood(features: VideoFeatures) -> str:
    x = 1000 * features.times / features.duration
    lines = [_line(x, 50 - 46 * features.affect[:, i], kind) for i, kind in ((0, "bright"), (1, "lively"))]
    return '<path class="zero" d="M0 50H1000"/>' + "".join(lines)


def _energy(plan: MusicPlan) -> str:
    x = 1000 * plan.tempo.edges / plan.duration
    density = plan.curves.density / density_scale(plan)
    full, busy = (
        96 - 90 * level_of(name, c) for name, c in (("polyphony", plan.curves.polyphony), ("density", density))
    )
    area = "M0 100" + "".join(f"L{a:.1f} {y:.1f}L{b:.1f} {y:.1f}" for a, b, y in zip(x[:-1], x[1:], full, strict=True))
    middles = (x[:-1] + x[1:]) / 2
    return f'<path class="full" d="{area}L1000 100Z"/>' + _line(middles, busy, "busy")


def _bands(plan: MusicPlan) -> str:
    """The scenes of the music with their letters."""
    labels = sorted({s.label for s in plan.sections})
    out = ""
    for s in plan.sections:
        start, end = (float(plan.tempo.time_at(b)) for b in (s.start_beat, s.end_beat))
        out += (
            f'<span class="bgm-scene tone{labels.index(s.label) % 2}" style="left:{_percent(start, plan)};'
            f'width:{_percent(end - start, plan)}">{escape(s.label)}</span>'
        )
    return out


def _tempo(plan: MusicPlan) -> str:
    bpm = plan.tempo.bpm()
    middle, half = float(np.median(bpm)), max(6.0, float(np.ptp(bpm)) / 1.6)
    y = np.clip(50 - 45 * (bpm - middle) / half, 4, 96)
    x = 1000 * plan.tempo.edges / plan.duration
    steps = "".join(f"L{a:.1f} {v:.1f}L{b:.1f} {v:.1f}" for a, b, v in zip(x[:-1], x[1:], y, strict=True))
    return f'<path class="bpm" d="M{steps[1:]}"/>' + _cut_lines(plan)


def _tempo_words(plan: MusicPlan) -> str:
    low, high = float(plan.tempo.bpm().min()), float(plan.tempo.bpm().max())
    words = f"steady {low:.0f}" if high - low < 1 else f"{low:.0f} to {high:.0f}, bent so that cuts meet beats"
    return f'<span class="bgm-key">{words}</span>'


def _notes(plan: MusicPlan, roll: PianoRoll) -> str:
    melody, accompaniment = roll_to_notes(roll)
    if not (melody or accompaniment):
        return ""
    pitches = [n.pitch for n in (*melody, *accompaniment)]
    low, high = min(pitches) - 1, max(pitches) + 2
    unit = 100 / (high - low)
    bars = 1000 * plan.tempo.edges[:: plan.beats_per_bar] / plan.duration
    out = '<path class="bar" d="' + "".join(f"M{x:.1f} 0V100" for x in bars) + '"/>'
    for kind, notes in (("accompaniment", accompaniment), ("melody", melody)):
        if not notes:
            continue
        start = 1000 * np.asarray(plan.tempo.time_at([n.start for n in notes])) / plan.duration
        end = 1000 * np.asarray(plan.tempo.time_at([n.end for n in notes])) / plan.duration
        boxes = "".join(
            f"M{a:.2f} {100 - (n.pitch + 1 - low) * unit:.2f}h{max(b - a - 0.6, 0.8):.2f}v{unit * 0.9:.2f}H{a:.2f}z"
            for a, b, n in zip(start, end, notes, strict=True)
        )
        out += f'<path class="{kind}" d="{boxes}"/>'
    return out + _cut_lines(plan)


def _cut_lines(plan: MusicPlan) -> str:
    """The cuts through a lane: met ones solid, those let go dashed."""
    out = ""
    for kind, snapped in (("cuts", True), ("gone", False)):
        lines = "".join(f"M{1000 * c.time / plan.duration:.1f} 0V100" for c in plan.cuts if c.snapped == snapped)
        out += f'<path class="{kind}" d="{lines}"/>' if lines else ""
    return out


def _wave(peaks: np.ndarray) -> str:
    x = np.linspace(0, 1000, len(peaks))
    high = 48 * peaks / max(float(peaks.max()), 1e-6)
    top = "".join(f"L{a:.1f} {50 - h:.1f}" for a, h in zip(x, high, strict=True))
    bottom = "".join(f"L{a:.1f} {50 + h:.1f}" for a, h in zip(x[::-1], high[::-1], strict=True))
    return f'<path class="sound" d="M0 50{top}{bottom}Z"/>'


def _line(x: Any, y: Any, kind: str) -> str:
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<path class="{kind}" d="M{points}"/>'


def _axis(duration: float) -> str:
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120) if duration / s <= 7), 120)
    ticks = "".join(
        f'<span style="left:{100 * t / duration:.3f}%">{clock(t)}</span>'
        for t in np.arange(0, duration - step / 3, step)
    )
    return f'<div class="bgm-axis" aria-hidden="true">{ticks}</div>'


# --- words ---------------------------------------------------------------------------------------------------------


def _cut_legend(plan: MusicPlan) -> str:
    if not plan.cuts:
        return ""
    hits = sum(cut.snapped for cut in plan.cuts)
    parts = [f'<span class="hit"><b>●</b> {hits} on a beat</span>']
    if hits < len(plan.cuts):
        parts.append(f'<span class="miss"><b>×</b> {len(plan.cuts) - hits} let go (why: below)</span>')
    return f'<p class="bgm-legend">Cuts: {" ".join(parts)}</p>'


def _why(features: VideoFeatures, plan: MusicPlan) -> str:
    seen = "".join(f"<li>{escape(line)}</li>" for line in describe(features))
    why = "".join(f"<li>{escape(line[:1].upper() + line[1:])}</li>" for line in plan.why)
    gone = "".join(
        f"<li>{escape(_told(cut)[:1].upper() + _told(cut)[1:])}</li>" for cut in plan.cuts if not cut.snapped
    )
    missed = f"<h4>Cuts let go</h4><ul>{gone}</ul>" if gone else ""
    return (
        "<details class='bgm-why'><summary>What was understood, and why it will sound like this</summary>"
        f"<h4>In the pictures</h4><ul>{seen}</ul><h4>For the music</h4><ul>{why}</ul>{missed}</details>"
    )
