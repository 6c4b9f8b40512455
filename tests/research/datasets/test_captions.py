"""Captions through the real code: a tiny BLIP of random weights, saved and loaded as any other is."""

from pathlib import Path

import numpy as np
import pytest
from tests.drawing import Drawn

from diffbgm import media
from diffbgm.errors import InputError
from diffbgm.research.datasets.captions import Captioner, caption_shots, load_captioner, middles

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "sea", "hill", "night", "rain", "light", "sky", "of"]


@pytest.fixture(scope="module")
def tiny_blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the layout of the Hub."""
    pytest.importorskip("transformers")
    import torch
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("tiny-blip")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    tokens = {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(
        text_config={**sizes, **tokens, "vocab_size": len(WORDS), "encoder_hidden_size": 16, "projection_dim": 8},
        vision_config={**sizes, "image_size": 32, "patch_size": 8, "projection_dim": 8},
        projection_dim=8,
        image_text_hidden_size=8,
    )
    torch.manual_seed(1)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)})
    pictures = BlipImageProcessorPil(size={"height": 32, "width": 32})
    BlipProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder


def test_every_shot_gets_words(tiny_blip: Path, clip: Drawn) -> None:
    captioner = load_captioner(str(tiny_blip))
    assert isinstance(captioner, Captioner)
    shots = [(0.0, 1.4), (1.4, 2.6), (2.6, 4.0)]
    captions = caption_shots(captioner, clip.path, shots)
    assert len(captions) == 3
    assert all(set(caption.split()) <= set(WORDS) for caption in captions)
    assert any(captions)
    assert captions == caption_shots(captioner, clip.path, shots)


def test_the_picture_in_the_middle_speaks_for_its_shot(clip: Drawn) -> None:
    pictures = dict(media.frames(clip.path, size=512))
    chosen = list(middles(clip.path, [(0.0, 1.4), (1.4, 2.6), (2.6, 40.0)]))
    times = sorted(pictures)
    for picture, middle in zip(chosen, (0.7, 2.0, 4.0), strict=True):
        expected = max(t for t in times if t <= middle)
        assert np.array_equal(picture, pictures[expected])


def test_what_is_no_captioner_is_said(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="no captioning model"):
        load_captioner(str(tmp_path))
