"""Who plays what: the plan's palette, changed to what its `instrumentation` asks for by name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from diffbgm.band import ROLES, Palette, Part, Player, families_of, find_instrument, find_palette, find_player, players
from diffbgm.brief.model import ALL_BUT
from diffbgm.errors import PlanError
from diffbgm.types import Instrumentation, MusicPlan, Role

UNSAID = "piano"  # the palette of a plan that nobody chose one for: instruments asked for by name replace it
KEYBOARDS = frozenset({"piano", "organ"})
DOUBLED = -3.0  # dB of a part that shares its role with others, against one alone
GAIN: dict[Role, float] = {"melody": 0.0, "chords": -4.0, "bass": -5.0, "pad": -9.0, "percussion": -8.0}
PAN = (0.1, -0.2, 0.3, -0.35)  # of parts that come in, one after the other
METRE_GROOVE = {"4/4": "pop-rock", "3/4": "brushes", "6/8": "shaker", "2/4": "march"}  # drums where no groove is chosen
# Who plays a role whose instrument must not sound and has no relative that may: the first that is allowed.
NEXT_BEST: dict[Role, tuple[str, ...]] = {
    "melody": ("acoustic piano", "nylon guitar", "flute", "clarinet", "vibraphone", "synth lead"),
    "chords": ("acoustic piano", "acoustic guitar", "harp", "vibraphone", "marimba", "strings", "synth"),
    "bass": ("acoustic bass", "cello", "bass guitar", "bassoon", "synth bass"),
    "pad": (),
}  # fmt: skip
# What must not sound when a family must not: programs of other families that people hear as it.
SOUNDS_LIKE = {
    "strings": frozenset({50, 51, 55}),
    "choir": frozenset({91}),
    "drums": frozenset({113, 115, 116, 117, 118}),
}


def cast(plan: MusicPlan) -> Palette:
    """Return the plan's palette with its instrumentation obeyed.

    Instruments asked for take the roles that suit them best; those of the palette keep the others. Where nobody chose
    the palette, the instruments asked for are all there is, with a piano for what they cannot play. With `solo` nothing
    else sounds at all; a keyboard that is the only instrument named needs nobody but drums. A part that must not sound
    gives way to a relative, or to nobody.

    Raises:
        PlanError: An instrument, family or palette is unknown, or nobody is left to play.

    """
    if not plan.instrumentation.parts:
        return _cast_band(plan)
    parts = {role: find_player(role, name) for role, name in plan.instrumentation.parts}
    asked = replace(plan.instrumentation, parts=())
    if kit := parts.pop("percussion", None):
        asked = replace(asked, instruments=(*asked.instruments, kit.name), drums=True)
    palette = _cast_band(replace(plan, instrumentation=asked))
    for role in ROLES:
        palette = _give(palette, role, parts[role]) if role in parts else palette
    return palette


def _cast_band(plan: MusicPlan) -> Palette:
    """Return the palette with all but single parts obeyed."""
    palette, asked = find_palette(plan.palette), plan.instrumentation
    if asked == Instrumentation():
        return palette
    banned = _Banned(asked.without if asked.drums is not False else (*asked.without, "drums"))
    named = _named(asked, banned)
    if _seats_all(palette, named, asked):
        return palette
    pitched = [player for player in named if "percussion" not in player.roles]
    alone = asked.solo or (not asked.lead and len(pitched) == 1 and _is_guest_keyboard(pitched[0], palette))
    unsaid = palette.name == UNSAID or (alone and bool(pitched))
    seats = _seat(pitched, asked, palette, unsaid)
    if alone and pitched:
        seats = _play_alone(seats, pitched, palette)
    else:
        seats = _fill(seats, palette, unsaid and bool(pitched), banned)
    drums = _percussion(plan, palette, named, banned)
    seats += [replace(part, enter=0.0) for part in drums] if any(t[0] == "drums" for t in plan.tacets) else drums
    if "melody" in asked.without:
        seats = [part for part in seats if part.role != "melody"]
    if not any(part.role != "percussion" for part in seats):
        raise PlanError(
            f"instrumentation: nobody is left to play without {', '.join(asked.without)}; allow an instrument"
        )
    ordered = sorted(seats, key=lambda part: ROLES.index(part.role))
    return replace(palette, name=palette.name, players=tuple(_mixed(ordered)))


def _give(palette: Palette, role: Role, player: Player) -> Palette:
    """Give a role to one instrument, in the place, at the level and with the entrance of who had it."""
    before = [part for part in palette.players if part.role == role]
    place: dict[str, float] = {"gain": GAIN[role]}
    if before:
        place = {"pan": before[0].pan, "gain": max(part.gain for part in before), "enter": before[0].enter}
    part = next((part for part in before if part.instrument == player.name), None) or player.in_role(role)
    others = [other for other in palette.players if other.role != role]
    seats = sorted([*others, replace(part, **place)], key=lambda p: ROLES.index(p.role))
    return replace(palette, players=tuple(seats))


def _seats_all(palette: Palette, named: Sequence[Player], asked: Instrumentation) -> bool:
    """Whether a palette that somebody chose has all who are asked for, and nothing else is asked: it plays as it is."""
    at_home = {part.instrument for part in palette.players}
    drums = asked.drums is None or asked.drums == bool(palette.of("percussion"))
    others = asked.solo or asked.without or asked.lead
    return palette.name != UNSAID and not others and drums and all(player.name in at_home for player in named)


def _is_guest_keyboard(player: Player, palette: Palette) -> bool:
    """Whether the player is a keyboard that the palette, unless nobody chose it, has no seat for."""
    at_home = palette.name != UNSAID and player.name in {part.instrument for part in palette.players}
    return bool(player.families & KEYBOARDS) and not at_home


class _Banned:
    """What must not sound: names, families, and what sounds like them."""

    def __init__(self, without: Sequence[str]) -> None:
        for name in without:
            if name != "melody" and name not in players() and name not in families_of():
                find_instrument(name)
        self.names = set(without)
        self.programs = {
            players()[name].part.program
            for name in without
            if name in players() and "percussion" not in players()[name].roles
        }
        self.programs |= {program for name in without for program in SOUNDS_LIKE.get(name, ())}

    def spares(self, player: Player) -> bool:
        """Whether nothing but its family is ruled out, for one who is asked for by name: "a cello, no strings"."""
        named = player.name in self.names or player.part.program in self.programs
        return "percussion" not in player.roles and not named

    def __contains__(self, player: Player) -> bool:
        if player.name in self.names or player.families & self.names:
            return True
        return "percussion" not in player.roles and player.part.program in self.programs


def is_played_by(program: int | None, who: str) -> bool:
    """Whether a General MIDI program (None: drums) is that of an instrument, of a family's, or of `ALL_BUT` some."""
    if who.startswith(ALL_BUT):
        return not any(is_played_by(program, name) for name in who.removeprefix(ALL_BUT).split(" and "))
    named = _Banned((who,))
    return any(
        player in named
        for player in players().values()
        if ("percussion" in player.roles) == (program is None) and program in (None, player.part.program)
    )


