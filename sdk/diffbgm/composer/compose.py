"""A plan and a model -> a piano roll: overlapping windows of eight bars are denoised together as one piece.

`compose` makes one piece. `compose_steps` is the same for a caller who evaluates the network, so that the windows of
several pieces can share a batch (`continuous_batching.compose_many`).
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from diffbgm.composer.batching import DenoiseRequest, Prediction, predict
from diffbgm.composer.condition import (
    CORPUS_OF_GENRE,
    Condition,
    SectionCondition,
    harmony_tokens,
    heard_affect,
    window_tokens,
)
from diffbgm.composer.curves import curve_targets, guide_to_curves
from diffbgm.composer.denoiser import Denoiser
from diffbgm.composer.guidance import (
    accent_metre,
    chord_targets,
    condition_variants,
    guide,
    guide_to_chords,
    guide_to_mode,
    is_guided_by_genre,
    metre_accents,
    mode_targets,
)
from diffbgm.composer.keeping import (
    Keep,
    held_cells,
    hold,
    keep_exactly,
    keep_tune,
    merge_keeps,
    open_steps,
    open_targets,
    open_window_starts,
    same_tune,
    untie,
)
from diffbgm.composer.noise import noise_levels
from diffbgm.composer.precision import with_cast_weights
from diffbgm.composer.sampling import sampler
from diffbgm.composer.sections import couple_sections, noise_source, same_harmony
from diffbgm.composer.windows import average_windows, padded_beats
from diffbgm.errors import NoNotesError
from diffbgm.media.blocks import trim
from diffbgm.options import ComposeOptions
from diffbgm.roll import key_shift, notes_to_roll, roll_to_notes, transpose
from diffbgm.types import BEATS_PER_BAR, CURVES, PITCHES, STEPS_PER_BEAT, TEXTURE, MusicPlan, PianoRoll

MEAN_VELOCITY = (92, 76)  # melody, accompaniment; the model predicts how far a note is from them

LONG = 4096  # steps, of sixteenths: ten minutes or so; then freed memory is given back at every step of the sampler

PieceSteps = Generator[DenoiseRequest, Prediction, PianoRoll]
"""A piece in the making: yields what to evaluate, is sent the prediction, returns the roll."""


def compose(
    model: Denoiser,
    plan: MusicPlan,
    options: ComposeOptions | None = None,
    *,
    keep: Keep | Sequence[Keep] | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> PianoRoll:
    """Composes the piece for a plan.

    The same model, plan, options and kind of processor give the same roll, on any number of threads.

    Args:
        model: The denoiser, in eval mode.
        plan: Of B beats.
        options: Seed, steps, guidance, ...; None: the defaults.
        keep: Music that is to stay, of one take or of several; for a plan of as many beats. Only the windows that hold
            what is open are evaluated, and a section that is kept does not pull another of its label.
        on_progress: Called with (fraction 0..1, message) after each step; an exception raised there cancels.

    Returns:
        The roll [4, 4 B, 88] in the plan's key, with velocities.

    Raises:
        PlanError: `keep` does not fit the plan, or leaves nothing open.
        NoNotesError: not one note was composed.
        ForkedProcessError: this process was forked from one that had used the model.
    """
    options = options or ComposeOptions()
    model = with_cast_weights(model, options.dtype)
    piece = compose_steps(model, plan, options, keep=keep, on_progress=on_progress)
    try:
        with torch.inference_mode():
            waiting = [next(piece)]
            while True:  # nobody else knows the request meanwhile: an hour's takes 70 MB
                prediction = predict(model, [waiting.pop()], options.batch_size, options.dtype)[0]
                waiting.append(piece.send(prediction))
    except StopIteration as end:
        return end.value


def compose_steps(
    model: Denoiser,
    plan: MusicPlan,
    options: ComposeOptions,
    *,
    keep: Keep | Sequence[Keep] | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> PieceSteps:
    """`compose` step by step, with the network evaluated by the caller; to be driven in inference mode.

    Per step of the sampler: x_t of the whole piece is cut into windows, their predictions are averaged and guided,
    returning sections are coupled, what is fixed is put in, and the sampler goes on to the next noise level.
    """
    device = next(model.parameters()).device
    steps = plan.beats * STEPS_PER_BEAT
    window = model.config.bars * plan.unit
    length = padded_beats(plan.beats, window) * STEPS_PER_BEAT
    if length > LONG:
        trim()  # of what watching the film took
    keep = merge_keeps(keep, plan)
    opened = open_steps(keep, plan, length)
    held = torch.as_tensor(held_cells(keep, plan, length)).to(device)
    targets = open_targets(mode_targets(plan, device), opened)
    indices = untie(same_tune(noise_source(plan, length), plan), opened | (np.arange(length) >= steps))
    source = None if indices is None else torch.as_tensor(indices).to(device)
    coupled = same_harmony(indices, plan)
    alike = None if coupled is None else torch.as_tensor(coupled).to(device)
    chords = chord_targets(plan, device)
    accents = metre_accents(plan, length, device)
    curves = curve_targets(plan.curves, plan.unit, length, device)
    generator = torch.Generator().manual_seed(options.seed)
    variants: dict[tuple[int, ...], list[Condition]] = {}  # the windows come back to the same places

    def noise() -> Tensor:
        drawn = torch.randn(4, length, PITCHES, generator=generator).to(device)  # on the CPU: the same on all devices
        return drawn if source is None else drawn[:, source]

    sampling = sampler(
        noise, noise_levels(options.steps), bar_correlation=options.bar_correlation, bar=plan.unit * STEPS_PER_BEAT
    )
    shown, step = next(sampling), 0
    while True:
        starts = open_window_starts(opened, plan, window, step)
        by_genre = is_guided_by_genre(plan, options.guidance, model.config.genres, shown.level)
        if (key := (by_genre, *starts)) not in variants:
            condition = condition_of(plan, starts, model).to(device)
            variants[key] = condition_variants(condition, options.guidance, by_genre=by_genre)
        request = DenoiseRequest(*shown, starts, variants[key])
        del shown
        prediction = yield request
        del request
        guided = guide(options.guidance, prediction.logits, by_genre=by_genre)
        prediction.logits.clear()  # who sent them still knows the prediction, and an hour's logits take 40 MB
        logits = average_windows(guided, starts, length)
        del guided
        logits = couple_sections(logits, alike, options.section_coupling)
        logits = guide_to_mode(logits, targets, options.mode_guidance)
        logits = guide_to_curves(logits, curves, options.curve_guidance)
        logits = accent_metre(guide_to_chords(logits, chords), accents)
        logits = hold(logits, held)
        step += 1
        if length > LONG:
            trim()
        if on_progress:
            on_progress(step / options.steps, f"composing, step {step} of {options.steps}")
        try:
            shown = sampling.send(logits)
            del logits
        except StopIteration:  # these logits were the last
            velocity = average_windows(prediction.velocity, starts, length)
            roll = finish(logits[:, :steps], velocity[:, :steps], plan)
            break
    roll = keep_tune(roll, keep, plan)
    if keep is not None:
        roll = keep_exactly(roll, keep)
    if not roll.cells.any():
        raise NoNotesError(
            f"no note came out in {plan.bars} bars with {options.steps} steps, seed {options.seed} and the weights "
            f"{name_of(model)}; take more steps or another seed; if that gives no notes either, take other weights"
        )
    return roll


def condition_of(plan: MusicPlan, starts: list[int], model: "Denoiser") -> "Condition":
    """The plan's tokens for every window, in the key where the model works (C major, A minor).

    4/4 is not told: it is what windows of that length are taken for.
    """
    shift = key_shift(plan.key)
    curves = {name: getattr(plan.curves, name).astype(np.float64) for name in CURVES}
    curves["register"] = curves["register"] + shift
    bpm = plan.tempo.bpm()
    sections: list[SectionCondition] = []
    for section in plan.sections:
        texture: dict[str, float | None] = {name: getattr(section.texture, name) for name in TEXTURE}
        if texture["accompaniment_register"] is not None:
            texture["accompaniment_register"] += shift
        texture |= {name: heard_affect(name, getattr(section, name)) for name in ("valence", "arousal")}
        texture["tempo"] = float(bpm[section.start_beat : section.end_beat].mean())
        sections.append(SectionCondition(section.start_beat, section.end_beat, texture))
    kind = {"genre": plan.genre, "corpus": CORPUS_OF_GENRE[plan.genre]}
    if plan.metre != "4/4":
        kind["metre"] = plan.metre
    length, clip_width = model.config.bars * plan.unit, model.config.clip_width
    windows = [window_tokens(curves, sections, plan.beats, s, length, clip_width, plan.unit) for s in starts]
    harmony = asked_harmony(plan, max(starts) + length) if plan.chords and model.config.harmony else None
    for i, (window, start) in enumerate(zip(windows, starts, strict=True)):
        told = None if harmony is None else harmony[start : start + length]
        windows[i] = replace(window, **kind, harmony=told)
    return Condition.stack(windows, model.config)


def asked_harmony(plan: MusicPlan, beats: int) -> np.ndarray:
    """[beats, HARMONY_WIDTH] what the network is told of the plan's chords, in the key where it works."""
    chord, bass = np.zeros((beats, 12)), np.zeros((beats, 12))
    shift = key_shift(plan.key)
    for asked in plan.chords:
        chord[asked.start : asked.end, [(c + shift) % 12 for c in asked.chord.classes]] = 1
        bass[asked.start : asked.end, (asked.chord.bass + shift) % 12] = 1
    return harmony_tokens(beats, chord=chord, bass=bass)


