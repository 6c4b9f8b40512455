"""Briefs in other words than the tables' own, in ten languages; knobs, and which of them beats what."""

import time
from typing import Any

import pytest
from tests.brief.hostile import HOSTILE

from diffbgm.brief import lexicon, read_asked, read_brief, read_knobs
from diffbgm.errors import OptionError

WORDINGS: list[tuple[str, dict[str, Any]]] = [
    ("slow blues in E, harmonica and electric guitar", {"tonic": 4, "instruments": ("harmonica", "electric guitar")}),
    ("Viennese waltz for strings, 160 bpm", {"metre": "3/4", "bpm": (160, 160)}),
    ("polka with accordion and tuba, no drums", {"metre": "2/4", "drums": False}),
    ("in d-Moll, 70 Schläge pro Minute, Cello und Orgel", {"tonic": 2, "mode": "minor", "bpm": (70, 70)}),
    ("tango, bandoneón y violín, la menor", {"tonic": 9, "mode": "minor", "instruments": ("bandoneon", "violin")}),
    ("valse lente au piano en sol majeur", {"tonic": 7, "mode": "major", "metre": "3/4"}),
    ("marimba y vibráfono sin piano ni cuerdas", {"without": ("piano", "strings")}),
    ("violin solo over piano and bass", {"lead": "violin", "solo": False}),
    ("solo harp, 3/4, A major", {"solo": True, "metre": "3/4", "tonic": 9, "drums": False}),
    ("trumpet takes the melody, big band", {"lead": "trumpet", "genre": "big band", "drums": True}),
    ("the oboe carries the tune", {"lead": "oboe"}),
    ("melody: flute, chords: harp", {"lead": "flute", "instruments": ("flute", "harp")}),
    ("presto, D major", {"bpm": (168, 196), "tonic": 2}),
    ("largo, C# minor, organ", {"tonic": 1, "mode": "minor", "instruments": ("organ",)}),
    ("string quartet, adagio, D minor", {"bpm": (60, 78), "genre": "string quartet", "drums": False}),
    ("in a minor key, no guitars please", {"tonic": None, "mode": "minor", "without": ("guitar",)}),
    ("only piano and strings", {"solo": True, "instruments": ("acoustic piano", "strings")}),
    ("strings only, no brass, no woodwinds", {"solo": True, "without": ("brass", "flutes", "reeds")}),
    ("anything but piano", {"without": ("piano",), "instruments": ()}),
    ("everything except drums, funk", {"drums": False, "genre": "funk"}),
    ("instead of piano use harp", {"without": ("piano",), "instruments": ("harp",)}),
    ("piano-free jazz", {"without": ("piano",), "genre": "jazz"}),
    ("drumless ambient", {"drums": False, "genre": "ambient"}),
    ("no sad strings", {"without": ("strings",), "mode": None}),
    ("heroic march, trumpets and snare drum", {"genre": "march", "drums": True}),
    ("boss battle, chiptune, 160 bpm", {"genre": "chiptune", "mode": "minor"}),
    ("dubstep 140", {"bpm": (140, 140), "drums": True}),
    ("happy but in a minor key", {"mode": "minor"}),
    ("E flat major, brass band march", {"tonic": 3, "genre": "march"}),
    ("fis-Moll, Klavier", {"tonic": 6, "mode": "minor"}),
    ("Es-Dur, Streicher", {"tonic": 3, "mode": "major"}),
    ("si bémol majeur, hautbois", {"tonic": 10, "mode": "major", "instruments": ("oboe",)}),
    ("fa diesis minore, chitarra", {"tonic": 6, "mode": "minor"}),
    ("do sostenido menor, arpa", {"tonic": 1, "mode": "minor", "instruments": ("harp",)}),
    ("降E大调 小号", {"tonic": 3, "mode": "major", "instruments": ("trumpet",)}),
    ("変ロ長調 クラリネット", {"tonic": 10, "mode": "major", "instruments": ("clarinet",)}),
    ("до минор, орган", {"tonic": 0, "mode": "minor", "instruments": ("organ",)}),
    ("быстрая весёлая музыка, аккордеон, без барабанов", {"mode": "major", "drums": False}),
    ("悲伤的小提琴,D小调", {"tonic": 2, "mode": "minor", "instruments": ("violin",)}),
    ("明るいウクレレ、ドラムなし", {"mode": "major", "instruments": ("ukulele",), "drums": False}),
    ("緊張感のある弦楽、ピアノなし", {"mode": "minor", "without": ("piano",)}),
    ("खुश संगीत, सितार और तबला", {"mode": "major", "drums": True}),
    ("Trauermarsch, Posaunen, c-Moll", {"genre": "funeral march", "tonic": 0, "instruments": ("trombone",)}),
    ("samba feliz com cavaquinho e flauta", {"genre": "samba", "instruments": ("ukulele", "flute")}),
    ("key: Em, rock", {"tonic": 4, "mode": "minor"}),
    ("F sharp minor, 120 bpm, synth lead", {"tonic": 6, "bpm": (120, 120)}),
    ("drone, no drums, no melody, no strings", {"without": ("drums", "melody", "strings"), "drums": False}),
    ("12/8 shuffle blues", {"metre": "6/8"}),
    ("guitar, but not acoustic: electric, clean", {"instruments": ("electric guitar",), "without": ()}),
    ("piano, not electric", {"instruments": ("acoustic piano",)}),
    ("bass, acoustic not electric", {"instruments": ("acoustic bass",)}),
    ("piano, not electric guitar", {"instruments": ("acoustic piano",)}),
    ("replace the piano with a harp", {"instruments": ("harp",), "without": ("piano",)}),
    ("swap piano for strings", {"instruments": ("strings",), "without": ("piano",)}),
    ("a harp in place of the piano", {"instruments": ("harp",), "without": ("piano",)}),
    ("piano + strings, -drums, 6/8", {"instruments": ("acoustic piano", "strings"), "drums": False, "metre": "6/8"}),
    ("lo-fi -piano", {"genre": "lo-fi hip hop", "without": ("piano",)}),
    ("piano - cello - violin", {"instruments": ("acoustic piano", "cello", "violin"), "without": ()}),
    ("no: drums, strings", {"drums": False, "without": ("drums", "strings"), "instruments": ()}),
    ("without: drums and strings; piano", {"instruments": ("acoustic piano",), "without": ("drums", "strings")}),
    ("bpm: 120, drums: off, melody: none", {"bpm": (120, 120), "without": ("drums", "melody")}),
    ("strings off, piano", {"instruments": ("acoustic piano",), "without": ("strings",)}),
    ("mute the drums", {"drums": False}),
    ("kick off with piano", {"drums": False, "instruments": ("acoustic piano",)}),
    ("80s rock ballad, electric guitar", {"genre": "power ballad", "bpm": (60, 80)}),
    ("50s rock and roll", {"genre": "rock and roll"}),
    ("60s surf rock", {"genre": "surf rock"}),
    ("80s pop", {"genre": "synthwave"}),
    ("the 80s", {"genre": "synthwave"}),
    ("70s funk", {"genre": "funk"}),
    ("medieval lute, D dorian", {"tonic": 2, "mode": "minor"}),
    ("F lydian, flute", {"tonic": 5, "mode": "major"}),
    ("Beatles-like pop, 120bpm", {"bpm": (120, 120), "drums": True, "without": ()}),
    ("oud and darbuka", {"drums": True, "instruments": ("nylon guitar", "bongos")}),
    ("the flute plays only in the first half", {"solo": False, "instruments": ("flute",)}),
    ("only flute in the first half", {"solo": True}),
    ("flamenco guitar, phrygian, E", {"tonic": 4, "mode": "minor"}),
    ("minor key, in C", {"tonic": 0, "mode": "minor"}),
    ("piano, D, slow", {"tonic": 2, "mode": None}),
    ("a piano, e.g. soft", {"tonic": None}),
    ("slower than 80 bpm", {"bpm": (60, 80)}),
    ("at least 120 bpm", {"bpm": (120, 150)}),
    ("no faster than 100 bpm", {"bpm": (75, 100)}),
    ("cooking reel, bossa", {"genre": "bossa nova"}),
    ("a Scottish reel", {"genre": "irish reel"}),
    ("summer vibes, ukulele", {"instruments": ("ukulele",)}),
    ("piano and vibes", {"instruments": ("acoustic piano", "vibraphone")}),
    ("jazz with vibes", {"instruments": ("vibraphone",)}),
    ("start right away with a loud drum hit", {"drums": True, "without": ()}),
    ("gtr and pno only, no vln", {"instruments": ("acoustic guitar", "acoustic piano"), "without": ("violin",)}),
    ("e. gtr lead over pads, 90-95bpm", {"lead": "electric guitar", "bpm": (90, 95)}),
    ("in E, guitar", {"tonic": 4, "instruments": ("acoustic guitar",)}),
    ("w/o drums, w/ harp", {"drums": False, "instruments": ("harp",)}),
    ("#nopiano #SoloCello #epic", {"without": ("piano",), "instruments": ("cello",), "solo": True}),
    ("accoustic guitar w/ light percusion", {"instruments": ("acoustic guitar", "drums"), "without": ()}),
    ("Instruments: piano. Excluded: drums, synths.", {"without": ("drums", "synth"), "drums": False}),
    ("piano yes, drums no", {"instruments": ("acoustic piano",), "drums": False}),
    ("drums? no. piano? yes.", {"instruments": ("acoustic piano",), "drums": False}),
    ("not only strings but also brass", {"instruments": ("strings", "brass section"), "without": ()}),
    ("weder Schlagzeug noch Bass, nur Gitarre", {"without": ("drums", "bass"), "instruments": ("acoustic guitar",)}),
    ("I prefer a harp to a piano", {"instruments": ("harp",), "without": ("piano",)}),
    ("de la harpe plutôt que du piano", {"instruments": ("harp",), "without": ("piano",)}),
    ("Piano and drums. The drums are too loud, take them out.", {"drums": False, "instruments": ("acoustic piano",)}),
    (
        "no brass except for french horn",
        {"instruments": ("french horn",), "without": ("trumpet", "trombone", "tuba", "muted trumpet")},
    ),
    ("никакого вокала, только гитара", {"instruments": ("acoustic guitar",), "without": ("voices",), "solo": True}),
    ("flute rather than violin for the melody", {"lead": "flute", "without": ("violin",)}),
    ("use a clarinet as the lead instead of the flute", {"lead": "clarinet", "without": ("flute",)}),
    ("フルートがメロディー、ハープが伴奏", {"lead": "flute", "instruments": ("flute", "harp")}),
    ("featuring a solo trumpet, backed by strings", {"lead": "trumpet", "solo": False}),
    ("violin has the tune, guitar just strums", {"lead": "violin", "solo": False}),
    ("piano and cello duet, nothing more", {"solo": True}),
    ("a lone trumpet, no accompaniment", {"solo": True, "instruments": ("trumpet",)}),
    ("just the piano at first, the strings come in later", {"solo": False}),
    ("sad solo violin", {"solo": True, "instruments": ("violin",)}),
    ("只用钢琴和小提琴", {"solo": True, "instruments": ("acoustic piano", "violin")}),
    ("a tuneless drone in D", {"without": ("melody",), "tonic": 2}),
    ("nothing melodic, just texture: pads", {"without": ("melody",), "instruments": ("warm pad",)}),
    ("not faster than 90 bpm", {"bpm": (67.5, 90)}),
    ("never above 100 bpm", {"bpm": (75, 100)}),
    ("three quarter time, strings", {"metre": "3/4"}),
    ("3 beats to the bar, guitar", {"metre": "3/4", "instruments": ("acoustic guitar",)}),
    ("compás ternario, acordeón", {"metre": "3/4"}),
    ("3拍子、アコーディオン", {"metre": "3/4"}),
    ("No kit. ob. + bsn. duet in G", {"drums": False, "instruments": ("oboe", "bassoon"), "tonic": 7}),
    ("a chill vibe, sad piano", {"instruments": ("acoustic piano",)}),
    ("strings? yes please. choir? god no.", {"instruments": ("strings",), "without": ("voices",)}),
    ("percussion-less, flute-led, brassless", {"drums": False, "lead": "flute", "without": ("drums", "brass")}),
    ("with drums but without cymbals", {"drums": True, "without": ()}),
    ("melody: oboe / chords: strings / bass: cello", {"lead": "oboe", "instruments": ("oboe", "strings", "cello")}),
    ("a real band: piano, bass, drums", {"instruments": ("acoustic piano", "bass guitar", "drums")}),
    ("808s, 140", {"bpm": (140, 140), "instruments": ("synth bass",)}),
    ("min 100 max 120 bpm", {"bpm": (100, 120)}),
    ("around one twenty bpm", {"bpm": (120, 120)}),
    ("Bb, brass, march", {"tonic": 10, "genre": "march"}),
    ("sib mineur, piano", {"tonic": 10, "mode": "minor"}),
    ("sol M, flauta", {"tonic": 7, "mode": "major"}),
    ("la m, violino", {"tonic": 9, "mode": "minor"}),
    ("No instruments other than piano", {"solo": True, "without": (), "instruments": ("acoustic piano",)}),
    ("first 5 s piano only, then strings join", {"solo": False, "instruments": ("acoustic piano", "strings")}),
    ("swap out the synth for a real piano", {"instruments": ("acoustic piano",), "without": ("synth",)}),
    ("remplacer le piano par une harpe", {"instruments": ("harp",), "without": ("piano",)}),
    ("замени пианино на арфу", {"instruments": ("harp",), "without": ("piano",)}),
    ("用竖琴代替钢琴", {"instruments": ("harp",), "without": ("piano",)}),
    ("ピアノの代わりにハープ", {"instruments": ("harp",), "without": ("piano",)}),
    ("harp (not piano) and flute (not violin)", {"instruments": ("harp", "flute"), "without": ("piano", "violin")}),
    ("✓ piano ✗ drums", {"instruments": ("acoustic piano",), "drums": False}),
    ("strings yes / brass no", {"instruments": ("strings",), "without": ("brass",)}),
    ("avoid the following: drums, bass", {"without": ("drums", "bass"), "instruments": ()}),
    ("bass: none; guitar: acoustic", {"instruments": ("acoustic guitar",), "without": ("bass",)}),
    ("the tune is in the bass clarinet", {"lead": "clarinet"}),
    ("hook on glockenspiel, chords on ukulele", {"lead": "glockenspiel"}),
    ("alto sax soloing over a jazz trio", {"lead": "alto saxophone", "solo": False}),
    ("only one instrument: harp", {"solo": True, "instruments": ("harp",)}),
    ("Gbmaj, Rhodes", {"tonic": 6, "mode": "major"}),
    ("ruhige Gitarrenmusik, Klaviersolo", {"instruments": ("acoustic guitar", "acoustic piano")}),
    ("only piano for the first 5 seconds, then everything", {"solo": False}),
    ("20 seconds, strings in G minor", {"tonic": 7, "mode": "minor", "tacets": ()}),
    ("erhu or violin as the solo voice, harp behind", {"lead": "violin", "solo": False}),
    ("at 0:06 the bass kicks in, house", {"instruments": ("bass guitar",)}),
    ("a 64 GB drive, piano", {"tonic": None}),
    ("64, GB, piano", {"tonic": None}),
    ("jazz trio: piano, bass, drums", {"genre": "jazz trio"}),
    ("pizz strings, no synths plz", {"instruments": ("pizzicato strings",), "without": ("synth",)}),
    ("lead vocal replaced by flute", {"instruments": ("flute",)}),
    ("trompette solo sur fond de cordes", {"lead": "trumpet", "solo": False}),
    ("assolo di tromba su archi", {"lead": "trumpet", "solo": False}),
    ("соло скрипки на фоне фортепиано", {"lead": "violin", "solo": False}),
    ("小提琴独奏,钢琴伴奏", {"lead": "violin", "solo": False}),
    ("a keyless car, strings", {"instruments": ("strings",), "without": ()}),
    ("we filmed on a drone over the lake, strings", {"instruments": ("strings",)}),
    ("cello and piano, no strings section", {"instruments": ("cello", "acoustic piano"), "without": ("strings",)}),
    ("violin solo, no string section", {"solo": True, "instruments": ("violin",), "conflicts": ()}),
    ("trumpet, no brass section", {"instruments": ("trumpet",), "without": ("brass",)}),
    ("electric guitar but no other guitars", {"instruments": ("electric guitar",), "conflicts": ()}),
    ("flute, no woodwinds", {"instruments": ("flute",), "without": ("flutes", "reeds")}),
    ("strings, no violin", {"instruments": ("strings",), "without": ("violin",)}),
    ("claps and snaps, no drums", {"instruments": ("claps", "snaps"), "drums": True, "conflicts": ()}),
    ("no drums but shakers ok", {"instruments": ("shaker",), "drums": True}),
    ("techno, no hi-hats", {"drums": True, "unread": ("no hi-hats",)}),
    ("last 5 seconds: piano alone", {"solo": False, "instruments": ("acoustic piano",)}),
    ("piano alone at the end", {"solo": False, "instruments": ("acoustic piano",)}),
    ("rock band, guitar solo from 0:10 to 0:15", {"solo": False, "lead": "acoustic guitar", "energy": ()}),
    ("solo. piano. slow.", {"solo": True, "instruments": ("acoustic piano",), "bpm": (56, 80)}),
    ("Piano. Solo.", {"solo": True, "instruments": ("acoustic piano",)}),
    ("sad. only. strings.", {"solo": True, "instruments": ("strings",), "mode": "minor"}),
    ("drums, bass, guitar solo", {"solo": False, "lead": "acoustic guitar"}),
    ("#80s #synth #retrowave", {"genre": "synthwave", "unread": ()}),
    ("#sad #piano", {"mode": "minor", "instruments": ("acoustic piano",), "unread": ()}),
    ("#epicmusic #sadpiano #nodrums", {"genre": "epic orchestral", "instruments": ("acoustic piano",), "drums": False}),
    ("#LoFiHipHop #chillbeats", {"genre": "lo-fi hip hop", "drums": True}),
    ("key of F#minor, piano", {"tonic": 6, "mode": "minor"}),
    ("less guitar", {"instruments": (), "without": (), "unread": ("less guitar",)}),
    ("a little less drums", {"instruments": (), "without": (), "drums": None}),
    ("piano, a bit less drums", {"instruments": ("acoustic piano",), "without": (), "drums": None}),
    ("rock, less drums", {"drums": True, "without": ()}),
    ("not so much piano", {"instruments": (), "without": (), "unread": ("not so much piano",)}),
    ("not too much bass, harp", {"instruments": ("harp",), "without": ()}),
    ("fewer strings", {"instruments": (), "without": (), "unread": ("fewer strings",)}),
    ("piano and guitar, but less guitar", {"instruments": ("acoustic piano", "acoustic guitar"), "without": ()}),
    ("menos guitarra, más piano", {"instruments": ("acoustic piano",), "without": ()}),
    ("weniger Schlagzeug", {"instruments": (), "without": ()}),
    ("moins de batterie", {"instruments": (), "without": ()}),
    ("meno chitarra", {"instruments": (), "without": (), "mode": None}),
    ("nicht so viel Schlagzeug", {"instruments": (), "without": ()}),
    ("todo menos guitarra", {"without": ("guitar",)}),
    ("less drums from 0:10", {"tacets": (), "without": ()}),
    ("less sad", {"mode": "major"}),
    ("neither happy nor sad", {"conflicts": ()}),
    ("do not use minor keys", {"mode": "major", "without": ()}),
    ("i want piano i dont want drums", {"instruments": ("acoustic piano",), "drums": False}),
    ("w/out drums", {"drums": False, "without": ("drums",)}),
    ("nothing electronic", {"without": ("synth", "pads")}),
    ("bpm 85 to 95", {"bpm": (85, 95)}),
    ("underscore, leave room for VO", {"speech": True}),
    ("treibende Musik, happier", {"mode": "major", "unread": ()}),
    ("four on the floor, kick on every beat", {"metre": "4/4", "instruments": ("drums",)}),
    ("50s sci-fi", {"genre": "science fiction", "metre": None}),
    ("science fiction of the fifties", {"genre": "science fiction", "mode": "minor"}),
    ("80s horror film, synth", {"genre": "horror", "instruments": ("synth",)}),
    ("50s film noir", {"genre": "film noir"}),
    ("80s horror with synthwave", {"genre": "synthwave"}),
    ("Science-Fiction der 50er Jahre", {"genre": "science fiction", "bpm": (72, 110), "unread": ()}),
    ("ciencia ficción de los años 50", {"genre": "science fiction", "unread": ()}),
    ("science-fiction des années 50", {"genre": "science fiction", "unread": ()}),
    ("piano, no keyboards", {"instruments": ("acoustic piano",), "conflicts": ()}),
    ("no keys please, grand piano only", {"instruments": ("acoustic piano",), "solo": True, "conflicts": ()}),
    ("piano and strings, without keyboards or synths", {"instruments": ("acoustic piano", "strings"), "conflicts": ()}),
    ("Klavier, keine Tasteninstrumente", {"instruments": ("acoustic piano",), "without": ("piano",)}),
    ("piano, sin teclados", {"instruments": ("acoustic piano",), "without": ("piano",)}),
    ("piano, pas de claviers", {"instruments": ("acoustic piano",), "without": ("piano",)}),
    ("choir, no vocals", {"instruments": ("choir",), "without": ("voices",), "conflicts": ()}),
    ("drum kit, no percussion", {"instruments": ("drums",), "drums": True, "conflicts": ()}),
    ("keyboards, no piano", {"instruments": (), "without": ("piano",)}),
    ("acoustic guitar, only shaker for percussion", {"solo": False, "instruments": ("acoustic guitar", "shaker")}),
    ("flute melody, just strings for the harmony", {"solo": False, "lead": "flute"}),
    ("guitar, percussion: only a tambourine", {"solo": False, "instruments": ("acoustic guitar", "tambourine")}),
    ("guitar, the only percussion is a tambourine", {"solo": False, "drums": True}),
    ("nur Shaker als Percussion, Gitarre", {"solo": False, "instruments": ("shaker", "acoustic guitar")}),
    ("guitarra, solo shaker como percusión", {"solo": False, "instruments": ("acoustic guitar", "shaker")}),
    ("guitare, seulement un shaker comme percussion", {"solo": False, "instruments": ("acoustic guitar", "shaker")}),
    ("light percussion only, piano", {"solo": False, "drums": True, "mode": None}),
    ("piano, drums only with brushes", {"drums": True, "solo": False}),
    ("lo-fi, only soft percussion", {"solo": False, "genre": "lo-fi hip hop", "drums": True}),
    ("percussion only", {"solo": True, "drums": True}),
    ("only percussion, no piano", {"solo": True, "without": ("piano",)}),
    ("piano e violoncelo, sem bateria", {"instruments": ("acoustic piano", "cello"), "drums": False}),
]
RESTS = [
    ("the music starts at 0:03", [(0, 3)]),
    ("music stops at 0:15", [(15, 20)]),
    ("silent from 0:08 to 0:12", [(8, 12)]),
    ("pause between 5 s and 7 s", [(5, 7)]),
    ("let the first five seconds be silent, then strings", [(0, 5)]),
    ("no music for the last 4 seconds", [(16, 20)]),
    ("two seconds of silence at 0:06", [(6, 8)]),
    ("begins with silence for three seconds", [(0, 3)]),
    ("silencio entre 5 y 8 segundos", [(5, 8)]),
    ("Stille von 0:05 bis 0:08", [(5, 8)]),
    ("silence jusqu'à 0:04", [(0, 4)]),
    ("orchestral hit at 0:07, then silence", [(8, 20)]),
    ("big hit at 12 seconds and silence afterwards", [(13, 20)]),
    ("silence until 0:05, then a big hit at 0:05", [(0, 5)]),
    ("music out at 0:12", [(12, 20)]),
    ("music in at 0:03", [(0, 3)]),
    ("sudden stop at 0:12", [(12, 20)]),
    ("the music stops at 0:05 and starts again at 0:07", [(5, 7)]),
    ("music drops out at 0:08, comes back at 0:11", [(8, 11)]),
    ("complete silence between seconds 4 and 6", [(4, 6)]),
    ("break at 0:08 for 2 seconds", [(8, 10)]),
    ("a beat of silence right before 0:10", [(9, 10)]),
    ("pas de musique pendant les 3 premières secondes", [(0, 3)]),
    ("kill the music at 0:14", [(14, 20)]),
    ("three second gap at 0:09", [(9, 12)]),
    ("pause for effect at 0:10 (2s)", [(10, 12)]),
    ("silencio de 2 segundos en 0:08", [(8, 10)]),
    ("silence at the start (1.5s)", [(0, 1.5)]),
    ("don't start before 0:02", [(0, 2)]),
    ("full stop at 0:09, back in at 0:10", [(9, 10)]),
    ("cut to silence at 0:15", [(15, 20)]),
    ("Musik erst ab 3 Sekunden", [(0, 3)]),
    ("la música empieza en 0:03 y termina en 0:17", [(0, 3), (17, 20)]),
    ("big hit right on 0:10 and silence until 0:12", [(11, 12)]),
    ("0:04 से 0:06 तक खामोशी", [(4, 6)]),
    ("music ends 2 seconds before the end", [(18, 20)]),
    ("la música termina 2 segundos antes del final", [(18, 20)]),
    ("silence 3 seconds before the end", [(17, 19)]),
    ("a big build, silence 1 s before 0:14, then a drop", [(13, 14)]),
    ("ein Schlag bei 0:08, danach Stille bis 0:10", [(9, 10)]),
    ("pause halfway", [(10, 12)]),
    ("pause at 0:05 for a second", [(5, 6)]),
    ("half a second of silence at 0:05", [(5, 5.5)]),
    ("hard out at 0:18", [(18, 20)]),
    ("starts with nothing for 3 seconds, then piano", [(0, 3)]),
    ("music comes out of silence at 0:05", [(0, 5)]),
    ("the score emerges from the silence at 5 seconds", [(0, 5)]),
    ("piano. starts from nothing at 0:05", [(0, 5)]),
    ("die Musik kommt aus der Stille bei 0:05", [(0, 5)]),
    ("la música surge del silencio en 0:05", [(0, 5)]),
    ("la musique sort du silence à 0:05", [(0, 5)]),
    ("piano, strings rise out of silence at 0:08", []),
    ("silence until 0:05", [(0, 5)]),
    ("piano. silence until 0:05", [(0, 5)]),
    ("piano, pause at 0:05", [(5, 7)]),
    ("starts with nothing and ends with everything", []),
    ("builds from nothing", []),
    ("starts from nothing", []),
    ("the cue starts in the black", []),
]
HITS = [
    ("hits at 0:04, 0:09 and 0:14", [4, 9, 14]),
    ("hits at 4, 9 and 14 seconds", [4, 9, 14]),
    ("sync hits: 3s, 6s, 9s", [3, 6, 9]),
    ("big chord at 4 s, small accent at 9 s", [4, 9]),
    ("strike when the door slams at 0:13", [13]),
    ("un golpe en el segundo 7", [7]),
    ("Ein Schlag bei 0:09", [9]),
    ("accent on second 5, then again at second 15", [5, 15]),
    ("hit at 5 seconds. Another one at 15 seconds", [5, 15]),
    ("big hit at 0:05, drums at 0:12", [5]),
    ("big hit at 12 seconds and silence afterwards", [12]),
    ("builds up, then explodes at 0:12", [12]),
    ("sync points: 0:02, 0:06.5, 0:13", [2, 6.5, 13]),
    ("end on a final chord at 0:19", [19]),
    ("accent à la 7e seconde", [7]),
    ("удар на 8 секунде", [8]),
    ("8秒でアクセント", [8]),
    ("big hit 1 second before the end", [19]),
]
ARCS = [
    ("gets louder and louder until the end", "rise"),
    ("empieza suave y termina fuerte", "rise"),
    ("commence doucement puis monte en puissance", "rise"),
    ("big finish", "rise"),
    ("starts loud and dies away", "fall"),
    ("ends quietly", "fall"),
    ("quiet-loud-quiet", "peak"),
    ("rise, then fall", "peak"),
    ("loud - quiet - loud", "dip"),
    ("energetic intro, mellow middle, energetic outro", "dip"),
    ("starts calm, gets intense in the middle, then calms down again", "peak"),
    ("begin with a bang and end softly", "fall"),
    ("energy goes down over time", "fall"),
    ("1st half quiet, 2nd half loud", "rise"),
    ("ends on a high", "rise"),
    ("starts at full blast and tapers off", "fall"),
    ("starts off loud but mellows out", "fall"),
    ("mid-section stripped back, otherwise full on", "dip"),
    ("empieza fuerte, se calma en medio y termina fuerte", "dip"),
    ("wind it down toward the end", "fall"),
    ("empieza despacio y va subiendo hasta el final", "rise"),
    ("inizia piano e finisce forte", "rise"),
    ("starts with nothing and ends with everything", "rise"),
    ("starts with almost nothing, then builds", "rise"),
    ("from nothing to everything", "rise"),
    ("builds from nothing", "rise"),
    ("start loud get quiet", "fall"),
    ("begin soft end loud", "rise"),
    ("start small finish huge", "rise"),
    ("opens soft turns loud", "rise"),
    ("start big end small", "fall"),
    ("empieza suave termina fuerte", "rise"),
    ("commence fort finit doux", "fall"),
    ("beginnt leise endet laut", "rise"),
    ("inizia piano finisce forte", "rise"),
    ("grows out of silence", "rise"),
    ("starts from nothing", "rise"),
    ("aus dem Nichts bis zum Finale", "rise"),
    ("empieza tranquilo y explota en el segundo 10", "rise"),
]
SWELLS = [  # seconds of 20, and the level there
    ("crescendo from 0:05 to 0:12", [(5, 0.4), (12, 0.85), (20, 0.85)]),
    ("diminuendo between 10 and 15 seconds", [(10, 0.69), (15, 0.36), (20, 0.36)]),
    ("fade in over four seconds", [(0, 0.08), (4, 0.6), (20, 0.6)]),
    ("fade out over 3 seconds", [(17, 0.6), (20, 0.08)]),
    ("slow build, climax at 0:15, quiet ending", [(0, 0.25), (15, 0.92), (17, 0.92), (20, 0.2)]),
    ("builds up, then explodes at 0:12", [(0, 0.25), (12, 0.92)]),
    ("strings swell at 0:08", [(4, 0.4), (8, 0.85)]),
    ("builds at 0:10 to a climax at 0:15", [(10, 0.4), (15, 0.85)]),
    ("climax halfway through, then wind down", [(10, 0.92), (20, 0.35)]),
    ("opens softly, crescendos to a massive hit at 0:16", [(0, 0.25), (16, 0.92)]),
    ("peak at 0:12", [(0, 0.25), (12, 0.92)]),
    ("fade in 2s, fade out 3s", [(0, 0.08), (2, 0.6), (17, 0.6), (20, 0.08)]),
    ("fade in over the first 3 seconds", [(0, 0.08), (3, 0.6)]),
    ("2 second fade in", [(0, 0.08), (2, 0.6)]),
]
TACETS = [  # who rests in which seconds of 20
    ("bring the drums in at 0:08", [("drums", 0, 8)]),
    ("drums from 5s, bass from 10s", [("drums", 0, 5), ("bass", 0, 10)]),
    ("piano until 0:08, then strings", [("piano", 8, 20), ("strings", 0, 8)]),
    ("strings hold back until halfway", [("strings", 0, 10)]),
    ("piano throughout, strings in the second half", [("strings", 0, 10)]),
    ("strings in at 0:05, brass in at 0:10", [("strings", 0, 5), ("brass", 0, 10)]),
    ("add drums at 10s and brass at 15s", [("drums", 0, 10), ("brass", 0, 15)]),
    ("drums drop out at 0:10 and return at 0:14", [("drums", 10, 14)]),
    ("drums everywhere except 0:05-0:08", [("drums", 5, 8)]),
    ("鼓在0:10进入", [("drums", 0, 10)]),
    ("last 5 seconds: piano alone", [("all but piano", 15, 20)]),
    ("in the last 5 seconds only the piano plays", [("all but piano", 15, 20)]),
    ("piano alone at the end", [("all but piano", 15, 20)]),
    ("strings, drums, ends with solo piano", [("all but piano", 15, 20)]),
    ("flute and harp, between 5 and 10 seconds solo flute", [("all but flute", 5, 10)]),
    ("full orchestra, from 0:10 only cello and harp", [("all but cello and harp", 10, 20)]),
    ("los últimos 5 segundos solo piano", [("all but piano", 15, 20)]),
    ("nur Klavier in den letzten 5 Sekunden, vorher Streicher", [("all but piano", 15, 20)]),
    ("orchestra, then only cello", [("all but cello", 10, 20)]),
    ("big hit at 0:12, then only piano", [("all but piano", 12, 20)]),
    ("everything drops out except piano for the last 5 seconds", [("all but piano", 15, 20)]),
    ("choir only at the end", [("voices", 0, 15)]),
    ("the flute plays only in the first half", [("flute", 10, 20)]),
    ("drums out at 0:10, back in at 0:15", [("drums", 10, 15)]),
    ("piano, strings rise out of silence at 0:08", [("strings", 0, 8)]),
    ("drums from halfway", [("drums", 0, 10)]),
    ("strings until 2 seconds before the end", [("strings", 18, 20)]),
]


