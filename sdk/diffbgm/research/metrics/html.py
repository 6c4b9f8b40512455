"""A report as one HTML page: its tables, and plots as inline SVG. Nothing is loaded from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.research.metrics.report import Report, Table, format_value, write_text

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6475; --line: #d9dde5; --page: #fff;
  --a: #2f6fde; --b: #e0803a; --good: #1d7f4e; --bad: #b3372e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --soft: #a2abbd; --line: #353c4a; --page: #14171e;
  --a: #78a5ff; --b: #f0a263; --good: #5fcf98; --bad: #ff8d83; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
.note, .seed { color: var(--soft); margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; }
figure { margin: 1.2rem 0; }
svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--line); }
svg .a { fill: var(--a); }
svg .b { fill: var(--b); }
svg .line { fill: none; stroke-width: 2; }
svg .line.a { stroke: var(--a); }
svg .line.b { stroke: var(--b); }
"""


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from zero, one a label; negative values go to the left."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    unit: str = ""

    def svg(self) -> str:
        """The chart as a figure element with inline SVG; values that are not finite count as 0."""
        row, left, width = 22, 190, 420
        values = [float(v) if np.isfinite(v) else 0.0 for v in self.values]
        low, high = min(0.0, *values), max(0.0, *values)
        scale = width / ((high - low) or 1.0)
        zero = left - low * scale
        parts = [f'<line class="axis" x1="{zero:.1f}" y1="0" x2="{zero:.1f}" y2="{row * len(values)}"/>']
        for i, (label, value) in enumerate(zip(self.labels, values, strict=True)):
            x, y = zero + min(0.0, value) * scale, i * row
            kind, length = "a" if value >= 0 else "b", abs(value) * scale
            parts.append(f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
            parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{y + 4}" width="{length:.1f}" height="14" rx="2"/>')
            text = f"{format_value(value)}{self.unit}"
            parts.append(f'<text class="soft" x="{left + width + 8}" y="{y + 15}">{escape(text)}</text>')
        return _figure(self.title, left + width + 80, row * max(1, len(values)), parts)


@dataclass(frozen=True)
class Histograms:
    """Two sets of numbers on common bins, as steps: what was composed beside what is real."""

    title: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    names: tuple[str, str] = ("composed", "real")

    def svg(self) -> str:
        """The chart as a figure element with inline SVG: shares of both sets over 24 bins."""
        width, height, bins = 420, 150, 24
        both = np.concatenate([self.first, self.second])
        edges = np.histogram_bin_edges(both, bins)
        shares = [np.histogram(v, edges)[0] / max(len(v), 1) for v in (self.first, self.second)]
        top = max(float(s.max()) for s in shares) or 1.0
        parts = [f'<line class="axis" x1="0" y1="{height}" x2="{width}" y2="{height}"/>']
        for kind, share in zip("ab", shares, strict=True):
            y = np.repeat(height - share / top * (height - 24), 2)
            x = np.repeat(np.arange(bins + 1), 2)[1:-1] * width / bins
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            parts.append(f'<polyline class="line {kind}" points="0,{height} {points} {width},{height}"/>')
        for i, (kind, name) in enumerate(zip("ab", self.names, strict=True)):
            parts.append(f'<rect class="{kind}" x="{width - 110}" y="{4 + 18 * i}" width="12" height="12"/>')
            parts.append(f'<text x="{width - 92}" y="{15 + 18 * i}">{escape(name)}</text>')
        for x, anchor, value in ((0, "start", edges[0]), (width, "end", edges[-1])):
            text = format_value(float(value))
            parts.append(f'<text class="soft" x="{x}" y="{height + 16}" text-anchor="{anchor}">{text}</text>')
        return _figure(self.title, width, height + 22, parts)


Plot = Bars | Histograms


def _figure(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    name = escape(title, quote=True)
    return (
        f"<figure><figcaption>{name}</figcaption>"
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<h2>{escape(table.title)}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _cell(value: Any) -> str:
    kind = ""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        kind = ' class="number"'
    return f"<td{kind}>{escape(format_value(value))}</td>"


def to_html(report: Report, plots: Sequence[Plot] = ()) -> str:
    """The report as a page of its own."""
    body = "".join(map(_table, report.tables)) + "".join(plot.svg() for plot in plots)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(report.title)}</h1><p class="seed">seed {report.seed}</p>{body}</body></html>\n'
    )


def write_html(path: str | Path, report: Report, plots: Sequence[Plot] = ()) -> Path:
    """Write the page as a whole or not at all."""
    return write_text(path, to_html(report, plots))


def effect_plot(result: dict[str, Any], most: int = 20) -> Bars:
    """What the classifier sees, from `model.measure_model`'s dict: the largest effect sizes."""
    rows = result["effects"][:most]
    return Bars(
        "Composed minus real, in standard deviations",
        tuple(row["name"] for row in rows),
        tuple(0.0 if row["d"] is None else row["d"] for row in rows),
    )
