"""Beats by librosa's dynamic programming (Ellis 2007), fitted on no music of ours. Runs in a Python of its own."""

import json
import sys

import librosa  # pyright: ignore[reportMissingImports]

heard = []
for path in sys.argv[1:]:
    sound, rate = librosa.load(path, sr=22050)
    _, beats = librosa.beat.beat_track(y=sound, sr=rate, units="time", trim=False)
    heard.append({"beats": [float(b) for b in beats]})
print(json.dumps(heard))