@pytest.mark.parametrize(("text", "facts"), WORDINGS)
def test_a_wording_states_its_facts(text: str, facts: dict[str, Any]) -> None:
    brief = read_brief(text)
    assert {name: getattr(brief, name) for name in facts} == facts


@pytest.mark.parametrize(("text", "rests"), RESTS)
def test_a_wording_asks_for_silence(text: str, rests: list[tuple[float, float]]) -> None:
    assert [span.seconds(20.0) for span in read_brief(text).rests] == rests


@pytest.mark.parametrize(("text", "times"), HITS)
def test_a_wording_asks_for_hits(text: str, times: list[float]) -> None:
    assert [hit.at.seconds(20.0) for hit in read_brief(text).hits] == times


@pytest.mark.parametrize(("text", "arc"), ARCS)
def test_a_wording_has_an_arc(text: str, arc: str) -> None:
    points = [(moment.seconds(20.0), level) for moment, level in read_brief(text).energy]
    first, last = points[0][1], points[-1][1]
    middle = min(points, key=lambda point: abs(point[0] - 10.0))[1]
    found = "rise" if last > first else "fall" if last < first else "peak" if middle > first else "dip"
    assert found == arc


@pytest.mark.parametrize(("text", "points"), SWELLS)
def test_a_wording_swells_where_it_says(text: str, points: list[tuple[float, float]]) -> None:
    told = [(at.seconds(20.0), level) for at, level in read_brief(text).energy]
    assert [point for point in points if point not in told] == []
    assert [at for at, _ in told] == sorted(at for at, _ in told)


