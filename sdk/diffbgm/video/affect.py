"""Valence and arousal of pictures from colour, motion and cutting: explainable, instant, without a network.

Colour follows Valdez & Mehrabian (1994), "Effects of color on emotions", Journal of Experimental Psychology: General
123(4), who had people judge colour samples: pleasure = .69 B + .22 S and arousal = -.31 B + .60 S, where B and S are
brightness and saturation as standard scores; here they are scored against ordinary footage (BRIGHTNESS, SATURATION).
Motion and cutting rate drive arousal: over the videos of MuVi-Sync (671 music videos) both go with its labels
"exciting" minus "sad" alike (r = .27 and .28; their sum .35), so they weigh the same. Warmth adds a little valence, by
the film maker's custom of warm hope and cold gloom; Valdez & Mehrabian found blue pleasant, so it stays small.

Calibration (`diffbgm evaluate semantics --muvisync DIR`): over MuVi-Sync's 172,000 seconds arousal from motion and cuts
has the quantiles (5, 25, 50, 75, 95 %) -.49, .05, .56, .81, .92: music videos are the lively end. By the words of CLIP,
which are centred on them, they are -.67, -.29, -.01, .32, .61. Single shots in which something moves lie around -.4,
edited footage around .2.

Limits: nothing is recognised. A sunny funeral reads as cheerful, a night at the fair as gloomy, white walls as
pleasant. Grading, exposure and black-and-white film move the values. Valence is the weaker half by far.

CLIP adds what is shown: on held-out videos of MuVi-Sync (`diffbgm train-director`, n = 671, seed 0; chance is r = 0)
its embeddings tell density, loudness and mode with r = .57, .40, .29, motion and cuts alone with .13, .14, -.01. The
labels carry no colour. Labels that come offline are left out: EfficientNet-Lite0 (ImageNet, 17 MB) named the kind of
scene right in 13 of 32 free pictures labelled beforehand (18 stills, 14 frames of Big Buck Bunny; .70 was asked; only
these could be had), and told "the same shot again" worse than a histogram of colours did (area under the curve .95
and .997, 91 pairs of these frames).
"""

from collections.abc import Sequence

import numpy as np

from diffbgm.types import Cut

# Mean and standard deviation over ordinary footage, by which colour becomes a standard score.
BRIGHTNESS = (0.42, 0.17)
SATURATION = (0.33, 0.16)
MIDDLE_MOTION = 0.35  # motion of footage in which something moves, but nothing rushes
MOTION_SPREAD = 0.22
MIDDLE_CUT_RATE = 0.16  # cuts per second: a shot of about six seconds
LEAST_CUT_RATE = 0.12  # cuts per second that keep a single shot from reading as deadly still
VALENCE_GAIN = 0.75
AROUSAL_GAIN = 0.75
CUT_MEMORY = 4.0  # seconds over which cutting is felt
FADE_WEIGHT = 0.5  # of a fade among cuts


def cut_rate(cuts: Sequence[Cut], times: np.ndarray, duration: float) -> np.ndarray:
    """[N] cuts per second around every time: a Gaussian average over CUT_MEMORY seconds.

    What lies outside the video counts as unknown, not as still.
    """
    times = np.asarray(times, np.float64)
    grid = (np.arange(max(1, int(np.ceil(duration * 4)))) + 0.5) / 4
    grid = grid[grid < duration] if (grid < duration).any() else np.array([duration / 2])
    events = np.zeros(len(grid))
    for cut in cuts:
        events[int(np.argmin(np.abs(grid - cut.time)))] += 1.0 if cut.kind == "cut" else FADE_WEIGHT
    seconds = duration / len(grid)
    rate = np.empty(len(times))
    for i, time in enumerate(times):
        near = slice(*np.searchsorted(grid, [time - 4 * CUT_MEMORY, time + 4 * CUT_MEMORY]))
        weight = np.exp(-0.5 * ((grid[near] - time) / CUT_MEMORY) ** 2)
        rate[i] = weight @ events[near] / max(float(weight.sum()) * seconds, 1e-9)
    return rate


def affect(colour: np.ndarray, motion: np.ndarray, cuts_per_second: np.ndarray) -> np.ndarray:
    """[N, 2] valence and arousal, each -1..1, from colour [N, 3], motion [N] and cutting rate [N]."""
    colour = np.asarray(colour, np.float64)
    brightness = (colour[:, 0] - BRIGHTNESS[0]) / BRIGHTNESS[1]
    saturation = (colour[:, 1] - SATURATION[0]) / SATURATION[1]
    pleasure = 0.69 * brightness + 0.22 * saturation + 0.25 * colour[:, 2]
    excitement = -0.31 * brightness + 0.60 * saturation
    moving = (np.asarray(motion, np.float64) - MIDDLE_MOTION) / MOTION_SPREAD
    rate = np.asarray(cuts_per_second, np.float64)
    cutting = np.log((rate + LEAST_CUT_RATE) / (MIDDLE_CUT_RATE + LEAST_CUT_RATE))
    valence = np.tanh(VALENCE_GAIN * pleasure)
    arousal = np.tanh(AROUSAL_GAIN * (0.35 * excitement + 0.6 * moving + 0.6 * cutting))
    return np.stack([valence, arousal], axis=1)
