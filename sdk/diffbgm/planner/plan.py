"""`make_plan`: from what was seen to what is to be composed, with every choice explained."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.brief import Brief, read_brief
from diffbgm.brief.knobs import FASTEST, SLOWEST
from diffbgm.errors import OptionError, PlanError, VideoError
from diffbgm.planner.affect import (
    choose_bpm,
    choose_key,
    choose_mode,
    direct_style,
    mean_affect,
    steer_affect,
)
from diffbgm.planner.bar_features import bar_features
from diffbgm.planner.curves import plan_curves, with_textures
from diffbgm.planner.director import Director, Levels, bundled_director, footage_of, section_footage
from diffbgm.planner.form import Form, plan_form
from diffbgm.planner.harmony import key_of_chords, lay_chords, tell_chords
from diffbgm.planner.levels import POP909, REFERENCE_BPM
from diffbgm.planner.palette import choose_palette
from diffbgm.planner.progressions import plan_chords
from diffbgm.planner.prompt import TextRanker, Understood, tell_brief, understand
from diffbgm.planner.scenes import apply_scenes, bar_tempo, starts_of, whole_brief
from diffbgm.planner.spotting import (
    HIT,
    anchors_of,
    asked_cuts,
    end_of_bars,
    energy_of,
    instrumentation_of,
    level_at,
    place_hits,
    rests_of,
    tacets_of,
    tell_late,
    tell_missed,
    tell_spotting,
    tell_tacets,
    with_asked,
    without_ignored,
)
from diffbgm.planner.styles import DEFAULT_GENRE, DEFAULT_METRE, Style, parse_style
from diffbgm.planner.tempo import TempoFit, fit_tempo, pace_to_bpm
from diffbgm.planner.tune import Tune, lay_tune, tell_tune, tune_tempo, with_tune
from diffbgm.setting import checked
from diffbgm.types import BAR_UNITS, METRES, Curves, Key, MusicPlan, VideoFeatures

PLANNED = "auto"  # chords that the planner is to find
SHORTEST_VIDEO = 0.010  # seconds: shorter than any single picture that a camera takes


@checked(
    features=VideoFeatures, style=(str, Sequence), prompt=str, bpm=float, key=Key, max_drift=float, max_step=float,
    metre=str, chords=str, brief=Brief, director=Director, tune=Tune,
)  # fmt: skip
def make_plan(
    features: VideoFeatures,
    style: str | Sequence[str] = (),
    *,
    prompt: str = "",
    text_ranker: TextRanker | None = None,
    bpm: float | None = None,
    key: Key | None = None,
    max_drift: float = 0.08,
    max_step: float = 0.03,
    director: Director | None = None,
    metre: str | None = None,
    chords: str | None = None,
    brief: Brief | None = None,
    tune: Tune | None = None,
) -> MusicPlan:
    """Plan the music for a video.

    Args:
        features: Of the video.
        style: Tags of `STYLES`; they win over what the pictures suggest.
        prompt: Free text, read as a brief; tags win over it.
        text_ranker: Ranks mood tags for a prompt whose words are not known (see `video.clip.sense_of`).
        bpm: Base tempo, 40 to 200 quarter notes per minute, in 6/8 as well; met within 2 % unless the video is shorter
            than a few beats: where whole bars don't fill it at that tempo, it ends inside the last one.
        key: The key, instead of the one chosen.
        max_drift: How far the local tempo may leave the base tempo, as a share of it.
        max_step: How much two neighbouring beats may differ in length, as a share.
        director: Instead of the one that comes with the package (to measure on videos that that one was fitted to).
        metre: One of `METRES`; None: the brief's, a tag's (`waltz`), or 4/4.
        chords: As of `harmony.lay_chords`, such as "Am F C G"; without a key they say which it is. "auto" plans them
            (`progressions.plan_chords`); None: the brief's, or they are left to the model.
        brief: What is asked for, from `brief.read_asked`; the prompt's own reading if None.
        tune: The melody, from `tune.read_tune`. Where none is asked for, its metre, key and tempo are the piece's;
            else it goes to the key that is asked for.

    Raises:
        StyleError: Unknown or contradicting tags.
        OptionError: The tune is in another metre than is asked for, or longer than the film.
        PlanError: A tempo out of range, or an unknown metre.
        VideoError: The video is too short for any music.

    """
    if features.duration < SHORTEST_VIDEO:
        raise VideoError(
            f"the video lasts {1000 * features.duration:.3g} ms, too short ({1000 * SHORTEST_VIDEO:g} ms at least);"
            " if it plays longer, its time stamps are wrong: export it again"
        )
    video = features
    tags = parse_style(style)
    brief = whole_brief(read_brief(prompt) if brief is None else brief, features.duration)
    asked = asked_cuts(brief, video)
    features = replace(features, cuts=without_ignored(features.cuts, asked))
    understood = understand(brief, tags, text_ranker, prompt)
    tags, rules = understood.tags, understood.style
    metre = _choose_metre(metre, brief, rules, tune)
    chords = chords or brief.chords
    if key is None and brief.tonic is not None:
        key = Key(brief.tonic, "minor" if rules.mode == "minor" else "major")
    seen = mean_affect(features)
    features = steer_affect(features, rules)
    valence, arousal = mean_affect(features)
    must = [cut.time for cut, word in zip(video.cuts, asked, strict=True) if word == "must"]
    anchors = anchors_of(brief, features.duration, must)
    fit = _fit_tempo(features, brief, rules, arousal, metre, bpm, tune, max_drift, max_step, anchors)
    director = director or bundled_director()
    levels = director.direct(footage_of(features)) if director is not None else None
    mode = choose_mode(valence, rules, levels)
    planned = () if chords == PLANNED else lay_chords(chords or "", fit.tempo.beats, METRES[metre])
    key = key or (tune.key if tune else None)
    key_from = key or (key_of_chords(planned) if planned else None)
    key = key_from or choose_key(features, mode)
    form = plan_form(features, fit.tempo, fit.cuts, BAR_UNITS[metre])
    if chords == PLANNED:
        planned = plan_chords(form.sections, key, form.beats_per_bar)
    by_bar = bar_features(features, fit.tempo.edges[:: form.beats_per_bar])
    directed = direct_style(rules, levels)
    rise = _direct_sections(director, features, fit, form) if director is not None else None
    points = energy_of(brief, features.duration)
    energy = _energy_of_bars(points, fit, form) if points else None
    curves = plan_curves(form, by_bar, directed, fit.base_bpm, rise, energy)
    last_bar = max(0, fit.tempo.beats - BAR_UNITS[metre])
    melody = lay_tune(tune, key, fit.tempo.beats, last_bar) if tune else ()
    curves = with_tune(curves, melody, form.beats_per_bar) if melody else curves
    sections = with_textures(form.sections, curves, rules, 1.0 if key.mode == "major" else 0.0)
    form = replace(form, sections=sections)
    hits = place_hits(brief, features.duration, fit.tempo)
    why = explain(features, seen, rules, understood, fit, key, form, bpm, levels, directed, metre, brief, tune)
    palette, chosen = choose_palette(rules, brief)
    why = (*why, f"band {palette}: {chosen}")
    rests = rests_of(brief, features.duration)
    cuts = with_asked(video.cuts, asked, fit.cuts, fit.tempo)
    tacets = tacets_of(brief, features.duration)
    spotted = (
        *tell_spotting(hits, rests),
        *tell_late(brief, features.duration),
        *tell_tacets(tacets),
        *tell_missed(cuts),
    )
    why = (*tell_brief(brief), *understood.remarks, *why, *spotted)
    talks, remarks = _leave_room_for_voice(brief, features.duration, untimed=not (rests or hits or points))
    why = (*why, *remarks)
    if rise is not None:
        why = (*why, tell_sections(form, rise, METRES[metre]))
    if tune is not None:
        why = (*why, tell_tune(tune, key, len(melody) // len(tune.notes)))
    if planned:
        why = (*why, f"chords: {tell_chords(planned, METRES[metre])}")
    plan = MusicPlan(
        duration=features.duration,
        tempo=fit.tempo,
        key=key,
        sections=sections,
        curves=curves,
        cuts=cuts,
        style=tags,
        palette=palette,
        why=(*why, tell_music(curves, float(fit.tempo.edges[-1]))),
        video=video.reference,
        genre=rules.genre or DEFAULT_GENRE,
        metre=metre,
        chords=planned,
        instrumentation=instrumentation_of(brief),
        hits=hits,
        rests=rests,
        ending=brief.ending or "final",
        energy=points,
        talks=talks,
        tune=melody,
        tacets=tacets,
    )
    return apply_scenes(plan, brief, not chords) if brief.scenes else plan


def _choose_metre(metre: str | None, brief: Brief, rules: Style, tune: Tune | None) -> str:
    """The metre: as asked, else the tune's, else the style's."""
    asked = metre or (brief.metre if tune is None or "metre" in brief.asked else None)
    metre = asked or (tune.metre if tune else rules.metre) or DEFAULT_METRE
    if metre not in METRES:
        raise PlanError(f"metre must be one of {', '.join(METRES)}, got {metre!r}")
    if tune is not None and tune.metre != metre:
        raise OptionError(f"melody {tune.name}: is in {tune.metre}, and metre asks for {metre}; leave one of them out")
    return metre


def _fit_tempo(
    features: VideoFeatures,
    brief: Brief,
    rules: Style,
    arousal: float,
    metre: str,
    bpm: float | None,
    tune: Tune | None,
    max_drift: float,
    max_step: float,
    anchors: Sequence[tuple[float, float]],
) -> TempoFit:
    """The tempo map within what is asked for: by `bpm`, by the brief, by the tune and by scenes, the later win."""
    pace = pace_to_bpm(features.duration, features.cuts)
    preferred, bpm_range = choose_bpm(arousal, pace, rules)
    end = features.duration
    if bpm is None and brief.bpm is not None and rules.bpm == brief.bpm:
        low, high = (min(max(n, SLOWEST), FASTEST) for n in brief.bpm)
        bpm_range = (low, high) if high > low * 1.04 else (low / 1.02, high * 1.02)
        end = end_of_bars(features.duration, bpm_range, preferred if high > low else low, BAR_UNITS[metre])
    if bpm is not None:
        if not SLOWEST <= bpm <= FASTEST:
            raise PlanError(f"bpm must lie between {SLOWEST:g} and {FASTEST:g}, got {bpm:g}")
        preferred, bpm_range = bpm, (bpm / 1.02, bpm * 1.02)
        end = end_of_bars(features.duration, bpm_range, bpm, BAR_UNITS[metre])
    if tune is not None:
        own = bpm is None and brief.bpm is None and tune.bpm
        bpm_range = tune_tempo(tune, features.duration, None if own else bpm_range)
        preferred = min(max(own or preferred, bpm_range[0]), bpm_range[1])
    starts = starts_of(brief, features.duration)
    if starts:
        low, high = bpm_range = bar_tempo(starts, bpm_range, preferred, BAR_UNITS[metre])
        preferred = min(max(preferred, low), high)
        end = end_of_bars(features.duration, bpm_range, preferred, BAR_UNITS[metre])
    return fit_tempo(
        end,
        features.cuts,
        bpm_range=bpm_range,
        prefer=preferred,
        max_drift=max_drift,
        max_step=max_step,
        metre=metre,
        anchors=[*anchors, *((start, HIT) for start in starts)],
    )


def _direct_sections(director: Director, features: VideoFeatures, fit: TempoFit, form: Form) -> np.ndarray | None:
    """[sections, 2] how much density and loudness rise above the film's; None as in `Director.direct_sections`."""
    edges = fit.tempo.edges[[*(s.start_beat for s in form.sections), fit.tempo.beats]]
    return director.direct_sections(section_footage(features, edges.tolist()))


