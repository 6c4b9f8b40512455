"""Notes by basic-pitch (Apache-2.0, Bittner et al. 2022), a transcriber of any instrument. In a Python of its own."""

import json
import sys

from basic_pitch import ICASSP_2022_MODEL_PATH  # pyright: ignore[reportMissingImports]
from basic_pitch.inference import Model, predict  # pyright: ignore[reportMissingImports]

model = Model(ICASSP_2022_MODEL_PATH)
heard = []
for path in sys.argv[1:]:
    _, _, notes = predict(path, model)
    heard.append({"notes": sorted([round(float(start), 4), int(pitch)] for start, _, pitch, *_ in notes)})
print(json.dumps(heard))
