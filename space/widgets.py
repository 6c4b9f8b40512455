"""gradio as this page needs it: errors in one line, and videos served as they are."""

from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import FileData
from pydantic import ValidationError

LONGEST_ERROR = 300  # characters


class Page(gr.Blocks):
    """`gr.Blocks` that says in one line what it could not take of a request."""

    async def preprocess_data(self, block_fn: BlockFunction, inputs: list[Any], *rest: Any, **others: Any) -> list[Any]:
        """As `gr.Blocks.preprocess_data`; raises gr.Error for anything that is wrong with the inputs."""
        if len(inputs) < len(block_fn.inputs):
            raise refusal(f"{block_fn.api_name or 'this'} takes {len(block_fn.inputs)} inputs, got {len(inputs)}")
        try:
            return cast("list[Any]", await super().preprocess_data(block_fn, inputs, *rest, **others))
        except gr.Error:
            raise
        except ValidationError as e:
            raise refusal(e.errors()[0]["msg"]) from e
        except Exception as e:
            raise refusal(str(e)) from e


def refusal(words: str) -> gr.Error:
    """An error for whoever sent the request: one line, not logged."""
    return gr.Error(" ".join(words.split())[:LONGEST_ERROR], title="This cannot be used", print_exception=False)


def serve_videos_as_they_are() -> None:
    """Has every `gr.Video` of this process serve the file it is given.

    gradio's own encodes again what browsers may not play, silently and at every take: 38 s for half a minute of AVI.
    Where a browser cannot show a video, the page asks for a copy. This is no subclass, because gradio makes players
    anew from their arguments for every visitor, and writes a .pyi file beside each module with a subclass.
    """
    setattr(gr.Video, "_format_video", as_it_is)  # noqa: B010 (a name of gradio's own)


def as_it_is(_: gr.Video, video: str | Path | None) -> FileData | None:
    """What a player gets for a file: the file."""
    return None if video is None else FileData(path=str(video), orig_name=Path(video).name)
