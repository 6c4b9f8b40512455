"""`diffbgm evaluate semantics`: the director on held-out videos, what every style tag does, affect asked and heard."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.metrics.affect import hear
from diffbgm.metrics.report import Report, Table, verdict
from diffbgm.planner import STYLES, make_plan
from diffbgm.planner.director import TARGETS, bundled_director_card
from diffbgm.roll import find_key, measure_curves, measure_mood, pitch_classes
from diffbgm.types import Cut, MusicPlan, PianoRoll, VideoFeatures

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

OnProgress = Callable[[float, str], None]
SECONDS = (16.0, 24.0)  # of a made-up video: about eight bars
STEPS = 12  # of the sampler
PLANE = 5  # plans over the plane of valence and arousal for every piece a tag
SURE = 0.01
# What was reached before there was a director: ridge regression on means, by view.
RIDGE_BARS = {"clip": (0.54, 0.35, 0.31), "words": (0.29, 0.16, 0.17)}
AROUSAL_BAR, VALENCE_BAR, MODE_BAR, RATE_BAR = 0.8, 0.5, 0.8, 1.8

DESCRIPTORS: dict[str, str] = {
    "onset rate": "onsets a second",
    "tempo": "beats a minute",
    "major": "1 where the key is a major one",
    "pitch": "mean MIDI pitch",
    "polyphony": "keys sounding at once",
    "melody": "melody onsets a beat",
    "length": "mean length of a note, beats",
    "syncopation": "share of onsets on odd sixteenths",
}
# What each tag promises to move, and which way; palettes promise other instruments, "medium" a tempo between.
PROMISES: dict[str, tuple[tuple[str, int], ...]] = {
    "calm": (("onset rate", -1), ("tempo", -1)),
    "happy": (("major", 1), ("pitch", 1)),
    "sad": (("major", -1), ("onset rate", -1)),
    "tense": (("major", -1), ("onset rate", 1)),
    "dark": (("major", -1), ("pitch", -1)),
    "hopeful": (("major", 1), ("pitch", 1)),
    "playful": (("major", 1), ("length", -1)),
    "romantic": (("length", 1), ("melody", 1)),
    "epic": (("polyphony", 1), ("onset rate", 1)),
    "mysterious": (("major", -1), ("onset rate", -1)),
    "sparse": (("onset rate", -1),),
    "flowing": (("syncopation", -1),),
    "driving": (("onset rate", 1), ("tempo", 1)),
    "slow": (("tempo", -1),),
    "fast": (("tempo", 1),),
}
Piece = tuple[MusicPlan, dict[str, float], "frozenset[int] | None"]


def evaluate_semantics(
    *, n: int = 7, seed: int = 0, model: "DiffBGM | None" = None, on_progress: OnProgress | None = None
) -> Report:
    """For every tag `n` pieces, each beside the piece for the same video without a tag, and 5 n over the plane of
    valence and arousal; with `model` they are composed and heard, without it only planned."""
    tell = on_progress or (lambda fraction, message: None)
    videos = [drawn_video(seed, i) for i in range(n)]
    plain = [measured(video, "", model, seed + i) for i, video in enumerate(videos)]
    tagged: dict[str, list[Piece]] = {}
    for k, tag in enumerate(STYLES):
        tell(0.7 * k / len(STYLES), f"{n} pieces that are {tag}")
        tagged[tag] = [measured(video, tag, model, seed + i) for i, video in enumerate(videos)]
    tell(0.7, "over the plane of valence and arousal")
    plane = over_the_plane(PLANE * n, seed, model, lambda f, m: tell(0.7 + 0.3 * f, m))
    how = "composed" if model is not None else "planned"
    tag_rows = [row for tag in STYLES for row in rows_of(tag, tagged[tag], plain)]
    tables = [
        Table(
            f"What every tag does, {how}",
            ("tag", "promises", "without the tag", "with it", "p", ""),
            tuple(tag_rows),
            f"n = {n} a tag, seed {seed}, paired over the same videos; p: Wilcoxon's signed ranks, one-sided"
            " (seven pieces are the fewest that can be sure)",
        ),
        contrast_table(tagged, how, n, seed),
        plane_table(plane, how, seed),
    ]
    if (card := bundled_director_card()) is not None:
        tables.insert(0, director_table(card))
    data = {
        "composed": model is not None,
        "plain": [piece[1] for piece in plain],
        "tags": {tag: [piece[1] for piece in pieces] for tag, pieces in tagged.items()},
        "plane": plane.tolist(),
    }
    tell(1.0, "measured")
    return Report("Semantics", seed, tuple(tables), data)


def measured(video: VideoFeatures, style: str, model: "DiffBGM | None", seed: int) -> Piece:
    """(plan, DESCRIPTORS, General MIDI programs or None), of the composed music where there is a model."""
    plan = make_plan(video, style)
    if model is None:
        return plan, planned(plan), None
    from diffbgm.arrange import arrange

    roll = model.compose(plan, seed=seed, steps=STEPS)
    score = arrange(roll, plan, seed=seed)
    return plan, played(roll, plan), frozenset(-1 if t.is_drum else t.program for t in score.tracks if t.notes)


def planned(plan: MusicPlan) -> dict[str, float]:
    """DESCRIPTORS as the plan asks for them."""
    c = plan.curves
    beats = np.array([s.end_beat - s.start_beat for s in plan.segments], float)
    mood = {
        name: float(np.average([getattr(s.mood, name) for s in plan.segments], weights=beats))
        for name in ("legato", "syncopation")
    }
    return _row(plan, c, float(plan.key.mode == "major"), mood["legato"], mood["syncopation"])


def played(roll: PianoRoll, plan: MusicPlan) -> dict[str, float]:
    """DESCRIPTORS of what was composed."""
    mood = measure_mood(roll.cells)
    major = float(find_key(pitch_classes(roll.cells)).mode == "major")
    return _row(plan, measure_curves(roll.cells), major, mood.legato or 0.0, mood.syncopation or 0.0)


def _row(plan: MusicPlan, curves: Any, major: float, length: float, syncopation: float) -> dict[str, float]:
    return {
        "onset rate": float(curves.density.sum() / plan.duration),
        "tempo": 60.0 * plan.beats / plan.duration,
        "major": major,
        "pitch": float(curves.brightness.mean()),
        "polyphony": float(curves.energy.mean()),
        "melody": float(curves.melody.mean()),
        "length": length,
        "syncopation": syncopation,
    }


def rows_of(tag: str, with_tag: Sequence[Piece], without: Sequence[Piece]) -> list[tuple]:
    """The rows of the tag table that belong to `tag`."""
    style = STYLES[tag]
    if style.palette:
        return [palette_row(tag, with_tag, without)]
    if tag not in PROMISES:
        low, high = style.bpm or (0.0, np.inf)
        inside = [[low - 1e-6 <= piece[1]["tempo"] <= high + 1e-6 for piece in group] for group in (without, with_tag)]
        before, after = (float(np.mean(group)) for group in inside)
        return [(tag, f"{low:g}-{high:g} bpm: share inside", before, after, None, verdict(after == 1.0))]
    rows = []
    for name, sign in PROMISES[tag]:
        before, after = (np.array([piece[1][name] for piece in group]) for group in (without, with_tag))
        p = paired_p(sign * (after - before))
        ok = p < SURE
        if name == "major":
            ok = (after.mean() if sign > 0 else 1 - after.mean()) >= MODE_BAR
        arrow = "more" if sign > 0 else "less"
        rows.append((tag, f"{arrow}: {DESCRIPTORS[name]}", before.mean(), after.mean(), p, verdict(bool(ok))))
    return rows


def palette_row(tag: str, with_tag: Sequence[Piece], without: Sequence[Piece]) -> tuple:
    """Whether the instruments are others than the piano of an untagged piece (or those, for "piano")."""
    if any(piece[2] is None for piece in with_tag):
        share = float(np.mean([piece[0].palette == tag for piece in with_tag]))
        return (tag, "palette in the plan: share", None, share, None, verdict(share == 1.0))
    same = np.array([a[2] == b[2] for a, b in zip(with_tag, without, strict=True)])
    share = float(same.mean() if tag == "piano" else 1 - same.mean())
    what = "the same programs: share" if tag == "piano" else "other programs: share"
    return (tag, what, None, share, None, verdict(share == 1.0))


def paired_p(gains: np.ndarray) -> float:
    """One-sided p of Wilcoxon's signed-rank test that gains [n] are above 0; 1 where none differs from 0."""
    from scipy.stats import wilcoxon

    if not (np.abs(gains) > 1e-9).any():
        return 1.0
    _, p = wilcoxon(gains, alternative="greater")
    return float(np.asarray(p))


