import numpy as np

class IIRfilter:
    a: np.ndarray
    b: np.ndarray
    passband_gain: float

class Meter:
    _filters: dict[str, IIRfilter]
    def __init__(self, rate: int, *, block_size: float = 0.4) -> None: ...
