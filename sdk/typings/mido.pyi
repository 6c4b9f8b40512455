from collections.abc import Iterable
from os import PathLike
from typing import IO, Any

from typing_extensions import Self

class KeySignatureError(Exception): ...

class Message:
    type: str
    time: int
    is_meta: bool
    def __init__(self, type: str, **fields: Any) -> None: ...
    def __getattr__(self, field: str) -> Any: ...  # which fields there are, the type of the message says
    def copy(self, **fields: Any) -> Self: ...

class MetaMessage(Message): ...
class MidiTrack(list[Message]): ...

class MidiFile:
    type: int
    ticks_per_beat: int
    tracks: list[MidiTrack]
    def __init__(
        self,
        filename: str | PathLike[str] | None = None,
        file: IO[bytes] | None = None,
        type: int = 1,
        ticks_per_beat: int = 480,
        charset: str = "latin1",
        debug: bool = False,
        clip: bool = False,
        tracks: Iterable[MidiTrack] | None = None,
    ) -> None: ...
    def save(self, filename: str | PathLike[str] | None = None, file: IO[bytes] | None = None) -> None: ...
