"""Which palette plays: as asked, else the one that suits the mood, else the piano."""

from diffbgm.brief import Brief
from diffbgm.planner.prompt import understand
from diffbgm.planner.styles import DEFAULT_GENRE, DEFAULT_PALETTE, Style

LIVELY, EXCITED = 0.25, 0.5  # arousal from which other instruments than the piano play, where no tag's band does


def choose_palette(style: Style, brief: Brief) -> tuple[str, str]:
    """Choose the palette of a piece.

    Instruments and genres have their palettes (`prompt.palette_of`), and so have moods, where nothing else says who
    plays. A brief in scenes that names nobody is played by the band of its liveliest scene, whose parts rest where the
    music is calm.

    Args:
        style: Of tags and brief, see `prompt.understand`.
        brief: The whole of it.

    Returns:
        The name of the palette, and why it is that one.

    """
    if style.palette is not None:
        return style.palette, "as asked"
    said = [understand(scene.brief).style for scene in brief.scenes]
    liveliest = max(said, key=lambda scene: scene.arousal or 0.0, default=style)
    moods = (style, liveliest) if liveliest.palette is None else (style,)
    band = next((band for mood in moods if (band := band_of_mood(mood)) is not None), None)
    return (band, "for the mood") if band else (DEFAULT_PALETTE, "nothing asks for another")


def band_of_mood(style: Style) -> str | None:
    """Return the palette that suits a style's mood, or None: it has none, or is a kind of music with its own sound."""
    if style.genre not in (None, DEFAULT_GENRE):
        return None
    if style.bands or style.arousal is None:
        return next(iter(style.bands), None)
    valence = style.valence or 0.0
    if style.arousal >= EXCITED:
        return "band" if valence > 0 else "orchestral"
    return "indie" if style.arousal >= LIVELY and valence >= LIVELY else None