def _named(asked: Instrumentation, banned: _Banned) -> list[Player]:
    """Return the instruments asked for, the lead first, each once."""
    names = dict.fromkeys((*((asked.lead,) if asked.lead else ()), *asked.instruments))
    found = [player for name in names if banned.spares(player := find_instrument(name)) or player not in banned]
    return [player for player in found if asked.drums is not False or "percussion" not in player.roles]


def _seat(pitched: Sequence[Player], asked: Instrumentation, palette: Palette, unsaid: bool) -> list[Part]:
    """Give every instrument asked for its role: the lead the melody, the others the best one that is free.

    Without a band around them (`unsaid`) chords go before a pad.
    """
    seats: list[Part] = []

    def sit(player: Player, role: Role) -> None:
        own = next((p for p in palette.players if (p.instrument, p.role) == (player.name, role)), None)
        part = own or player.in_role(role, gain=GAIN[role])
        seats.append(replace(part, enter=0.0))

    waiting = list(pitched)
    if asked.lead and waiting and waiting[0].name == asked.lead:
        sit(waiting.pop(0), "melody")
    for player in waiting:
        taken = {part.role for part in seats}
        in_palette: list[Role] = [
            p.role for p in palette.players if p.instrument == player.name and p.role in player.roles
        ]
        roles: list[Role] = [
            role for role in player.roles if not (unsaid and role == "pad" and "chords" in player.roles)
        ]
        best: Role = roles[0]
        free: list[Role] = [role for role in (*in_palette, *roles) if role not in taken]
        if free and (best != "melody" or "melody" in taken):  # who sings first of all leads while nobody does
            best = free[0]
        sit(player, best)
    if "melody" not in {part.role for part in seats} and "melody" not in asked.without:
        singers = [player for player in pitched if "melody" in player.roles]
        crowded = [p for p in singers if sum(part.role == _role_of(seats, p) for part in seats) > 1]
        if crowded:  # two share a role while nobody leads: the first of them does
            seats[:] = [part for part in seats if part.instrument != crowded[0].name]
            sit(crowded[0], "melody")
    return seats


