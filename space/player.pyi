"""A video on the page as it is: gradio's own would encode again what browsers may not play, silently and every time."""

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

from gradio.events import Dependency

class Player(gr.Video):
    """`gr.Video` that serves the file it is given. Where a browser cannot show it, page.js says so."""

    is_template = True  # gradio draws it with the widget of its base class

    def _format_video(self, video: str | Path | None) -> FileData | None:
        return None if video is None else FileData(path=str(video), orig_name=Path(video).name)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component