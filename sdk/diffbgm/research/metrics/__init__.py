"""The ruler: what composed music measures, beside real music.

Pure functions on cells [4, T, 88] (melody onset, melody sustain, accompaniment onset, accompaniment sustain):
tonal (pitch class histogram entropy, grooving pattern similarity), structure (structure indicator), descriptors,
overlap, diversity, copies, seams, twosample (a classifier's view), agreement (asked against played), model (all of a
model's table), affect and ear_fit (how music feels to listeners), sync (cuts on beats), hearing (music second by
second) and retrieval (does a video find its own?), files (all of it for MIDI files), report and html (saying so).
"""
