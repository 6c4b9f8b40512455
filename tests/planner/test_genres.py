"""Genres: what a tag asks of the plan, and how the composer is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.music import make_plan
from tests.planner.drawn import PLAIN, draw_features, every

from diffbgm.codec import from_json, to_json
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.compose import condition_of
from diffbgm.composer.condition import CORPUS_OF_GENRE
from diffbgm.errors import PlanError, StyleError
from diffbgm.planner import make_plan as plan_video
from diffbgm.planner.styles import STYLES, combine_styles
from diffbgm.types import GENRES, MusicPlan


def test_a_tag_names_the_genre_of_the_plan_and_pop_is_the_default() -> None:
    features = draw_features(30.0, every(2.5, 30.0), (PLAIN,))
    assert plan_video(features).genre == "pop"
    hymn = plan_video(features, "hymn")
    assert (hymn.genre, hymn.palette) == ("hymn", "piano")
    assert hymn.curves.density.mean() < 0.8 * plan_video(features, "pop").curves.density.mean()
    assert plan_video(features, prompt="a hymn for the village church").genre == "hymn"
    assert plan_video(features, prompt="Chopin").genre == "piano"
    assert {style.genre for style in STYLES.values() if style.genre} <= set(GENRES)


def test_the_instruments_of_a_palette_tag_win_over_those_of_a_genre() -> None:
    assert combine_styles("chamber").palette == "strings"
    assert combine_styles("chamber,guitar").palette == combine_styles("guitar,chamber").palette == "guitar"
    with pytest.raises(StyleError, match="'hymn' and 'game' contradict each other: choose one genre"):
        combine_styles("hymn,game")


def test_plans_without_a_genre_are_pop_and_unknown_ones_are_refused() -> None:
    plan = make_plan(4)
    text = to_json(plan)
    assert '"genre": "pop"' in text or '"genre":"pop"' in text
    older = text.replace(', "genre": "pop"', "").replace(',"genre":"pop"', "")
    assert "genre" not in older
    assert from_json(MusicPlan, older).genre == "pop"
    with pytest.raises(PlanError, match="no genre is called 'polka'"):
        replace(plan, genre="polka")


def test_the_network_is_told_the_genre_where_it_knows_genres() -> None:
    plan = replace(make_plan(4), genre="hymn")
    knows = Denoiser(Config.tiny(genres=("pop", "hymn"), corpora=("POP909", "openhymnal")))
    told = condition_of(plan, [0], knows)
    assert (told.genre.tolist(), told.corpus.tolist()) == ([2], [2])
    assert set(CORPUS_OF_GENRE) == set(GENRES)
    silent = condition_of(plan, [0], Denoiser(Config.tiny()))
    assert (silent.genre.tolist(), silent.corpus.tolist()) == ([0], [0])


def test_another_genre_is_another_estimate() -> None:
    torch.manual_seed(0)
    model = Denoiser(Config.tiny(genres=("pop", "hymn"))).eval()
    for weight in model.parameters():  # what begins at zero too
        torch.nn.init.normal_(weight, std=0.1)
    x = torch.zeros(1, 4, 128, 88)
    plans = [replace(make_plan(8), genre=genre) for genre in ("pop", "hymn")]
    with torch.inference_mode():
        first, second = (model(x, torch.tensor([0.5]), condition_of(p, [0], model)).logits.numpy() for p in plans)
    assert np.abs(first - second).max() > 1e-4
