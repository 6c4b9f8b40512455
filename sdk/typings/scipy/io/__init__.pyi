from . import wavfile as wavfile
