"""Where the sounds come from."""

import os
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from diffbgm.errors import RenderError

VARIABLE = "DIFFBGM_SOUNDFONT"
FOLDERS = (
    "~/.local/share/soundfonts",
    "~/.fluidsynth",
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
)
BEST_FIRST = (
    "FluidR3_GM.sf2",
    "FluidR3 GM.sf2",
    "MuseScore_General.sf2",
    "GeneralUser GS*.sf2",
    "default-GM.sf2",
    "*GM*.sf2",
)


def find_soundfont(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the SoundFont to play with.

    That is `path`, else the one that DIFFBGM_SOUNDFONT names, else the best General MIDI font in the usual folders,
    else the small one that pretty_midi ships.

    Raises:
        RenderError: A font that was asked for is not there or is no .sf2, or there is none at all.

    """
    asked, source = (path, "") if path is not None else (os.environ.get(VARIABLE), f" ({VARIABLE})")
    if asked:
        font = Path(asked).expanduser()
        if not is_soundfont(font):
            raise RenderError(f"{font}{source} is not a SoundFont 2 file; name an existing .sf2 or leave it out")
        return font
    for folder in FOLDERS:
        for name in BEST_FIRST:
            for font in sorted(Path(folder).expanduser().glob(name)):
                if is_soundfont(font):
                    return font
    if find_spec("pretty_midi"):
        font = Path(str(resources.files("pretty_midi") / "TimGM6mb.sf2"))
        if is_soundfont(font):
            return font
    raise RenderError(
        f"no SoundFont found; install one (fluid-soundfont-gm, or pretty_midi) or set {VARIABLE} to an .sf2 file"
    )


def is_soundfont(path: Path) -> bool:
    """Whether the file begins like a SoundFont 2 of the length it says; else FluidSynth silently takes another."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
        size = path.stat().st_size
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"sfbk" and int.from_bytes(head[4:8], "little") + 8 <= size
