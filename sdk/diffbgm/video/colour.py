"""Brightness, saturation and warmth of a picture."""

import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709
WARMTH_GAIN = 2.0


def colour_of(picture: np.ndarray) -> np.ndarray:
    """[3] brightness 0..1, saturation 0..1, warmth -1..1 (blue to orange) of a picture [h, w, 3] RGB in 0..255.

    brightness  mean luma, gamma-coded as displayed, so that it goes with how light the picture looks.
    saturation  that of HSV, every pixel weighted by its value: the noise of dark pixels does not count.
    warmth      red minus blue over the value, the same way, on a curve that reaches 1 for pure orange.
    """
    red, green, blue = np.moveaxis(np.asarray(picture, np.float32), -1, 0)
    mean = np.array([red.mean(), green.mean(), blue.mean()])
    total = float(np.maximum(np.maximum(red, green), blue).mean())
    if total < 1.0:  # black: neither saturated nor warm
        return np.array([float(mean @ LUMA) / 255.0, 0.0, 0.0])
    saturation = 1.0 - float(np.minimum(np.minimum(red, green), blue).mean()) / total
    warmth = np.tanh(WARMTH_GAIN * float(mean[0] - mean[2]) / total)
    return np.array([float(mean @ LUMA) / 255.0, saturation, warmth])