def contrast_table(tagged: Mapping[str, Sequence[Piece]], how: str, n: int, seed: int) -> Table:
    """Driving against calm, piece by piece."""
    rows = []
    for name in ("onset rate", "tempo"):
        driving, calm = (np.array([piece[1][name] for piece in tagged[tag]]) for tag in ("driving", "calm"))
        bar = RATE_BAR if name == "onset rate" else 1.0
        ratio = float(driving.mean() / max(calm.mean(), 1e-9))
        rows.append((DESCRIPTORS[name], calm.mean(), driving.mean(), ratio, bar, verdict(ratio >= bar)))
    columns = ("", "calm", "driving", "ratio", "bar", "")
    return Table(f"Driving against calm, {how}", columns, tuple(rows), f"n = {n} each, seed {seed}")


def over_the_plane(n: int, seed: int, model: "DiffBGM | None", tell: OnProgress) -> np.ndarray:
    """[n, 4] valence and arousal asked for, and heard by the ear (planned: the mode and the onsets a second)."""
    points = np.random.default_rng([seed, 5]).permutation(n)
    rows = []
    for i in range(n):
        tell(i / n, f"valence and arousal, piece {i + 1} of {n}")
        valence = -0.95 + 1.9 * (i + 0.5) / n
        arousal = -0.95 + 1.9 * (points[i] + 0.5) / n  # a Latin square: both axes evenly covered
        plan = make_plan(drawn_video(seed, i, (valence, arousal)))
        if model is None:
            row = planned(plan)
            heard = (row["major"], row["onset rate"])
        else:
            heard = hear(model.compose(plan, seed=seed + i, steps=STEPS), plan.tempo)
        rows.append((valence, arousal, *heard))
    return np.array(rows)


