"""The plots that go with a report on its HTML page, drawn from the report's data."""

from collections.abc import Callable, Mapping
from typing import Any

from diffbgm.research.metrics.html import Bars, Histograms, Plot, effect_plot
from diffbgm.research.metrics.report import Report
from diffbgm.research.metrics.retrieval import RANKS


def plots_for(kind: str, report: Report) -> list[Plot]:
    """Plots of a kind of report; of "all", those of its parts."""
    if kind == "all":
        return [plot for part, data in report.data.items() if part in PLOTS for plot in PLOTS[part](data)]
    return PLOTS[kind](report.data) if kind in PLOTS else []


def plot_systems(data: Mapping[str, Any]) -> list[Plot]:
    """Bars that compare the systems, and histograms of PCHE in bits for one system beside real music."""
    systems = data["systems"]
    shown = ("PCHE over 8 bars, bits", "GPS", "structure indicator, short", "two-sample AUC")
    bars: list[Plot] = [Bars(name, tuple(systems), tuple(s[name] for s in systems.values())) for name in shown]
    real, *others = data["pche"].items()
    for name, values in others[:1]:
        bars.append(Histograms("PCHE of windows, bits", tuple(values), tuple(real[1]), (name, real[0])))
    return bars


def plot_model(data: Mapping[str, Any]) -> list[Plot]:
    """The plot of effect sizes by descriptor."""
    return [effect_plot(dict(data))]


def plot_retrieval(data: Mapping[str, Any]) -> list[Plot]:
    """Bars of precision at the largest K for each system and for chance, in both directions."""
    titles = {"videos": "A video finds its music", "music": "A piece finds the true music"}
    top = RANKS[-1]
    plots: list[Plot] = []
    for part, title in titles.items():
        found = data[part]
        chance = next(iter(found.values()))["chance"][str(top)]
        values = (*(r["precision"][str(top)] for r in found.values()), chance)
        plots.append(Bars(f"{title}: P@{top}", (*found, "chance"), values))
    return plots


def plot_sync(data: Mapping[str, Any]) -> list[Plot]:
    """Bars of the share of cuts on the grid: ours, at a fixed tempo, and by chance."""
    labels, values = [], []
    for name, found in data.items():
        labels += [name, f"{name}: fixed tempo", f"{name}: chance"]
        values += [found["ours"]["hit"], found["fixed tempo"]["hit"], found["ours"]["chance"]]
    return [Bars("Cuts within 40 ms of a beat or half beat", tuple(labels), tuple(values))]


def plot_video(data: Mapping[str, Any]) -> list[Plot]:
    """Bars for each measure of cuts: these videos, other videos, and chance, where they are known."""
    measures = data["measures"]
    shown = [name for name, row in measures.items() if name.startswith("cuts") and row[0] is not None]
    plots: list[Plot] = []
    for name in shown:
        these, _, others, chance, _ = measures[name]
        known = [(k, v) for k, v in (("these", these), ("other videos", others), ("chance", chance)) if v is not None]
        plots.append(Bars(name, tuple(k for k, _ in known), tuple(v for _, v in known)))
    return plots


PLOTS: dict[str, Callable[[Mapping[str, Any]], list[Plot]]] = {
    "systems": plot_systems,
    "retrieval": plot_retrieval,
    "model": plot_model,
    "sync": plot_sync,
    "video": plot_video,
}
