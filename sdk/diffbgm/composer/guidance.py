"""Guidance: how strictly the plan's streams are followed, and a pull towards the mode that a section asks for.

Classifier-free guidance (Ho & Salimans 2022) with a weight for each of the two condition streams of Diff-BGM (Li et al.
2024): the dynamic one (a token per beat) and the semantic one (a token per section).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from diffbgm.composer.condition import Condition
from diffbgm.options import Guidance
from diffbgm.roll import key_shift, pull_to_mode
from diffbgm.types import GENRES, LOWEST_PITCH, PITCHES, STEPS_PER_BEAT, MusicPlan

# What is added to the logits of onsets by sixteenth of the bar, in nats: a metre of twelve sixteenths is counted by its
# felt beats, so that 3/4 and 6/8 are not taken for one another.
METRE_ACCENTS = {"3/4": {0: 1, 4: 1, 8: 1, 2: -0.5, 6: -1, 10: -0.5}, "6/8": {0: 1, 6: 1, 4: -1, 8: -1}}
METRE_STRENGTH = 0.4  # the most that is added, in nats
GENRE_LEVEL = 0.8  # the noise level down to which a genre is guided
CHORD_STRENGTH = 0.5  # the most that is added to a logit for the plan's chords, in nats
CHORD_SHARE = 0.85  # of what sounds, that a chord's tones have in songs


def condition_variants(condition: Condition, guidance: Guidance, *, by_genre: bool = False) -> list[Condition]:
    """The conditions that guidance needs a prediction for.

    Args:
        condition: Of some windows.
        guidance: The weights.
        by_genre: Whether the genre is guided too.

    Returns:
        The full condition; unless both streams' weights are 1, the one without any stream; where these weights differ,
        the one without the semantic stream; and last, for guidance by genre, the one without a genre. So one to four
        evaluations of the network per window and step.
    """
    variants = [condition]
    if not guidance.dynamic == guidance.semantic == 1:
        variants.append(condition.without(dynamic=True, semantic=True))
        if guidance.dynamic != guidance.semantic:
            variants.append(condition.without(semantic=True))
    return [*variants, condition.without_genre()] if by_genre else variants


def is_guided_by_genre(plan: MusicPlan, guidance: Guidance, known: Sequence[str], level: float) -> bool:
    """Whether a plan's genre is guided at a noise level.

    Any genre that the network knows is but the first, which is what it plays untold; and only while the music takes
    shape (Kynkäänniemi et al. 2024): lower down guidance puts in wrong notes.
    """
    return level >= GENRE_LEVEL and guidance.genre != 1 and plan.genre != GENRES[0] and plan.genre in known


def guide(guidance: Guidance, logits: Sequence[Tensor], *, by_genre: bool = False) -> Tensor:
    """Logits with each stream's pull scaled: null + dynamic (dynamic only - null) + semantic (full - dynamic only).

    Guidance by genre adds (genre - 1) (full - without genre).

    The likelihood of x_t is the same in all variants, so only the priors are moved. `Guidance.rescale` brings the
    result back to the mean and standard deviation over each window and kind of cell that it has without guidance (Lin
    et al. 2024, eq. 15-16, there for images).

    Args:
        guidance: The weights.
        logits: One tensor [..., T, 88] per condition of `condition_variants`, in its order.
        by_genre: As for `condition_variants`.

    Returns:
        Guided logits [..., T, 88].
    """
    full, *others = logits
    if not others:
        return full
    genreless = others.pop() if by_genre else full
    guided = full
    if others:
        null, dynamic_only = others[0], others[-1]
        guided = null + guidance.dynamic * (dynamic_only - null) + guidance.semantic * (full - dynamic_only)
    guided = guided + (guidance.genre - 1) * (full - genreless)
    if not guidance.rescale:
        return guided
    over = (-2, -1)  # steps and pitches
    ratio = full.std(over, keepdim=True) / guided.std(over, keepdim=True).clamp_min(1e-6)
    rescaled = full.mean(over, keepdim=True) + ratio * (guided - guided.mean(over, keepdim=True))
    return guided + guidance.rescale * (rescaled - guided)


class ModeTarget(NamedTuple):
    """The mode asked for: `steps` [n] indices of the steps that are weighed together, `major` or minor."""

    steps: Tensor
    major: bool


def mode_targets(plan: MusicPlan, device: torch.device) -> list[ModeTarget]:
    """What the sections of a plan ask for: at most one target for major and one for minor, each with all its steps."""
    targets: list[ModeTarget] = []
    for major in (True, False):
        steps = [
            torch.arange(s.start_beat * STEPS_PER_BEAT, s.end_beat * STEPS_PER_BEAT)
            for s in plan.sections
            if s.texture.mode is not None and s.texture.mode != 0.5 and (s.texture.mode > 0.5) == major
        ]
        if steps:
            targets.append(ModeTarget(torch.cat(steps).to(device), major))
    return targets


def guide_to_mode(logits: Tensor, targets: Sequence[ModeTarget], strength: float) -> Tensor:
    """Logits pulled towards the modes asked for, where the pitch classes expected there do not sound plainly like it.

    Music that is in its mode already is left alone; see `roll.pull_to_mode`.

    Args:
        logits: [4, T, 88] of music in C major or A minor.
        targets: See `ModeTarget`.
        strength: The most that is added to a logit, in nats; 0 leaves all as it is.

    Returns:
        Logits [4, T, 88].
    """
    return guide_all_to_modes(logits[None], [targets], strength)[0]


def guide_all_to_modes(logits: Tensor, targets: Sequence[Sequence[ModeTarget]], strength: float) -> Tensor:
    """`guide_to_mode` for windows [B, 4, T, 88], each with its targets; what they expect is read off the device once.

    Args:
        logits: Of B windows.
        targets: Of each window.
        strength: See `guide_to_mode`.

    Returns:
        Logits [B, 4, T, 88].
    """
    asked = [(i, target) for i, own in enumerate(targets) for target in own]
    if strength <= 0 or not asked:
        return logits
    guided = logits.clone()
    sums = [torch.sigmoid(logits[i][:, steps].float()).sum((0, 1)) for i, (steps, _) in asked]
    expected = torch.stack(sums).cpu().numpy()  # [targets, 88] cells of each pitch
    pushes = [strength * pull_to_mode(own, major) for own, (_, (_, major)) in zip(expected, asked, strict=True)]
    for (i, (steps, _)), push in zip(asked, torch.as_tensor(np.stack(pushes)).to(logits), strict=True):
        guided[i][:, steps] += push
    return guided


class ChordTargets(NamedTuple):
    """The chords asked for, bar by bar at most.

    Attributes:
        steps: [n] indices of the steps that have one.
        span: [n] the number of each step's span.
        members: [spans, m] for every span the places of its steps in `steps`, filled up with n.
        wanted: [spans, 12] the share of each pitch class; 0 for those outside of the chord.
    """

    steps: Tensor
    span: Tensor
    members: Tensor
    wanted: Tensor


def chord_targets(plan: MusicPlan, device: torch.device) -> ChordTargets | None:
    """What a plan's chords ask for, in the key where the model works; None without any."""
    if not plan.chords:
        return None
    shift, unit = key_shift(plan.key), plan.unit
    steps: list[Tensor] = []
    spans: list[Tensor] = []
    wanted: list[Tensor] = []
    for chord in plan.chords:
        classes = [(c + shift) % 12 for c in chord.chord.classes]
        share = torch.zeros(12)
        share[classes] = CHORD_SHARE / len(classes)
        for start in range(chord.start - chord.start % unit, chord.end, unit):
            first, last = max(start, chord.start), min(start + unit, chord.end)
            inside = torch.arange(first * STEPS_PER_BEAT, last * STEPS_PER_BEAT)
            steps.append(inside)
            spans.append(torch.full_like(inside, len(wanted)))
            wanted.append(share)
    edges = [0, *itertools.accumulate(len(inside) for inside in steps)]
    places = [torch.arange(first, last) for first, last in itertools.pairwise(edges)]
    members = pad_sequence(places, batch_first=True, padding_value=edges[-1])
    parts = (torch.cat(steps), torch.cat(spans), members, torch.stack(wanted))
    return ChordTargets(*(part.to(device) for part in parts))


