"""The one table of style tags that the command line, the SDK, the Space and the docs read, and how tags combine."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from diffbgm import band
from diffbgm.errors import PlanError, StyleError
from diffbgm.typed import typed
from diffbgm.types import TEXTURE, Texture

Group = Literal["mood", "genre", "metre", "motion", "palette", "tempo"]
GROUPS: tuple[Group, ...] = ("mood", "genre", "metre", "motion", "palette", "tempo")
DEFAULT_PALETTE = "piano"
DEFAULT_GENRE = "pop"
DEFAULT_METRE = "4/4"
ANY_TEXTURE = Texture()


@dataclass(frozen=True)
@typed(PlanError)
class Style:
    """One tag, or several combined.

    mode              major or minor, if the tag insists on one.
    bpm               (low, high) beats a minute within which the base tempo lies.
    valence, arousal  -1..1: the middle the pictures' affect is moved to; it still rises and falls with the pictures.
    density, polyphony, register, melody
                      shift of the level 0..1 of that curve: the whole range of POP909 (5 to 95 %) is 1.
    texture           what is asked of every section, in the units of `types.Texture`.
    palette           the instruments; those of a palette tag win over those of a genre.
    bands             the palette that plays where nothing says who does, then others for briefs that rule some out.
    genre             the kind of music, one of `types.GENRES`.
    metre             one of `types.METRES`.
    """

    name: str
    group: Group
    description: str
    mode: Literal["major", "minor"] | None = None
    bpm: tuple[float, float] | None = None
    valence: float | None = None
    arousal: float | None = None
    density: float = 0.0
    polyphony: float = 0.0
    register: float = 0.0
    melody: float = 0.0
    texture: Texture = ANY_TEXTURE
    palette: str | None = None
    genre: str | None = None
    metre: str | None = None
    bands: tuple[str, ...] = ()


_ROWS = (
    Style(
        "calm", "mood", "quiet and unhurried: long notes, few of them",
        bpm=(60, 84), arousal=-0.6, density=-0.25, polyphony=-0.1, melody=-0.15,
        texture=Texture(syncopation=0.04, note_length=1.1, harmonic_rhythm=0.9),
        bands=("felt-piano", "harp-and-flute", "ambient"),
    ),
    Style(
        "happy", "mood", "bright and lively, in a major key",
        mode="major", bpm=(96, 140), valence=0.7, arousal=0.4, density=0.1, register=0.15, melody=0.1,
        texture=Texture(mode=1.0, note_length=0.7, accompaniment_register=62.0),
        bands=("indie", "ukulele-pop", "corporate"),
    ),
    Style(
        "sad", "mood", "slow and sparse, in a minor key, lower on the keyboard",
        mode="minor", bpm=(60, 80), valence=-0.7, arousal=-0.5, density=-0.15, polyphony=-0.1, register=-0.15,
        texture=Texture(mode=0.0, note_length=1.1, accompaniment_register=58.0),
    ),
    Style(
        "tense", "mood", "restless, in a minor key: many short notes against the beat",
        mode="minor", bpm=(88, 132), valence=-0.5, arousal=0.5, density=0.15, polyphony=0.05, melody=-0.1,
        texture=Texture(mode=0.0, syncopation=0.25, note_length=0.6, harmonic_rhythm=1.4),
        bands=("suspense", "synth"),
    ),
    Style(
        "dark", "mood", "low and heavy, in a minor key",
        mode="minor", bpm=(60, 120), valence=-0.6, polyphony=0.1, register=-0.4, melody=-0.15,
        texture=Texture(mode=0.0, accompaniment_register=56.0, harmonic_rhythm=0.9),
        bands=("suspense", "synth"),
    ),
    Style(
        "hopeful", "mood", "warm and rising, in a major key",
        mode="major", bpm=(72, 112), valence=0.5, arousal=0.1, polyphony=0.1, register=0.1, melody=0.05,
        texture=Texture(mode=1.0, note_length=0.9),
        bands=("corporate", "indie"),
    ),
    Style(
        "playful", "mood", "light and bouncing, in a major key: short notes, off-beat accents",
        mode="major", bpm=(100, 140), valence=0.6, arousal=0.3, polyphony=-0.15, register=0.2, melody=0.15,
        texture=Texture(mode=1.0, syncopation=0.2, note_length=0.5, accompaniment_register=63.0),
        bands=("pizzicato", "ukulele-pop"),
    ),
    Style(
        "romantic", "mood", "a singing melody over long, changing chords",
        bpm=(60, 92), valence=0.4, arousal=-0.2, polyphony=0.15, melody=0.2,
        texture=Texture(note_length=1.2, syncopation=0.06, harmonic_rhythm=1.4),
        bands=("strings", "felt-piano", "guitar"),
    ),
    Style(
        "epic", "mood", "big: full chords over a wide range, and a strong pulse",
        bpm=(72, 132), arousal=0.6, density=0.2, polyphony=0.35, melody=-0.05,
        texture=Texture(syncopation=0.04, harmonic_rhythm=1.0),
        bands=("trailer", "synthwave"),
    ),
    Style(
        "mysterious", "mood", "thin and high in the air: few notes, slow harmony, a minor colour",
        mode="minor", bpm=(60, 96), valence=-0.2, arousal=-0.2, density=-0.15, polyphony=-0.2, register=0.25,
        melody=-0.2, texture=Texture(mode=0.2, note_length=1.2, harmonic_rhythm=0.6),
        bands=("harp-and-flute", "ambient", "bells"),
    ),
    # Shifts and textures of genres: medians of their 4/4 bars in the training corpora beside POP909's.
    Style("pop", "genre", "pop ballads, as the composer plays without a genre", genre="pop"),
    Style("art-song", "genre", "song with piano, 19th century: full chords that change often", genre="art song",
          density=-0.05, polyphony=0.2, melody=-0.2,
          texture=Texture(syncopation=0.03, harmonic_rhythm=1.75)),
    Style("concert-piano", "genre", "Chopin and his time: a light, high texture that turns often", genre="piano",
          density=-0.1, polyphony=-0.25, register=0.25,
          texture=Texture(syncopation=0.16, note_length=0.7, harmonic_rhythm=2.0)),
    Style("chamber", "genre", "string quartet: few voices that talk to each other", genre="chamber", palette="strings",
          density=-0.15, polyphony=-0.1, register=0.25, melody=-0.2,
          texture=Texture(syncopation=0.09, note_length=0.8, harmonic_rhythm=1.9)),
    Style("symphonic", "genre", "symphony: many voices over a wide range", genre="orchestra", palette="orchestral",
          density=0.15, polyphony=0.4, register=0.25, melody=-0.35,
          texture=Texture(syncopation=0.01, note_length=1.0, harmonic_rhythm=1.6, accompaniment_register=63.4)),
    Style("hymn", "genre", "four voices, chord by chord", genre="hymn",
          density=-0.33, polyphony=0.05, register=-0.05, melody=-0.3,
          texture=Texture(syncopation=0.0, note_length=1.15, harmonic_rhythm=2.0, accompaniment_register=57.0)),
    Style("game", "genre", "game score: low riffs over one chord", genre="game", palette="band",
          density=0.2, polyphony=0.4, register=-0.4, melody=0.1,
          texture=Texture(syncopation=0.19, note_length=0.75, harmonic_rhythm=0.6, accompaniment_register=55.0)),
    Style("waltz", "metre", "in 3/4, turning", bpm=(84, 140), metre="3/4", texture=Texture(syncopation=0.05)),
    Style("march", "metre", "in 2/4, at a walking pace", bpm=(96, 126), metre="2/4"),
    Style("jig", "metre", "in 6/8, skipping", bpm=(108, 140), metre="6/8"),
    Style("sparse", "motion", "few notes, much room between them", density=-0.4, polyphony=-0.15, melody=-0.15,
          texture=Texture(harmonic_rhythm=0.8)),
    Style("flowing", "motion", "an even stream of notes, smoothly joined", density=0.1,
          texture=Texture(syncopation=0.03, note_length=1.0)),
    Style("driving", "motion", "many notes at a fast, steady pulse",
          bpm=(108, 140), arousal=0.6, density=0.35, polyphony=0.1, texture=Texture(note_length=0.6),
          bands=("band", "indie", "synthwave")),
    Style("piano", "palette", "one piano", palette="piano"),
    Style("strings", "palette", "a string section carries the chords", palette="strings", density=-0.05,
          texture=Texture(note_length=1.1)),
    Style("guitar", "palette", "plucked acoustic guitar", palette="guitar"),
    Style("music-box", "palette", "a small, high music box", palette="music-box", register=0.25, polyphony=-0.15),
    Style("synth", "palette", "electronic pads and leads", palette="synth"),
    Style("orchestral", "palette", "strings, winds and brass", palette="orchestral", polyphony=0.1),
    Style("lo-fi", "palette", "mellow electric piano and vibraphone over a soft beat", palette="lo-fi",
          texture=Texture(syncopation=0.15)),
    Style("band", "palette", "electric guitar, piano, bass and drums", palette="band", density=0.05),
    Style("slow", "tempo", "60 to 80 beats a minute", bpm=(60, 80)),
    Style("medium", "tempo", "80 to 108 beats a minute", bpm=(80, 108)),
    Style("fast", "tempo", "108 to 140 beats a minute", bpm=(108, 140)),
)  # fmt: skip

_TAGS = {style.name for style in _ROWS}
# Ensembles that are nothing but instruments: one row for each table of band/data/ensembles.toml that has none above.
ENSEMBLES = tuple(
    Style(name, "palette", row.description, palette=name) for name, row in band.PALETTES.items() if name not in _TAGS
)
STYLES: dict[str, Style] = {style.name: style for style in (*_ROWS, *ENSEMBLES)}
MOOD_TEXTS = {style.name: style.name for style in _ROWS if style.group == "mood"}  # what CLIP is asked about each
PALETTES = tuple(style.name for style in STYLES.values() if style.group == "palette")
OPPOSITES = (
    ("calm", "driving"), ("calm", "tense"), ("calm", "epic"), ("sparse", "driving"), ("sparse", "flowing"),
    ("sad", "driving"), ("romantic", "tense"), ("romantic", "driving"), ("playful", "epic"),
)  # fmt: skip


def parse_style(text: str | Iterable[str]) -> tuple[str, ...]:
    """Return the known tags of "calm, piano" or of a sequence, each once; StyleError names the nearest known ones."""
    parts = text.split(",") if isinstance(text, str) else [part for item in text for part in str(item).split(",")]
    tags: list[str] = []
    for part in parts:
        tag = "-".join(part.strip().lower().replace("_", " ").split())
        tag = {"lofi": "lo-fi", "musicbox": "music-box"}.get(tag, tag)
        if not tag:
            continue
        if tag not in STYLES:
            near = difflib.get_close_matches(tag, STYLES, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(STYLES)}"
            raise StyleError(f"unknown style tag {part.strip()!r}: {hint}")
        if tag not in tags:
            tags.append(tag)
    return tuple(tags)


def combine_styles(tags: str | Sequence[str]) -> Style:
    """Several tags as one style: shifts add up, textures and affect average, tempo ranges intersect.

    Where tempo ranges do not meet, a tempo tag wins over a motion tag, and that over a mood. StyleError for unknown
    tags and for tags that contradict each other: two tempi, palettes, genres or metres, major against minor, or a pair
    of opposites.
    """
    names = parse_style(tags)
    rows = [STYLES[name] for name in names]
    _refuse_contradictions(rows)
    by_group = sorted(rows, key=lambda row: row.group != "palette")
    return Style(
        name=", ".join(names),
        group=rows[0].group if rows else "mood",
        description="; ".join(row.description for row in rows) or "as the pictures say",
        mode=next((row.mode for row in rows if row.mode), None),
        bpm=_combine_bpm(rows),
        valence=_mean([row.valence for row in rows]),
        arousal=_mean([row.arousal for row in rows]),
        density=sum(row.density for row in rows),
        polyphony=sum(row.polyphony for row in rows),
        register=sum(row.register for row in rows),
        melody=sum(row.melody for row in rows),
        texture=Texture(**{name: _mean([getattr(row.texture, name) for row in rows]) for name in TEXTURE}),
        palette=next((row.palette for row in by_group if row.palette), None),
        genre=next((row.genre for row in rows if row.genre), None),
        metre=next((row.metre for row in rows if row.metre), None),
        bands=tuple(band for row in sorted(rows, key=lambda row: row.group != "motion") for band in row.bands),
    )


def _refuse_contradictions(rows: Sequence[Style]) -> None:
    for group in ("tempo", "palette", "genre", "metre"):
        same = [row.name for row in rows if row.group == group]
        if len(same) > 1:
            raise StyleError(f"style tags {same[0]!r} and {same[1]!r} contradict each other: choose one {group}")
    names = {row.name for row in rows}
    for a, b in OPPOSITES:
        if a in names and b in names:
            raise StyleError(f"style tags {a!r} and {b!r} contradict each other: choose one of them")
    major = [row.name for row in rows if row.mode == "major"]
    minor = [row.name for row in rows if row.mode == "minor"]
    if major and minor:
        raise StyleError(
            f"style tags {major[0]!r} and {minor[0]!r} contradict each other: one asks for major, the other for minor"
        )


def _combine_bpm(rows: Sequence[Style]) -> tuple[float, float] | None:
    kept: tuple[float, float] | None = None
    for group in ("tempo", "metre", "motion", "mood", "genre", "palette"):
        for row in rows:
            if row.group != group or row.bpm is None:
                continue
            if kept is None:
                kept = row.bpm
                continue
            low, high = max(kept[0], row.bpm[0]), min(kept[1], row.bpm[1])
            if high - low >= 8:  # a range narrower than that leaves no room to fit cuts
                kept = (low, high)
    return kept


def _mean(values: Iterable[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given else None