def _energy_of_bars(points: tuple[tuple[float, float], ...], fit: TempoFit, form: Form) -> np.ndarray:
    """[bars] the energy that is asked for, in the middle of each bar."""
    bars = fit.tempo.edges[:: form.beats_per_bar]
    return level_at(points, (bars[:-1] + bars[1:]) / 2)


def _leave_room_for_voice(
    brief: Brief, duration: float, *, untimed: bool
) -> tuple[tuple[tuple[float, float], ...], tuple[str, ...]]:
    """Where somebody speaks, in seconds, and what the plan says of it; `untimed`: no other part of the brief has times.

    Without any times the voice is thought to last all the way.
    """
    talks = tuple(span.seconds(duration) for span in brief.talks)
    if brief.speech and not talks and untimed:
        return ((0.0, duration),), ("room for a voice, and no times are told: no melody and thin chords all the way",)
    if brief.speech and talks:
        times = " and ".join(f"{start:.2f} to {end:.2f}" for start, end in talks)
        return talks, (f"room for a voice from {times} s: no melody and thin chords there",)
    return talks, ()


def explain(
    features: VideoFeatures,
    seen: tuple[float, float],
    rules: Style,
    understood: Understood,
    fit: TempoFit,
    key: Key,
    form: Form,
    bpm: float | None,
    levels: Levels | None = None,
    directed: Style | None = None,
    metre: str = DEFAULT_METRE,
    brief: Brief | None = None,
    tune: Tune | None = None,
) -> tuple[str, ...]:
    """Return why the plan is as it is, in plain words, one choice per line."""
    valence, arousal = mean_affect(features)
    lines = [f"the pictures look {in_words(*seen)} (valence {seen[0]:+.2f}, arousal {seen[1]:+.2f})"]
    brief = brief or Brief()
    if understood.tags:
        lines.append(f"style {rules.name}: {rules.description}")
    if rules.valence is not None or rules.arousal is not None:
        lines.append(f"the style moves that to {in_words(valence, arousal)} ({valence:+.2f}, {arousal:+.2f})")
    if levels is not None and directed is not None:
        lines += tell_levels(levels, rules, directed)
    reason = f"the style asks for {rules.mode}" if rules.mode else f"valence {valence:+.2f} suggests {key.mode}"
    if levels is not None and not rules.mode and choose_mode(valence, rules) != key.mode:
        reason = f"valence {valence:+.2f} leaves it open, and music videos that look like this suggest {key.mode}"
    tonic = "the tonic follows from the colours" if brief.tonic is None else "the tonic is asked for"
    own_key = tune is not None and key == tune.key
    lines.append(f"key {key}: that of the melody" if own_key else f"key {key}: {reason}; {tonic}")
    low, high = np.min(fit.tempo.bpm()), np.max(fit.tempo.bpm())
    tempo_from = "from the style" if rules.bpm else f"from arousal {arousal:+.2f} and the pace of the cuts"
    tempo_from = "as asked" if bpm or (brief.bpm and rules.bpm == brief.bpm) else tempo_from
    if tune is not None and tune.bpm is not None and not bpm and brief.bpm is None:
        tempo_from = f"near the {tune.bpm:.0f} of the melody"
    bars = f"{fit.tempo.beats // METRES[metre]} bars{'' if metre == DEFAULT_METRE else f' of {metre}'}"
    felt = f", {fit.base_bpm / 1.5:.1f} dotted quarters" if metre == "6/8" else ""
    lines.append(
        f"tempo {fit.base_bpm:.1f} beats per minute ({low:.1f} to {high:.1f}){felt}, {tempo_from}, so that"
        f" {bars} fill {features.duration:.2f} s"
    )
    if fit.cuts:
        hit = sum(cut.snapped for cut in fit.cuts)
        rest = "; the others are let go, each with its reason" if hit < len(fit.cuts) else ""
        lines.append(f"{hit} of {len(fit.cuts)} cuts land on a beat or half beat{rest}")
    lines.append(f"form {' '.join(s.label for s in form.sections)}: sections that look alike share their music")
    return tuple(lines)


