import numpy as np
from numpy.typing import NDArray

def hann(M: int, sym: bool = True) -> NDArray[np.float64]: ...
