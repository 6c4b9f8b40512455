"""Every option of every command with values that it cannot have, drawn from the commands' own declarations.

Each is answered by exit code 2 and one sentence that names the option; nothing is written.
"""

import argparse
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffbgm.cli import main
from diffbgm.cli.commands import make_parser
from diffbgm.options import SETTINGS

NO_NUMBER = ("x", "nan", "inf", "-inf", "", " ", "1e999", "1,5", "½", "--", "99999999999999999999999")
NO_WORD = ("nonsense", "", "a\0b", "MIX ", "🎬")
WRONG = {  # of settings that are texts with a grammar
    "style": ("nonsense", "calm,nonsense"),
    "bpm": ("fast", "-3", "nan", "100-", "0", "900"),
    "key": ("H#q", "7", "minor minor"),
    "metre": ("5/4", "0/0", "waltz"),
    "genre": ("nonsens",),
    "chords": ("H#q | X",),
    "instruments": ("nonsens", "piano, nonsens"),
    "without": ("nonsens",),
    "lead": ("drums", "nonsens"),
    "part": ("tuba", "bass=nonsens", "drums=tuba", "bass=", "=tuba"),
    "energy": ("2", "nan", "5:.2 1:.3", "x:y"),
    "mood": ("7,1", "happy", "nan,nan"),
    "hit": ("soon", "nan", "3 enormously"),
    "must": ("soon", "nan"),
    "ignore": ("soon", "nan"),
    "rest": ("9-3", "soon", "3"),
    "scene": ("calm piano", "9-3 rock"),
    "cues": ("missing.csv", "."),
    "like": ("missing.mp3", "."),
    "melody": ("missing.mid", "."),
    "ensemble": ("nonsens",),
    "ending": ("bang", "finally"),
    "loudness": ("loud", "nan", "5 dB"),
    "guidance": ("nan", "-1", "1,2,3,4", "11"),
}


MANY = int(os.environ.get("DIFFBGM_MISUSES", "1"))  # wrong values of each option; 33 are all


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands that run something."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield parser
    for action in below:
        for one in dict.fromkeys(action.choices.values()):
            yield from leaves(one)


def wrong_values(action: argparse.Action) -> tuple[str, ...]:
    """Values that an option cannot have, as far as its declaration says which it can."""
    setting = SETTINGS.get(action.dest)
    if action.nargs == 0:
        return ()
    if action.choices:
        return NO_WORD
    if getattr(action.type, "__qualname__", "").startswith("reader") and setting is not None:
        if setting.choices:
            return NO_WORD
        beyond = tuple(f"{n:g}" for n in (setting.low and setting.low - 1, setting.high and setting.high * 2 + 1) if n)
        return WRONG.get(action.dest, () if setting.kind is str else (*NO_NUMBER, *beyond))
    if action.dest == "bars":
        return ("", "x", "0", "-1", "5-3", "1,,2", "1.5", "9" * 30)
    return () if action.type in (None, Path) else NO_NUMBER


def words_of(
    parser: argparse.ArgumentParser, without: argparse.Action | None = None, video: object = None
) -> list[str]:
    """The command with everything it needs, none of which exists but the video; one of its options left out."""
    words = parser.prog.split()[1:]
    for action in parser._actions:
        if action is without or not action.required or action.nargs == "*":
            continue
        name = str(video or "missing.xyz") if action.dest == "video" else "missing.xyz"
        values = ["1"] if action.dest == "bars" else [name] * (action.nargs if isinstance(action.nargs, int) else 1)
        words += [action.option_strings[-1], *values] if action.option_strings else values
    return words


COMMANDS = list(leaves(make_parser()))
OPTIONS = [(p, a) for p in COMMANDS for a in p._actions if a.option_strings and a.dest != "help"]
VALUED = [(p, a) for p, a in OPTIONS if wrong_values(a)]


def name_of(row: tuple[argparse.ArgumentParser, argparse.Action]) -> str:
    return f"{row[0].prog.removeprefix('diffbgm ')} {row[1].option_strings[-1]}"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says to that; it must end with code 2, in one line, and leave nothing behind."""
    try:
        code = main(words)
    except SystemExit as e:
        code = e.code
    said = capsys.readouterr().err
    assert code == 2, (words, code, said)
    assert said.startswith("diffbgm: "), (words, said)
    assert said.count("\n") == 1, (words, said)
    assert os.listdir() == [], words
    return said


@pytest.mark.parametrize("row", VALUED, ids=map(name_of, VALUED))
def test_a_wrong_value_is_refused_by_the_options_name(
    row: tuple[argparse.ArgumentParser, argparse.Action], movie: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser, action = row
    option = action.option_strings[-1]
    values = wrong_values(action)
    for value in random.Random(name_of(row)).sample(values, min(MANY, len(values))):
        said = answer([*words_of(parser, action, movie), f"{option}={value}"], capsys)
        assert option in said or action.dest in said or (value.strip() and value.split()[0] in said), (value, said)


@pytest.mark.parametrize("row", OPTIONS, ids=map(name_of, OPTIONS))
def test_a_missing_value_and_one_too_many_are_refused(
    row: tuple[argparse.ArgumentParser, argparse.Action], capsys: pytest.CaptureFixture[str]
) -> None:
    action = row[1]
    option, words = action.option_strings[-1], words_of(*row)
    if action.nargs == 0:
        assert option in answer([*words, f"{option}=1"], capsys)
    elif action.nargs != "?":
        assert option in answer([*words, option], capsys)
    if action.required:
        assert option in answer(words, capsys)


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda p: p.prog)
def test_unknown_options_and_paths_that_are_missing_are_refused(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--nonsense" in answer([*words_of(parser), "--nonsense"], capsys)
    needed = [action for action in parser._actions if action.required and not action.option_strings]
    if needed and all(action.nargs != "*" for action in needed):
        answer(parser.prog.split()[1:], capsys)


def test_the_table_covers_every_setting_with_a_grammar() -> None:
    texts = {name for name, setting in SETTINGS.items() if setting.kind is str and not setting.choices}
    assert texts - {"prompt", "receipt"} <= set(WRONG)
    assert len(VALUED) > 100
