"""BGM909 as training sees it: songs for whose bars a video asks, by the code that plans music for a video.

Of the curves a video asks for polyphony, density and register. Rests of the melody and repetition are what the planner
makes up, and so are its opening and ending where the video's stretch is inside the song: all that stays unknown, as
the tempo map does not, which is the song's. Nothing that a video asks for depends on the song's key: windows are
transposed to C major or A minor, what is asked is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from diffbgm.composer.condition import SectionCondition
from diffbgm.errors import DataError
from diffbgm.planner.affect import choose_mode, direct_style, mean_affect
from diffbgm.planner.bar_features import bar_features, mean_between
from diffbgm.planner.curves import plan_curves, with_textures
from diffbgm.planner.director import bundled_director, footage_of
from diffbgm.planner.form import plan_form
from diffbgm.planner.styles import combine_styles
from diffbgm.research.datasets.bgm909 import Bgm909, Pair
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, disturb, prepare
from diffbgm.types import BEATS_PER_BAR, CURVES, TEXTURE, PlannedCut, TempoMap, VideoFeatures

SEEN = ("polyphony", "density", "register")  # curves that pictures speak of
ENDS = 2 * BEATS_PER_BAR  # beats at either end that the planner shapes
ON_BEAT = 0.06  # seconds that a cut may lie off its half beat


@dataclass(frozen=True, eq=False)
class Asked:
    """For bars `start` to `end` of a song: curves [beats of the stretch] and sections in the song's beats."""

    curves: dict[str, np.ndarray]
    sections: tuple[SectionCondition, ...]


@dataclass(frozen=True, eq=False)
class VideoView:
    """A pair as a `windows.View`; the plan is made when it is first asked for. `times` [beats + 1] of the song."""

    data: Bgm909
    pair: Pair
    times: np.ndarray

    @property
    def start(self) -> int:
        """The first bar of the song that the video covers (inclusive)."""
        return self.pair.start_bar

    @property
    def end(self) -> int:
        """The bar of the song at which the video ends (exclusive)."""
        return self.pair.end_bar

    @cached_property
    def asked(self) -> Asked:
        """Curves and sections that the video asks for; NaN at its ends where the song goes on beyond."""
        features, resolution = _video(self.data, self.pair.video)
        edges = self.times[self.start * BEATS_PER_BAR : self.end * BEATS_PER_BAR + 1] + self.pair.offset
        first = self.start * BEATS_PER_BAR
        asked = ask(self.data, cut_features(features, edges[0], edges[-1]), edges - edges[0], resolution, first)
        for curve in asked.curves.values():
            if self.start > 0:
                curve[:ENDS] = np.nan
            if first + len(curve) < len(self.times) - 1:
                curve[-ENDS:] = np.nan
        return asked

    def ask(
        self, beats: int, rng: np.random.Generator, how: Sampling
    ) -> tuple[dict[str, np.ndarray], list[SectionCondition]]:
        """See `windows.View`: curves disturbed and dropped, textures and embeddings dropped, as without a video."""
        first, last = self.start * BEATS_PER_BAR, self.end * BEATS_PER_BAR
        curves = {name: np.full(beats, np.nan) for name in CURVES}
        for name, curve in self.asked.curves.items():
            known = np.flatnonzero(np.isfinite(curve))
            if len(known):
                curves[name][first + known] = disturb(curve[known], rng, how)
        sections = [SectionCondition(0, first, {})] if first else []
        for section in self.asked.sections:
            texture = {name: value for name, value in section.texture.items() if rng.random() >= how.drop_texture}
            sections.append(
                replace(section, texture=texture, clip=section.clip if rng.random() >= how.drop_texture else None)
            )
        return curves, sections + ([SectionCondition(last, beats, {})] if last < beats else [])


@lru_cache(maxsize=64)
def _video(data: Bgm909, video: str) -> tuple[VideoFeatures, float]:
    stored = data.video(video)
    return stored.features, stored.cut_resolution


