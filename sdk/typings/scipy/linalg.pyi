import numpy as np
from numpy.typing import ArrayLike

def solveh_banded(ab: ArrayLike, b: ArrayLike, *, lower: bool = False) -> np.ndarray: ...