def _role_of(seats: Iterable[Part], player: Player) -> Role:
    return next(part.role for part in seats if part.instrument == player.name)


def _fill(seats: list[Part], palette: Palette, unsaid: bool, banned: _Banned) -> list[Part]:
    """Fill the roles that are left with the palette's parts, or with who may play in their stead.

    Where nobody chose the palette (`unsaid`), melody and chords only, and whoever is there before anybody comes in.
    """
    taken = {part.role for part in seats}
    out = list(seats)
    for part in palette.players:
        if part.role in taken or part.role == "percussion" or (unsaid and part.role not in ("melody", "chords")):
            continue
        own = find_instrument(part.instrument)
        there = [find_instrument(p.instrument) for p in seats] if unsaid else []
        able = next((player for player in there if part.role in player.roles), None)
        if able is not None:
            out.append(able.in_role(part.role, gain=GAIN[part.role]))
        elif own not in banned:
            out.append(part)
        elif (player := _instead_of(own, part.role, banned)) is not None:
            out.append(player.in_role(part.role, pan=part.pan, gain=part.gain, enter=part.enter))
    return out


def _instead_of(own: Player, role: Role, banned: _Banned) -> Player | None:
    relatives = [p for p in players().values() if p.families & own.families and role in p.roles[:1]]
    others = (find_instrument(name) for name in NEXT_BEST.get(role, ()))
    return next((player for player in (*relatives, *others) if player not in banned), None)


def _play_alone(seats: list[Part], pitched: Sequence[Player], palette: Palette) -> list[Part]:
    """Let those who play alone take melody and chords too; who plays single notes has the melody alone."""
    out = list(seats)
    for role in ("melody", "chords"):
        able = (p for p in pitched if role in p.roles and (role == "melody" or p.part.voices > 1))
        player = next(able, None)
        if player is not None and role not in {part.role for part in out}:
            out.append(player.in_role(role, gain=GAIN[role]))
    like = palette.parts.get("chords")
    return [
        replace(part, pattern=like.pattern)  # a piano plays ragtime as the palette's piano does
        if like is not None and part.role == "chords" and find_instrument(like.instrument).families & KEYBOARDS
        and find_instrument(part.instrument).families & KEYBOARDS
        else part
        for part in out
    ]  # fmt: skip


def _percussion(plan: MusicPlan, palette: Palette, named: Sequence[Player], banned: _Banned) -> list[Part]:
    """Return one part for all percussion: the grooves asked for by name, else the palette's."""
    asked = plan.instrumentation
    drums = [player for player in named if "percussion" in player.roles]
    wanted = asked.drums if asked.drums is not None else None if drums or not asked.solo else False
    own = palette.of("percussion")
    if wanted is False or find_instrument("drums") in banned:
        return []
    if drums:
        first = own[0] if own and drums[0].name == "drums" else drums[0].in_role("percussion", gain=GAIN["percussion"])
        pattern = "+".join(dict.fromkeys([first.pattern, *(p.patterns["percussion"] for p in drums[1:])]))
        return [replace(first, pattern=pattern, enter=min(first.enter, 0.3))]
    if own or not wanted:
        return list(own)
    kit = find_instrument("drums").in_role("percussion", gain=GAIN["percussion"], enter=0.3)
    return [replace(kit, pattern=METRE_GROOVE[plan.metre])]


def _mixed(seats: Sequence[Part]) -> list[Part]:
    """Give parts that came in their place, and soften those that share a role."""
    out: list[Part] = []
    for number, part in enumerate(seats):
        shared = sum(other.role == part.role for other in seats) > 1
        pan = part.pan or (0.0 if part.role in ("bass", "percussion") else PAN[number % len(PAN)])
        out.append(replace(part, pan=pan, gain=part.gain + DOUBLED * (shared and part.role in ("chords", "pad"))))
    return out
