from os import PathLike
from typing import IO

class Note:
    velocity: int
    pitch: int
    start: float
    end: float

class Instrument:
    program: int
    is_drum: bool
    name: str
    notes: list[Note]

class PrettyMIDI:
    resolution: int
    instruments: list[Instrument]
    def __init__(self, midi_file: str | PathLike[str] | IO[bytes] | None = None) -> None: ...

def program_to_instrument_name(program_number: int) -> str: ...
