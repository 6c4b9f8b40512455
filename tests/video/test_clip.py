"""CLIP through the real code: a tiny model with random weights, saved and loaded as any other is."""

import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from tests.drawing import Drawn

from diffbgm.errors import InputError
from diffbgm.planner import make_plan
from diffbgm.planner.styles import MOOD_TEXTS
from diffbgm.video import analyze
from diffbgm.video import clip as room
from diffbgm.video.clip import (
    WORDS,
    Clip,
    average_pairs,
    choose_clip,
    embed_video,
    match_texts,
    sense_of,
    suggest_tags,
    words_to_affect,
)

EMBEDDING = 8


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of ten thousand random weights in the layout of the Hub."""
    pytest.importorskip("transformers")
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    shared = {**sizes, "projection_dim": EMBEDDING}
    tokens = {"vocab_size": 54, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = CLIPConfig(
        text_config={**shared, **tokens},
        vision_config={**shared, "image_size": 32, "patch_size": 8},
        projection_dim=EMBEDDING,
    )
    folder = tmp_path_factory.mktemp("tiny-clip")
    CLIPModel(config).save_pretrained(folder)
    letters = [chr(i) for i in range(97, 123)]
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *letters, *(x + "</w>" for x in letters)]
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    texts = CLIPTokenizer(vocab={t: i for i, t in enumerate(vocabulary)}, merges=[])
    CLIPProcessor(pictures, texts).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    monkeypatch.setattr(room, "MODEL", str(tiny_folder))
    clip = choose_clip("clip")
    assert clip is not None
    return clip


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the model nor a network."""
    monkeypatch.setattr(room, "MODEL", "diffbgm/no-such-clip")

    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)


def noise_pictures(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 256, (n, 40, 60, 3), np.uint8))


