"""Who may play: instruments, ensembles, patterns and grooves, all of them data of this package or of a user's file."""

from diffbgm.band.ensembles import PALETTES, find_palette
from diffbgm.band.instruments import Player, families_of, find_instrument, find_player, players
from diffbgm.band.parts import ROLES, Palette, Part

__all__ = [
    "PALETTES",
    "ROLES",
    "Palette",
    "Part",
    "Player",
    "families_of",
    "find_instrument",
    "find_palette",
    "find_player",
    "players",
]
