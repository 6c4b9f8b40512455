"""Texts that are no briefs, or too much of one."""

HOSTILE = (
    "sorowful pianno walz", "", "happy sad major minor fast slow 60 bpm 180 bpm no piano piano", "a" * 100_000,
    "piano " * 20_000, "مرحبا بالعالم", "🎬🎵", "zorgl " * 500, "0:05 " * 400, "not " * 500, "1-" * 1000, "1" * 2000,
    "begins and " * 190 + "3 s", "\t\n" * 1000, " " * 2000, "then calm " * 200, "at 3 s, " * 250,
    "drums come in at 3 s and " * 90, "no the drums " * 160, "piano and " * 200 + "enter at 3 s", "solo " * 400,
    "\u202eغيتار " * 300, "א" * 3000, "🎻" * 3000, "drums, remove it, " * 110, "no brass except horn " * 90,
    "#noDrums " * 220, "piano in at 3, " * 130, "音0秒" * 600, "pianoless " * 200, "pitsicato gitar " * 120,
    "hits " + "1, " * 700, "start loud get " * 130, "🎻, " * 600, "comes out of " * 150, "1. x\n" * 400, "low " * 500,
    "strings at 3 s, " * 130, "0:03 strings\n" * 150, "solo cello at 3 s, " * 110,
    "3/4 of the way " * 130, "1 and ends " * 180, "piano replaced by strings " * 70, "strip back to " * 140,
)  # fmt: skip