def plane_table(plane: np.ndarray, how: str, seed: int) -> Table:
    """Rank correlations with bootstrap intervals."""
    from scipy.stats import spearmanr

    heard = (
        ("valence heard", "arousal heard") if how == "composed" else ("major key planned", "onsets a second planned")
    )
    rows = []
    rng = np.random.default_rng([seed, 6])
    for k, (asked, bar) in enumerate((("valence", VALENCE_BAR), ("arousal", AROUSAL_BAR))):
        rho = _rank_r(spearmanr, plane[:, k], plane[:, k + 2])
        draws = []
        for _ in range(1000):
            i = rng.integers(len(plane), size=len(plane))
            draws.append(_rank_r(spearmanr, plane[i, k], plane[i, k + 2]))
        low, high = np.quantile(draws, (0.025, 0.975))
        across = _rank_r(spearmanr, plane[:, k], plane[:, 3 - k])
        rows.append((asked, heard[k], rho, f"{low:.2f} to {high:.2f}", across, bar, verdict(rho >= bar)))
    columns = ("asked", "measured", "rank r", "95 %", "r with the other axis", "bar", "")
    note = f"n = {len(plane)} plans over the plane, seed {seed}; chance is 0; intervals by bootstrap over plans"
    return Table(f"Valence and arousal, {how}", columns, tuple(rows), note)


def _rank_r(spearmanr: Callable[..., Any], a: np.ndarray, b: np.ndarray) -> float:
    return 0.0 if np.ptp(b) == 0 or np.ptp(a) == 0 else float(spearmanr(a, b)[0])


def director_table(card: Mapping[str, Any]) -> Table:
    """The director's figures as they stand in `director.json`."""
    rows = []
    for view, found in card["views"].items():
        for k, target in enumerate(TARGETS):
            row = found["targets"][target]
            (low, high), (under, over) = row["interval"], row["difference interval"]
            bar = RIDGE_BARS[view][k] if view in RIDGE_BARS else None
            beaten = "" if bar is None else verdict(row["r"] > bar)
            ridge, gain = row["ridge regression"], f"{row['difference']:+.3f} ({under:+.3f} to {over:+.3f})"
            rows.append((view, target, row["r"], f"{low:.2f} to {high:.2f}", ridge, gain, bar, beaten))
    columns = ("from", "target", "r", "95 %", "ridge, same folds", "difference (95 %)", "bar", "")
    note = f"n = {card['n']} videos of MuVi-Sync, seed {card['seed']}; {card['how']}; words: with motion and cuts; "
    note += f"kept in the file: {', '.join(card['kept'])}"
    return Table("The director on videos it has not seen", columns, tuple(rows), note)


def drawn_video(seed: int, number: int, affect: tuple[float, float] | None = None) -> VideoFeatures:
    """Features of a made-up video: its affect drawn from the plane (or given), cuts, motion and colour in keeping."""
    rng = np.random.default_rng([seed, number, 17])
    valence, arousal = rng.uniform(-0.9, 0.9, 2) if affect is None else affect
    duration = round(float(rng.uniform(*SECONDS)), 2)
    times = np.arange(0.125, duration, 0.25)
    shot = 5.0 * 2.0 ** (-arousal)
    cuts, at = [], shot * rng.uniform(0.6, 1.4)
    while at < duration - 1.0:
        cuts.append(Cut(round(float(at), 2), float(rng.uniform(0.4, 1.0))))
        at += shot * rng.uniform(0.6, 1.4)
    wave = 0.1 * np.sin(2 * np.pi * (times / duration + rng.uniform()))
    look = np.array([0.45 + 0.2 * valence, 0.35 + 0.1 * (valence + arousal), 0.2 * valence])
    colour = np.clip(look + rng.normal(0, 0.02, (len(times), 3)), [0, 0, -1], 1)
    felt = np.stack([valence + 0.5 * wave, arousal + wave], 1)
    return VideoFeatures(
        duration=duration,
        frame_rate=25.0,
        width=640,
        height=360,
        has_audio=False,
        cuts=tuple(cuts),
        times=times,
        motion=np.clip(0.35 + 0.25 * arousal + wave, 0.0, 1.0),
        colour=colour,
        affect=np.clip(felt, -1, 1),
    )
