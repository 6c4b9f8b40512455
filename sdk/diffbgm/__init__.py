"""Background music for your video, by the diffusion model of Diff-BGM (Li et al., CVPR 2024).

    from diffbgm import DiffBGM
    result = DiffBGM.from_pretrained().score("clip.mp4", style="calm,piano", seed=1)
    result.save("scored.mp4")

`analyze` and `make_plan` work without torch; everything heavy is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.5.0"

if TYPE_CHECKING:
    from diffbgm.errors import DiffBGMError
    from diffbgm.options import Guidance, ScoreOptions
    from diffbgm.pipeline import DiffBGM
    from diffbgm.planner import STYLES, make_plan, recut
    from diffbgm.planner.restyle import changed_bars, restyle
    from diffbgm.project import load_project, save_project
    from diffbgm.result import Result
    from diffbgm.types import MusicPlan, PianoRoll, VideoFeatures
    from diffbgm.video import analyze

_HOMES = {
    "DiffBGM": "pipeline",
    "DiffBGMError": "errors",
    "Guidance": "options",
    "MusicPlan": "types",
    "PianoRoll": "types",
    "Result": "result",
    "STYLES": "planner",
    "ScoreOptions": "options",
    "VideoFeatures": "types",
    "analyze": "video",
    "changed_bars": "planner.restyle",
    "load_project": "project",
    "make_plan": "planner",
    "recut": "planner",
    "restyle": "planner.restyle",
    "save_project": "project",
}

__all__ = [
    "STYLES",
    "DiffBGM",
    "DiffBGMError",
    "Guidance",
    "MusicPlan",
    "PianoRoll",
    "Result",
    "ScoreOptions",
    "VideoFeatures",
    "__version__",
    "analyze",
    "changed_bars",
    "load_project",
    "make_plan",
    "recut",
    "restyle",
    "save_project",
]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"diffbgm.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'diffbgm' has no attribute {name!r}")
