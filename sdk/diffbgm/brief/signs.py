"""Words by which clauses are cut and told apart: what ends them, what is of all the music, who is meant by "all"."""

import re

from diffbgm.brief.model import Moment, Span
from diffbgm.brief.patterns import SECOND, SECONDS
from diffbgm.brief.tacets import END, START
from diffbgm.brief.turns import LAST

THEN = "then|dann|danach|luego|después|puis|ensuite|poi|depois|потом|затем"
CLAUSE_ENDS = rf"[,;!?\n。，、；！？।]|\.(?!\d)|\b(?:{THEN})\b|然后|それから"
JOINED_SCENES = re.compile(  # "begins as a whisper and explodes in the last five seconds" says two things
    r"\b((?:starts?|begins?|opens?)\b[^,;.]{0,60}?"
    r"|(?:empieza|comienza|commence|débute|beginnt|inizia|comincia|começa)\b[^,;.\d]{0,60}?)"
    rf"\s+(?:and|y|et|und|e)\s+(?=[^,;.]{{0,80}}(?:\d:\d\d|\d\s*{SECONDS}\b|{SECOND}\s+\d))"
)
_HALF = "half|hälfte|mitad|moitié|metà|metade"
JOINED_HALVES = re.compile(  # "piano in the first half and guitar in the second half"
    rf"\b((?:first|1st|ersten?|primera|première|prima|primeira) (?:{_HALF})\b[^,;.\d]{{0,30}}?)"
    rf"\s+(?:and|und|y|et|e)\s+(?=[^,;.\d]{{0,40}}?\b(?:{_HALF})\b)"
)
JOINED_ENDS = re.compile(  # "rises at 0:20 and ends softly"
    r"(\d[^,;.\d]{0,12}?)\s+(?:and|et|y|und|e)\s+(?=(?:(?:it|then) )?(?:ends|finishes|finit|termine|termina|endet|"
    r"finisce|acaba)\b(?! (?:at|on|by|bei|à|en|a) ))"
)
AT = re.compile(  # before a time at which somebody comes in: "strings at 0:10"
    r"(?:\b(?:at|by|on|um|bei|en|a|al|à|alle|em|aos?|в|на)\s+(?:(?:the|el|la|le)\s+)?|@\s*|在)\d"
    rf"|\d\s*{SECONDS} in\b"
)
EVERYBODY = frozenset(
    {"everything", "everyone", "everybody", "all", "tutti", "alle", "alles", "todos", "tous", "tutto"}
)
LISTED = re.compile(r"\s*\d{1,3}:\d\d(?!\w)")  # an item of a list of times
STROKES = frozenset({  # instruments that a single time tells one stroke of
    "gong", "gongs", "bell", "church bell", "tubular bell", "chime", "timpani", "kettle drum", "kettledrum",
    "kettledrums", "kettle drums", "pauke", "pauken", "timbal", "timbales", "timbale", "cloche", "glocke", "campana",
})  # fmt: skip
TELLS = frozenset(
    {
        "we",
        "i",
        "he",
        "she",
        "they",
        "see",
        "shows",
        "shown",
        "video",
        "film",
        "clip",
        "spot",
        "long",
        "note",
        "notes",
        "chord",
        "fill",
        "glissando",
        "roll",
    }
)
MUSIC = re.compile(
    r"\b(?:music|score|everything|song|track|piece|it|all|musik|música|musique|musica|музыка)\b|音乐|音楽"
)
STARTS = re.compile(
    r"\bin (?:at|from)\b|\berst\b"
    r"|\b(?:come|comes|enter|enters|starts?|begins?|kicks?|drops?|joins?|startet|démarre|débute|arranca|comienza|setzt|beginnt|empieza|entra|entran|commence|entre"
    r"|inizia|começa|начинается|вступают?)\b|开始|始まる"
)
STOPS = re.compile(
    r"\b(?:(?<!fade )(?<!fades )out (?:at|by|from)|drops out"
    r"|stops?|ends?|cuts?|kills?|over|done|endet|aufhört|para|termina|s'arrête|finisce"
    r"|fim|кончается)\b"
)
HALTS = re.compile(
    r"\s*(?:the\s+)?(?:music\s+)?(?:(?:a\s+)?(?:sudden|abrupt|hard|full|dead|clean)\s+(?:stop|out)|stops?|arrêt|stopp|ends?|endet|termina|acaba|termine|finit|finisce|cut|pause|mute)\b"
)  # at the head of a clause
STOPS_ALL = re.compile(r"\b(?:full|hard|sudden|dead|abrupt|clean) (?:stop|out)\b")
BACKED = re.compile(  # the others, where somebody is called solo
    r"\b(?:backed|accompanied|supported|backing|underneath|behind|begleitet|accompagné\w*|acompañad\w*|accompagnat\w"
    r"|acompanhad\w|сопровождени\w|под аккомпанемент|на фоне|sur fond|su fondo|sobre (?:un )?fondo)\b|伴奏"
)
ONLY_THEN = re.compile(
    r"\b(?:only|just) (?:in|during|for|until|from|between|at|over|after|before)\b|\b(?:first|second|last) half only\b"
)
AT_PLACE = {  # which stretch a place in the film is, where somebody plays there only
    "0.0": Span(START, Moment(1 - LAST, "share")),
    "0.5": Span(Moment(0.4, "share"), Moment(0.6, "share")),
    "1.0": Span(Moment(LAST, "share"), END),
}
ALONE_LAST = Span(Moment(0.5, "share"), END)  # where those play alone of whom nothing but "then" is told
TOTAL = frozenset({"music", "notes", "anything", "sound", "musik", "música", "musique", "musica", "музыки"})
