"""Turn one MIDI file into a WAV file: `synth_worker.py ENGINE SOUNDFONT MIDI WAV RATE`.

A process of its own, run by path, because midirenderer holds the GIL while it works and midi2audio lets FluidSynth
write to standard output. It imports nothing of the package.
"""

import sys
from pathlib import Path


def main(engine: str, soundfont: str, midi: str, wav: str, rate: str) -> int:
    """Render with an engine; returns 0, or 3 where no sound came out."""
    if engine == "fluidsynth":
        from midi2audio import FluidSynth

        FluidSynth(soundfont, sample_rate=int(rate)).midi_to_audio(midi, wav)
    else:
        import midirenderer

        Path(wav).write_bytes(midirenderer.render_wave_from(Path(soundfont).read_bytes(), Path(midi).read_bytes()))
    return 0 if Path(wav).is_file() and Path(wav).stat().st_size > 44 else 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