def ask(data: Bgm909, features: VideoFeatures, edges: np.ndarray, resolution: float, first_beat: int) -> Asked:
    """What `make_plan` would ask for under a tempo map that is given: beats at `edges` [B + 1] seconds of the video."""
    tempo = TempoMap(edges)
    bpm = float(60 / np.median(np.diff(edges)))
    rules = combine_styles(())
    director = bundled_director()
    levels = director.direct(footage_of(features)) if director is not None else None
    mode = choose_mode(mean_affect(features)[0], rules, levels)
    form = plan_form(features, tempo, place_cuts(features, tempo, max(ON_BEAT, resolution / 2)))
    look = bar_features(features, edges[::BEATS_PER_BAR])
    curves = plan_curves(form, look, direct_style(rules, levels), bpm)
    sections = []
    for section in with_textures(form.sections, curves, rules, float(mode == "major")):
        texture: dict[str, float | None] = {name: getattr(section.texture, name) for name in TEXTURE}
        texture |= {"valence": section.valence, "arousal": section.arousal, "tempo": bpm}
        start, end = section.start_beat, section.end_beat
        clip = embed(data, features, edges[start], edges[end])
        sections.append(SectionCondition(first_beat + start, first_beat + end, texture, clip))
    return Asked({name: np.array(getattr(curves, name), np.float64) for name in SEEN}, tuple(sections))


def embed(data: Bgm909, features: VideoFeatures, start: float, end: float) -> np.ndarray | None:
    """[W] the mean embedding between two seconds, made narrow; None where there are none."""
    if data.projection is None or features.clip is None or features.clip_times is None or not len(features.clip):
        return None
    return data.projection(mean_between(features.clip_times, features.clip, np.array([start, end])))[0]


def place_cuts(features: VideoFeatures, tempo: TempoMap, reach: float) -> list[PlannedCut]:
    """Every cut on its nearest half beat; snapped where that is at most `reach` seconds away."""
    cuts = []
    for cut in features.cuts:
        beat = round(2 * tempo.beat_at(cut.time)) / 2
        error = cut.time - tempo.time_at(beat)
        cuts.append(PlannedCut(cut.time, cut.strength, beat, error, abs(error) <= reach))
    return cuts


def cut_features(features: VideoFeatures, start: float, end: float) -> VideoFeatures:
    """The seconds `start` to `end` of a video as a video of their own."""
    inside = (features.times >= start) & (features.times < end)
    if not inside.any():
        inside[np.abs(features.times - (start + end) / 2).argmin()] = True
    clip, clip_times = features.clip, features.clip_times
    if clip is not None and clip_times is not None:
        near = (clip_times >= start) & (clip_times < end)
        clip, clip_times = (clip[near], clip_times[near] - start) if near.any() else (None, None)
    return replace(
        features,
        duration=end - start,
        cuts=tuple(replace(cut, time=cut.time - start) for cut in features.cuts if start < cut.time < end),
        times=features.times[inside] - start,
        motion=features.motion[inside],
        colour=features.colour[inside],
        affect=features.affect[inside],
        clip=clip,
        clip_times=clip_times,
    )


def paired_pieces(data: Bgm909, mix: float) -> tuple[list[TrainingPiece], list[TrainingPiece]]:
    """(training, validation) pieces: every song under its videos.

    In training every song comes once more with its own curves, so that a share `mix` of the windows is of that kind.
    DataError when either side is empty.
    """
    if not 0 <= mix < 1:
        raise DataError(f"mix must be at least 0 and below 1 (a share of windows), got {mix:g}")
    training, validation = (under_videos(data, data.pairs(split)) for split in ("train", "validation"))
    if not training or not validation:
        raise DataError(
            f"{data.root}: {len(training)} songs to train on, {len(validation)} to validate with; pair more songs"
        )
    alone = [replace(piece, views=(), weight=mix / (1 - mix)) for piece in training]
    return training + (alone if mix else []), validation


def under_videos(data: Bgm909, pairs: Sequence[Pair]) -> list[TrainingPiece]:
    """A piece for every song that is paired, with a view for every pair."""
    pieces = []
    by_song = sorted(pairs, key=lambda p: p.song)
    edges = [i for i, p in enumerate(by_song) if i == 0 or p.song != by_song[i - 1].song] + [len(by_song)]
    width = 0 if data.projection is None else data.projection.width
    for a, b in pairwise(edges):
        song = data.song(by_song[a].song).song
        views = tuple(VideoView(data, pair, song.times) for pair in by_song[a:b])
        pieces.append(replace(prepare(song), views=views, clip_width=width))
    return pieces