@pytest.mark.parametrize(("text", "tacets"), TACETS)
def test_a_wording_tells_who_rests(text: str, tacets: list[tuple[str, float, float]]) -> None:
    assert [(tacet.who, *tacet.span.seconds(20.0)) for tacet in read_brief(text).tacets] == tacets


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_read_without_backtracking(text: str) -> None:
    """In milliseconds, as `tests.bench.briefs` counts; the bound is wide, a backtracking pattern takes far longer."""
    lexicon()
    read_brief("piano")
    began = time.process_time()
    read_brief(text)
    assert time.process_time() - began < 0.5


def test_a_contradiction_is_named() -> None:
    assert any("contradict" in line for line in read_brief("happy and dreadful").conflicts)
    assert any("the first counts" in line for line in read_brief("90 bpm, 120 bpm").conflicts)
    assert any("ruled out" in line for line in read_brief("piano, no piano").conflicts)
    both = read_asked({"bpm": "90", "prompt": "techno, 128 bpm"})
    assert both.bpm == (90, 90)
    assert any("the option counts" in line for line in both.conflicts)


def test_knobs_are_read_and_beat_the_text() -> None:
    knobs = {"bpm": "90-100", "key": "Am", "metre": "3/4", "instruments": "cello, rhodes", "without": "strings",
             "lead": "flute", "energy": "0:.2 10:.8", "mood": "-0.5,0.2", "ending": "cut", "hit": "12.4; 0:45 big",
             "rest": "8-12", "part": "bass=tuba; Chords = harp"}  # fmt: skip
    brief = read_knobs(knobs)
    assert brief.parts == (("bass", "tuba"), ("chords", "harp"))
    assert (brief.bpm, brief.tonic, brief.mode, brief.metre) == ((90, 100), 9, "minor", "3/4")
    assert (brief.instruments, brief.without, brief.lead) == (("cello", "electric piano"), ("strings",), "flute")
    assert [(hit.at.value, hit.size) for hit in brief.hits] == [(12.4, 0.7), (45, 1.0)]
    asked = read_asked({**knobs, "prompt": "samba in C major"})
    assert (asked.genre, asked.mode, asked.drums) == ("samba", "minor", True)
    assert "cello" not in asked.instruments  # ruled out, and said so
    assert read_asked({"genre": "samba", "prompt": "in D minor"}).mode == "minor"  # a genre's usual mode is no order


