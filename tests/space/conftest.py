"""A tiny untrained model behind the real front door, and a folder of its own for everything the demo writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the demo needs gradio: pip install 'diffbgm[space]'")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where uploads and takes lie."""
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="session")
def model(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`gpu.model()` is a tiny one, and gradio's files lie in `files`."""
    import torch

    from diffbgm.composer import Config, Denoiser
    from diffbgm.hub import save_weights
    from space import gpu

    torch.manual_seed(0)
    folder = save_weights(Denoiser(Config.tiny()), tmp_path_factory.mktemp("weights"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(gpu.WEIGHTS, str(folder))
        patch.setenv("GRADIO_TEMP_DIR", str(files))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        gpu.model.cache_clear()
        yield
        gpu.model.cache_clear()


@pytest.fixture(scope="session")
def server(model: None) -> Iterator[str]:
    """The address of the running demo."""
    from space.ui import build, launch_options

    page = build()
    _, address, _ = page.launch(**launch_options(), prevent_thread_lock=True, quiet=True)
    yield address
    page.close()
