from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import windows as windows

def butter(
    N: int,
    Wn: ArrayLike,
    btype: Literal["low", "high", "band", "bandpass", "bandstop"] = "low",
    *,
    output: Literal["sos"],
    fs: float | None = None,
) -> NDArray[np.float64]: ...
@overload
def sosfilt(sos: ArrayLike, x: ArrayLike, axis: int = -1, zi: None = None) -> np.ndarray: ...
@overload
def sosfilt(sos: ArrayLike, x: ArrayLike, axis: int = -1, *, zi: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
def fftconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: Literal["full", "valid", "same"] = "full", axes: int | None = None
) -> np.ndarray: ...
def oaconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: Literal["full", "valid", "same"] = "full", axes: int | None = None
) -> np.ndarray: ...
def resample_poly(x: ArrayLike, up: int, down: int, axis: int = 0) -> np.ndarray: ...
