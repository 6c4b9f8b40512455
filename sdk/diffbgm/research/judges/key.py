"""The key of a sound: Krumhansl and Kessler's profiles against librosa's chroma. Runs in a Python of its own."""

import json
import sys

import librosa  # pyright: ignore[reportMissingImports]
import numpy as np

PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
heard = []
for path in sys.argv[1:]:
    sound, rate = librosa.load(path, sr=22050)
    chroma = librosa.feature.chroma_cqt(y=sound, sr=rate).mean(1)
    fits = {
        (tonic, mode): float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    tonic, mode = max(fits, key=lambda key: fits[key])
    heard.append({"tonic": tonic, "mode": mode})
print(json.dumps(heard))