def finish(logits: Tensor, velocity: Tensor, plan: MusicPlan) -> PianoRoll:
    """The last logits [4, T, 88] and velocities [2, T, 88] (0..1) -> a clean roll in the plan's key.

    Sustains that no onset began go; velocities are MIDI's, 1..127.
    """
    cells = (logits > 0).to(torch.uint8).cpu().numpy()
    mean = np.array(MEAN_VELOCITY, np.float32)[:, None, None]
    midi = np.round(mean + 64 * (2 * velocity.float().cpu().numpy() - 1))
    played = np.minimum(np.maximum(midi, 1), 127) * cells[0::2]
    melody, accompaniment = roll_to_notes(PianoRoll(cells, played.astype(np.uint8)))
    return transpose(notes_to_roll(melody, accompaniment, plan.beats), -key_shift(plan.key))


def name_of(model: Denoiser) -> str:
    """What to call a model's weights in a message: where `hub.load_weights` found them."""
    return str(getattr(model, "source", "given"))


def bars_to_steps(bars: "list[int] | range", total_bars: int, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """[T] True in the given bars."""
    width = beats_per_bar * STEPS_PER_BEAT
    steps = np.zeros(total_bars * width, bool)
    for bar in bars:
        steps[bar * width : (bar + 1) * width] = True
    return steps
