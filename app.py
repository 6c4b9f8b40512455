"""The browser demo: `python app.py`, then open the address it prints.

Environment: DIFFBGM_WEIGHTS, a folder or a Hub id, takes other weights than the bundled ones; gradio's own variables
(GRADIO_SERVER_NAME, GRADIO_SERVER_PORT, GRADIO_TEMP_DIR, ...) work as well.
"""

import os

from diffbgm import threads

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.update(threads.environment(jobs=2))  # as many as compose at once; before torch is loaded

from space.memory import share_heaps
from space.ui import build, launch_options

from space import gpu, samples


def main() -> None:
    """Loads the model, builds the page and serves it until the process is stopped; scores its examples meanwhile."""
    share_heaps()
    threads.spread(parts=2)  # who composes alone has all cores
    gpu.model()
    page = build()
    samples.make_ahead()
    page.launch(**launch_options())


if __name__ == "__main__":
    main()
