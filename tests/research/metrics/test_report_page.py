"""Tables on a terminal, JSON and the page: complete, valid, and written whole."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from diffbgm.errors import OutputError
from diffbgm.research.metrics.html import Bars, Histograms, to_html, write_html
from diffbgm.research.metrics.report import (
    Report,
    Table,
    format_report,
    format_table,
    format_value,
    plain,
    to_json,
    write_json,
)

TABLE = Table("Cuts", ("measure", "value", "n"), (("hit <rate>", 0.91234, 40), ("missing", None, 40)), "n = 40, seed 7")
REPORT = Report("Sync & sound", 7, (TABLE,), {"rate": np.float32(0.5), "p": math.nan, "rows": (1, np.int64(2))})


def test_a_table_lines_up() -> None:
    title, head, rule, first, second, note = format_table(TABLE).split("\n")
    assert title == "Cuts"
    assert head.index("value") == rule.index("-----", len("hit <rate>"))
    assert len(first) == len(second) == len(rule)  # the last column is of numbers, set to the right
    assert first.index("0.912") == rule.index("-----", len("hit <rate>"))
    assert "-" in second
    assert note == "n = 40, seed 7"
    assert "Sync & sound (seed 7)" in format_report(REPORT)


def test_rows_of_the_wrong_width_are_refused() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        Table("x", ("a", "b"), ((1,),))


def test_values_as_text() -> None:
    assert [format_value(v) for v in (None, True, 1234.56, 0.12345, 3, "x", math.inf)] == [
        "-",
        "yes",
        "1234.6",
        "0.123",
        "3",
        "x",
        "inf",
    ]


def test_json_holds_plain_values_only() -> None:
    body = json.loads(to_json(REPORT))
    assert body["data"] == {"rate": 0.5, "p": None, "rows": [1, 2]}
    assert body["tables"][0]["rows"][0] == ["hit <rate>", 0.91234, 40]
    assert plain({"a": np.arange(2), 3: np.bool_(True)}) == {"a": [0, 1], "3": True}


class Page(HTMLParser):
    """Collects tags and checks that they close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    rng = np.random.default_rng(0)
    plots = (
        Bars("Effects <d>", ("a", "b"), (0.5, -1.25), " sd"),
        Histograms("PCHE", tuple(rng.normal(size=50)), tuple(rng.normal(size=40))),
        Histograms("all alike", (1.0, 1.0), (1.0,)),
        Bars("nothing", ("zero",), (0.0,)),
        Bars("infinite", ("x",), (math.inf,)),
    )
    text = to_html(REPORT, plots)
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.links == []
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert {"svg", "table", "style"} <= page.seen
    assert "hit &lt;rate&gt;" in text
    assert "Sync &amp; sound" in text
    assert "nan" not in text
    assert text.count("<svg") == len(plots)


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    json_path, page = write_json(tmp_path / "deep" / "r.json", REPORT), write_html(tmp_path / "deep" / "r.html", REPORT)
    assert json.loads(json_path.read_text(encoding="utf-8"))["seed"] == 7
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["r.html", "r.json"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot"):
        write_json(tmp_path / "file" / "r.json", REPORT)
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_json(tmp_path / "taken", REPORT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "file", "taken"]
