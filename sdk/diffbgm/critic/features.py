"""What the critic looks at in eight bars of music: histograms of rhythm, intervals, harmony and repetition."""

import numpy as np

from diffbgm.types import LOWEST_PITCH, PITCHES, STEPS_PER_BAR, STEPS_PER_BEAT

FOLD = np.eye(12)[(np.arange(PITCHES) + LOWEST_PITCH) % 12]  # [88, 12]
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16)  # sixteenths: edges of the histogram of lengths
LAGS = (1, 2, 4)  # bars
WINDOW = 8  # bars
FEATURES = 153  # of a window


def look_at(cells: np.ndarray) -> np.ndarray:
    """[F] features, `FEATURES` of them, of cells [4, T, 88] in C major or A minor, T whole bars of 4/4."""
    strikes = cells[0::2] > 0
    sound: np.ndarray = np.logical_or(strikes, cells[1::2] > 0)
    bars = cells.shape[1] // STEPS_PER_BAR
    parts: list[np.ndarray] = []
    for voice in (0, 1):
        onsets = strikes[voice].sum(1).reshape(bars, STEPS_PER_BAR)
        chroma = strikes[voice].sum(0) @ FOLD
        parts += [share(onsets.sum(0)), share(chroma), share(lengths(strikes[voice], cells[2 * voice + 1]))]
        parts += [spread(onsets.sum(1)), spread(sound[voice].sum(1)), repeats(strikes[voice].reshape(bars, -1))]
        parts.append(repeats((onsets > 0).astype(bool)))
    chords = strikes[1][strikes[1].sum(1) > 1].astype(np.int64)
    sounding: np.ndarray = sound.max(axis=0)
    beats = sounding[::STEPS_PER_BEAT].astype(np.int64)
    parts += [share(distances(chords)), share(distances(beats)), share(np.bincount(chords.sum(1), minlength=8)[2:8])]
    melody = line(strikes[0], highest=True)
    bass = line(sound[1][::STEPS_PER_BEAT], highest=False)
    for voice_line in (melody, bass):
        moves = np.diff(voice_line)
        turns = np.sign(moves[moves != 0])
        turning = float((turns[1:] != turns[:-1]).mean()) if len(turns) > 1 else 0.0
        parts += [share(np.bincount(np.clip(np.abs(moves), 0, 12), minlength=13)), np.array([turning])]
    classes = (sound[1].reshape(-1, STEPS_PER_BEAT, PITCHES).any(1) @ FOLD) > 0
    steps = np.flatnonzero(strikes[0].any(1))
    fits = classes[steps // STEPS_PER_BEAT, (melody + LOWEST_PITCH) % 12] if len(steps) else np.zeros(1)
    both, either = (classes[1:] & classes[:-1]).sum(1), (classes[1:] | classes[:-1]).sum(1)
    change = (both < 0.5 * either).mean() if len(either) else 0.0
    parts.append(np.array([float(fits.mean()), float(change), float(len(np.unique(melody)) / max(1, len(melody)))]))
    return np.concatenate(parts)


def windows_of(cells: np.ndarray) -> np.ndarray:
    """[n, F] features of a piece's windows of eight bars, four apart; of the whole piece where it is shorter."""
    total = cells.shape[1] // STEPS_PER_BAR
    starts = range(0, max(1, total - WINDOW + 1), WINDOW // 2)
    cut = [slice(s * STEPS_PER_BAR, (s + WINDOW) * STEPS_PER_BAR) for s in starts]
    return np.stack([look_at(cells[:, at]) for at in cut])


def share(counts: np.ndarray) -> np.ndarray:
    """The histogram scaled to sum 1; zeros where it is empty."""
    return counts / max(float(counts.sum()), 1e-9)


def spread(values: np.ndarray) -> np.ndarray:
    """[2] mean and standard deviation."""
    return np.array([values.mean(), values.std()])


def repeats(rows: np.ndarray) -> np.ndarray:
    """[3] how much of each bar [bars, ...] is the bar one, two and four bars before: Jaccard index, mean."""
    flat = rows.reshape(len(rows), -1)
    out = np.zeros(len(LAGS))
    for i, lag in enumerate(LAGS):
        if len(flat) > lag:
            either = (flat[lag:] | flat[:-lag]).sum(1)
            out[i] = float(((flat[lag:] & flat[:-lag]).sum(1) / np.maximum(either, 1)).mean())
    return out


def lengths(strikes: np.ndarray, held: np.ndarray) -> np.ndarray:
    """[8] histogram of the lengths of a voice's notes."""
    step, key = np.nonzero(strikes)
    ends = ~held.astype(bool) | strikes
    out = np.zeros(len(LENGTHS))
    stop = np.full(PITCHES, strikes.shape[0])
    last = np.empty_like(ends, np.int64)
    for at in range(strikes.shape[0] - 1, -1, -1):
        last[at] = stop
        stop = np.where(ends[at], at, stop)
    sizes = np.clip(last[step, key] - step, 1, None)
    np.add.at(out, np.searchsorted(LENGTHS, sizes, "right") - 1, 1)
    return out


def distances(rows: np.ndarray) -> np.ndarray:
    """[12] pairs of keys that are there together in rows [n, 88], by their distance modulo 12."""
    together = rows.T @ rows
    low, high = np.triu_indices(PITCHES, 1)
    return np.bincount((high - low) % 12, weights=together[low, high], minlength=12)


def line(rows: np.ndarray, *, highest: bool) -> np.ndarray:
    """[m] the highest or lowest key of each row [n, 88] that has one."""
    rows = rows[rows.any(1)]
    return PITCHES - 1 - rows[:, ::-1].argmax(1) if highest else rows.argmax(1)
