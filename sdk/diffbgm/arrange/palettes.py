"""The bands that can be asked for; they are data of `diffbgm.band`."""

from diffbgm.band import PALETTES, ROLES, Palette, Part, find_palette

__all__ = ["PALETTES", "ROLES", "Palette", "Part", "find_palette"]