def guide_to_chords(logits: Tensor, targets: ChordTargets | None, strength: float = CHORD_STRENGTH) -> Tensor:
    """Logits with tones of the chords asked for pulled up where they are missing, and others pushed down.

    Of a chord's tones those are pulled that have less than an even part of `CHORD_SHARE` of what is expected to sound
    in its bar; of the others those are pushed that have more than an even part of the rest.

    Args:
        logits: [4, T, 88] of music in C major or A minor.
        targets: See `ChordTargets`.
        strength: The most that is added to a logit, in nats; 0 leaves all as it is.

    Returns:
        Logits [4, T, 88].
    """
    if strength <= 0 or targets is None:
        return logits
    classes = (torch.arange(PITCHES, device=logits.device) + LOWEST_PITCH) % 12
    fold = torch.nn.functional.one_hot(classes, 12).float()
    sounding = torch.sigmoid(logits[:, targets.steps].float()).sum(0) @ fold  # [n, 12]
    heard = torch.cat([sounding, sounding.new_zeros(1, 12)])[targets.members].sum(1)  # [spans, 12]
    heard = heard / heard.sum(1, keepdim=True).clamp_min(1e-6)
    inside = targets.wanted > 0
    rest = (1 - CHORD_SHARE) / (~inside).sum(1, keepdim=True)
    missing = ((targets.wanted - heard) / targets.wanted.clamp_min(1e-6)).clamp(0, 1)
    excess = ((heard - rest) / targets.wanted.amax(1, keepdim=True)).clamp(0, 1)
    push = torch.where(inside, missing, -excess)  # [spans, 12]
    guided = logits.clone()
    guided[:, targets.steps] += (strength * push[targets.span][:, classes]).to(logits)
    return guided


def metre_accents(plan: MusicPlan, length: int, device: torch.device) -> Tensor | None:
    """[2, length, 1] what is added to the logits of onsets, of melody and accompaniment; None where nothing is."""
    if plan.metre not in METRE_ACCENTS:
        return None
    bar = torch.zeros(plan.unit * STEPS_PER_BEAT)
    for step, accent in METRE_ACCENTS[plan.metre].items():
        bar[step] = METRE_STRENGTH * accent
    at = torch.arange(length) % len(bar)
    return bar[at].expand(2, -1)[..., None].to(device)


def accent_metre(logits: Tensor, accents: Tensor | None) -> Tensor:
    """Logits [4, T, 88] with `metre_accents` added to those of onsets."""
    if accents is None:
        return logits
    accented = logits.clone()
    accented[0::2] += accents.to(logits)
    return accented
