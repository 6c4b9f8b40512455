from os import PathLike
from typing import IO

import numpy as np

def read(filename: str | PathLike[str] | IO[bytes], mmap: bool = False) -> tuple[int, np.ndarray]: ...