def test_embeddings_are_those_of_the_model_itself(tiny: Clip, tiny_folder: Path):
    import torch
    from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

    pictures = noise_pictures(3)
    vision = CLIPVisionModelWithProjection.from_pretrained(tiny_folder).eval()
    pixels = CLIPImageProcessorPil.from_pretrained(tiny_folder)(images=pictures, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = vision(pixel_values=pixels).image_embeds.numpy()
    seen = tiny.embed_pictures(pictures)
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(np.linalg.norm(seen, axis=1) - 1).min() > 1e-3  # unnormalised


def test_probabilities_are_the_models_own_zero_shot(tiny: Clip):
    import torch

    pictures, texts = noise_pictures(4), ["exciting", "sad", "calm"]
    p = tiny.probabilities(tiny.embed_pictures(pictures), texts)
    tokens = tiny.texts(texts, padding=True, return_tensors="pt")
    pixels = tiny.pictures(images=pictures, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        logits = tiny.model(pixel_values=pixels, **tokens).logits_per_image
    np.testing.assert_allclose(p, logits.softmax(1).numpy(), atol=1e-4)
    suggested = suggest_tags(tiny, tiny.embed_pictures(pictures), {t: t for t in texts}, n=2)
    assert {tag for tag, _ in suggested} < set(texts)
    assert suggested[0][1] >= suggested[1][1]


def test_texts_are_matched_to_tags(tiny: Clip):
    texts = {"calm": "quiet", "dark": "gloomy", "epic": "huge battle"}
    for tag, text in texts.items():
        ranked = match_texts(tiny, room.TEMPLATE.format(text), texts)
        assert ranked[0] == tag  # a text lies nearest to itself
        assert sorted(ranked) == sorted(texts)


def test_the_model_that_looked_reads_the_prompt_as_well(tiny: Clip, clip: Drawn):
    features = analyze(clip.path, semantics="clip")
    sense = sense_of(features, MOOD_TEXTS)
    assert sense is not None
    plan = make_plan(features, prompt="xyzzy", text_ranker=sense)
    assert plan.style == (sense("xyzzy")[0],)
    assert any("nearest mood to CLIP" in line for line in plan.why)
    assert sense_of(analyze(clip.path, semantics="colour"), MOOD_TEXTS) is None


def test_analyze_with_clip(tiny: Clip, clip: Drawn):
    told: list[float] = []
    features = analyze(clip.path, semantics="clip", on_progress=lambda f, _: told.append(f))
    plain = analyze(clip.path, semantics="colour")
    assert (features.semantics, plain.semantics) == ("clip", "colour")
    assert plain.clip is None
    assert features.clip is not None
    assert features.clip_times is not None
    assert features.clip.shape == (2, EMBEDDING)  # 4 s: a picture a second, two averaged
    assert features.clip_times == pytest.approx([1.0, 3.0])
    assert features.cuts == plain.cuts
    assert (features.motion == plain.motion).all()
    assert not np.allclose(features.affect, plain.affect)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert make_plan(features).bars >= 1  # embeddings of a width that the director does not know are no harm


def test_batches_do_not_matter(tiny: Clip, clip: Drawn, monkeypatch: pytest.MonkeyPatch):
    whole = embed_video(tiny, clip.path, 4.0)
    monkeypatch.setattr(room, "BATCH", 3)
    parts = embed_video(tiny, clip.path, 4.0)
    np.testing.assert_allclose(whole.clip, parts.clip, atol=1e-5)
    assert whole.words.shape == (4, len(WORDS))
    assert whole.words.sum(1) == pytest.approx(1.0)


def test_cancelling_in_clip(tiny: Clip, clip: Drawn):
    def stop(_: float, message: str) -> None:
        if "CLIP" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(clip.path, semantics="clip", on_progress=stop)


def test_pairs():
    rows = np.arange(10.0).reshape(5, 2)
    means, times = average_pairs(rows, np.arange(5.0), 4.6)
    assert means.tolist() == [[1, 2], [5, 6], [8, 9]]
    assert times == pytest.approx([1.0, 3.0, 4.3])
    means, times = average_pairs(rows[:1], np.zeros(1), 0.04)
    assert (means.tolist(), times.tolist()) == ([[0, 1]], [0.02])


def test_words_lie_where_they_belong():
    usual = np.exp([row[2] for row in WORDS.values()])
    usual /= usual.sum()
    rows = 0.3 * usual + 0.7 * np.eye(6)
    affect = dict(zip(WORDS, words_to_affect(rows), strict=True))
    assert np.abs(words_to_affect(usual[None])).max() < 0.3  # nothing special about it
    assert affect["exciting"][0] > 0.3 < affect["exciting"][1]
    assert affect["sad"][0] < -0.3 > affect["sad"][1]
    assert affect["relaxing"][0] > 0.3 > -0.3 > affect["relaxing"][1]
    for word in ("fearful", "tense"):
        assert affect[word][0] < -0.3 < 0.3 < affect[word][1]
    assert np.abs(list(affect.values())).max() <= 1


def test_words_over_music_videos_spread_over_the_plane(shared: Path):
    from diffbgm.research.datasets.muvisync import read_music_videos

    videos = read_music_videos(shared / "data" / "muvisync-labels-train.zip")[:150]
    affect = np.concatenate([words_to_affect(v.footage.words) for v in videos])
    low, middle, high = np.quantile(affect, (0.05, 0.5, 0.95), axis=0)
    assert (low < -0.4).all()
    assert (np.abs(middle) < 0.15).all()
    assert (high > 0.4).all()


def test_the_words_of_music_videos_are_linear_in_their_embeddings(shared: Path):
    """So the stored features and the stored affect come from one CLIP, by softmax over cosines as done here."""
    from diffbgm.research.datasets.muvisync import find_music_videos, read_music_videos

    x, y = [], []
    for video in read_music_videos(*find_music_videos(shared / "data"))[:160]:
        clip, words = video.footage.clip, video.footage.words
        assert clip is not None
        assert words is not None
        n = min(len(clip), len(words) // 2)
        logs = np.log(np.maximum(words[: 2 * n], 1e-4))
        logs -= logs.mean(1, keepdims=True)
        x.append(clip[:n] / np.linalg.norm(clip[:n], axis=1, keepdims=True))
        y.append((logs[::2] + logs[1::2]) / 2)
    seen, labels, new, wanted = (np.concatenate(part) for part in (x[:120], y[:120], x[120:], y[120:]))
    middle, mean = seen.mean(0), labels.mean(0)
    centred = (seen - middle).astype(np.float64)
    weights = np.linalg.solve(centred.T @ centred + 0.01 * np.eye(768), centred.T @ (labels - mean))
    missed = (new - middle) @ weights + mean - wanted
    assert 1 - (missed**2).sum() / ((wanted - mean) ** 2).sum() > 0.99


def test_without_the_model_colour_does_with_one_warning(nowhere: None, clip: Drawn):
    with pytest.warns(RuntimeWarning, match="no CLIP") as caught:
        features = analyze(clip.path, semantics="clip")
    assert [warning.filename for warning in caught] == [__file__]
    assert features.semantics == "colour"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert analyze(clip.path) == features  # "auto" says nothing


def test_a_name_server_that_never_answers_holds_nothing_up(nowhere: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: time.sleep(30))
    monkeypatch.setattr(room, "PATIENCE", 0.1)
    began = time.monotonic()
    with pytest.warns(RuntimeWarning):
        assert choose_clip("clip") is None
    assert time.monotonic() - began < 15


def test_a_damaged_folder_is_no_model(tmp_path: Path, nowhere: None, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    monkeypatch.setattr(room, "MODEL", str(tmp_path))
    with pytest.warns(RuntimeWarning, match="no CLIP"):
        assert choose_clip("clip") is None


def test_unknown_semantics(clip: Drawn):
    with pytest.raises(InputError, match="'magic'"):
        analyze(clip.path, semantics="magic")  # type: ignore[arg-type]


def test_colour_needs_neither_torch_nor_transformers(clip: Drawn):
    code = f"""
import sys
from diffbgm.video import analyze
from diffbgm.planner import make_plan
from diffbgm.planner.styles import MOOD_TEXTS
make_plan(analyze({str(clip.path)!r}, semantics="colour"))
assert not {{"torch", "transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
