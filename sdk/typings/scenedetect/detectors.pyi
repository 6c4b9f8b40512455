import numpy as np

from .common import FrameTimecode

class AdaptiveDetector:
    def __init__(self, *, min_scene_len: float = 15, min_content_val: float = 15.0) -> None: ...
    def process_frame(self, timecode: FrameTimecode, frame_img: np.ndarray) -> list[FrameTimecode]: ...
