from fractions import Fraction

class Timecode:
    def __init__(self, pts: int, time_base: Fraction) -> None: ...

class FrameTimecode:
    seconds: float
    def __init__(self, timecode: Timecode, fps: float) -> None: ...
