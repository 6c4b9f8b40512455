"""Where the sounds come from: the font in the package, so that a piece sounds alike on every machine, or one's own."""

import os
from pathlib import Path

from diffbgm.errors import RenderError

PACKAGED = Path(__file__).with_name("data") / "FluidR3Mono_GM.sf3"  # its licence, MIT, lies beside it
VARIABLE = "DIFFBGM_SOUNDFONT"
LICENCES = {PACKAGED.name: "MIT"}  # of the fonts that are known by name


def find_soundfont(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the SoundFont to play with: `path`, else the one that DIFFBGM_SOUNDFONT names, else the package's.

    Raises:
        RenderError: A font that was asked for is not there or is no SoundFont.

    """
    asked, source = (path, "") if path is not None else (os.environ.get(VARIABLE), f" ({VARIABLE})")
    if not asked:
        return PACKAGED
    font = Path(asked).expanduser()
    if _version(font) is None:
        raise RenderError(f"{font}{source} is not a SoundFont; name an existing .sf2 or .sf3, or leave it out")
    return font


def is_compressed(font: Path) -> bool:
    """Whether the samples of a SoundFont are Ogg Vorbis (SF3), which the synthesizers cannot be counted on to read."""
    return _version(font) == 3


def _version(path: Path) -> int | None:
    """Return the major version of a file that begins like a SoundFont of the length it says; None for another file."""
    try:
        with path.open("rb") as file:
            head = file.read(36)
        size = path.stat().st_size
    except OSError:
        return None
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk" or int.from_bytes(head[4:8], "little") + 8 > size:
        return None
    return int.from_bytes(head[32:34], "little") if head[24:28] == b"ifil" else 2