def test_an_option_rules_out_what_a_text_names_and_a_text_what_its_family_does_not() -> None:
    assert read_asked({"prompt": "cello and piano, no strings", "bpm": "90"}).instruments == ("cello", "acoustic piano")
    assert read_asked({"prompt": "cello and piano", "without": "strings"}).instruments == ("acoustic piano",)
    assert read_asked({"prompt": "no strings", "instruments": "cello, harp"}).instruments == ("harp",)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bpm", "30", "from 40 to 200"), ("bpm", "fast", "range such as 90-100"), ("key", "H#q", "such as 'A minor'"),
        ("metre", "5/4", "4/4, 3/4"), ("genre", "sambba", "did you mean samba"), ("lead", "drums", "with pitches"),
        ("instruments", "celo", "did you mean .*cello"), ("energy", "2", "between 0 and 1"),
        ("rest", "9-3", "must end"),
        ("energy", "5:.2 1:.3", "must rise"), ("mood", "7,1", "valence,arousal"), ("hit", "soon", "such as '12.4'"),
        ("ending", "bang", "fade, final, cut"), ("part", "drums=tuba", "roles are melody, chords"),
        ("part", "tuba", "such as 'bass=tuba'"), ("part", "bass=tubba", "did you mean .*tuba"),
    ],
)  # fmt: skip
def test_a_wrong_knob_is_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        read_knobs({name: value})