def tell_music(curves: Curves, duration: float) -> str:
    """Put into words what all that comes to, against the middle half of human-made pop."""
    rate, keys, pitch = float(curves.density.sum()) / duration, float(curves.polyphony.mean()), curves.register.mean()
    pace = (POP909["density"][1] * REFERENCE_BPM / 60, POP909["density"][3] * REFERENCE_BPM / 60)
    parts = (
        (rate, pace, ("sparse", "moderately busy", "busy"), f"{rate:.1f} onsets per second"),
        (keys, POP909["polyphony"][1::2], ("thin", "medium full", "full"), f"{keys:.1f} keys at once"),
        (pitch, POP909["register"][1::2], ("low", "in the middle register", "high"), f"around MIDI pitch {pitch:.0f}"),
    )
    return "so the music is to be " + ", ".join(
        f"{words[int(value > low) + int(value > high)]} ({figure})" for value, (low, high), words, figure in parts
    )


def tell_sections(form: Form, rise: np.ndarray, per_bar: int) -> str:
    """Where the director would have more and where less, by the sum of density and polyphony."""
    total = rise.sum(1)
    most, least = (form.sections[int(i)].start_beat // per_bar + 1 for i in (total.argmax(), total.argmin()))
    return f"music videos with such pictures have most going on from bar {most} and least from bar {least}"


def tell_levels(levels: Levels, rules: Style, directed: Style) -> list[str]:
    """Return what the director changed, and what it predicts of the mode where nobody else decides that."""
    moved = [
        f"{more if after > before else less} ({name} {after - before:+.2f} of its range)"
        for name, more, less, before, after in (
            ("density", "busier", "sparser", rules.density, directed.density),
            ("polyphony", "fuller", "thinner", rules.polyphony, directed.polyphony),
        )
        if abs(after - before) >= 0.01
    ]
    said = [f"music videos that look like this sound {' and '.join(moved)}"] if moved else []
    if not rules.mode and rules.valence is None:
        said.append(f"of such videos {levels.minor:.0%} are in minor ({levels.base:.0%} of all)")
    return ["; ".join(said)] if said else []


def in_words(valence: float, arousal: float) -> str:
    """Russell's circumplex (1980) in a word or two."""
    if abs(valence) < 0.15 and abs(arousal) < 0.15:
        return "neutral"
    if arousal >= 0.15:
        return "lively and bright" if valence >= 0.15 else "tense" if valence <= -0.15 else "lively"
    if arousal <= -0.15:
        return "calm and warm" if valence >= 0.15 else "sad and still" if valence <= -0.15 else "calm"
    return "pleasant" if valence > 0 else "gloomy"
