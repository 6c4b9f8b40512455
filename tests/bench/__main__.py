"""The bench: scoring at several lengths, the sampler beside the paper's network, composing beside others; as ratios.

    python -m tests.bench [--quick] [--hour] [--against COMMIT] [--json FILE]

Run it on an idle machine. Ratios are taken within one run; --quick only shows that it works. On a processor with
bfloat16 units, ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2 in the environment hide them.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch
from tests.bench import lengths, peers, sampling, start, takes, threads

from diffbgm.composer.device import has_fast_bf16
from diffbgm.options import ComposeOptions

KINDS = ("start", "sampling", "lengths", "threads", "takes", "peers")
LENGTHS, QUICK, HOUR = (30.0, 60.0, 120.0, 600.0), (10.0, 20.0), 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small settings, to see that it works")
    parser.add_argument("--hour", action="store_true", help="a film of 60 minutes as well")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--against", metavar="COMMIT", help="only a minute of film, here against that commit, in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, seconds too")
    args = parser.parse_args()
    print(machine())
    found: dict[str, object] = {"machine": machine(), "quick": args.quick}
    if args.against:
        with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as folder:
            setting = (QUICK[0], 2, Path(folder), 1) if args.quick else (60.0, ComposeOptions.steps, Path(folder), 3)
            here, before = lengths.compare(args.against, *setting)
        found["against"] = [asdict(here), asdict(before)]
        print("\n" + against_table(here, before))
    wanted = (args.only,) if args.only else () if args.against else KINDS
    if "start" in wanted:
        found["start"] = start.measure(1 if args.quick else 7)
        print("\n" + start_table(found["start"]), flush=True)
    if "sampling" in wanted:
        cost = sampling.measure((1, 4), 1) if args.quick else sampling.measure()
        found["sampling"] = asdict(cost)
        print("\n" + sampling_table(cost), flush=True)
    if "lengths" in wanted:
        films_of = QUICK if args.quick else (*LENGTHS, *([HOUR] if args.hour else []))
        with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as folder:
            steps = 2 if args.quick else ComposeOptions.steps
            films = [lengths.measure(seconds, steps, Path(folder)) for seconds in films_of]
        found["lengths"] = [asdict(film) for film in films]
        print("\n" + lengths_table(films))
    if "threads" in wanted:
        beside = threads.measure(4, 1) if args.quick else threads.measure()
        found["threads"] = asdict(beside)
        print("\n" + threads_table(beside))
    if "takes" in wanted:
        ratio = takes.measure(4, 2, 1) if args.quick else takes.measure()
        found["takes"] = ratio
        print(f"\n{takes.MANY if not args.quick else 2} takes of {takes.FILM:g} s against one: {ratio:.2f}")
    if "peers" in wanted:
        beside = peers.measure(2, 1) if args.quick else peers.measure()
        found["peers"] = asdict(beside)
        print("\n" + peers_table(beside))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


def machine() -> str:
    """In general terms: cores, memory, threads."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    fast = "with" if has_fast_bf16("cpu") else "without"
    threads = torch.get_num_threads()
    return f"{os.cpu_count()} cores {fast} bfloat16 units, {memory:.0f} GB of memory, {threads} threads"


def start_table(rows: dict[str, tuple[float, float]]) -> str:
    """Seconds on the clock and of processor until something is there."""
    bars = start.WANTED
    return markdown(
        ["start-up", "s", "CPU s", "bar, s"],
        [[name, f"{wall:.2f}", f"{cpu:.2f}", f"{bars[name]:g}" if name in bars else ""]
         for name, (wall, cpu) in rows.items()],
    )  # fmt: skip


def against_table(here: lengths.Length, before: lengths.Length) -> str:
    """Each stage against the same stage of another commit."""
    whole = [f"{here.seconds:g} s, whole", f"{here.wall / before.wall:.2f}"]
    parts = [[name, f"{here.stages[name] / before.stages[name]:.2f}"] for name in lengths.STAGES]
    return markdown(["stage", "time against the commit"], [whole, *parts])


def lengths_table(films: list[lengths.Length]) -> str:
    """Shares of the film's length, of the whole time, memory and growth against the shortest film."""
    head = ["film", "whole / its length", *(f"{name}, share" for name in lengths.STAGES), "peak memory, GB", "growth"]
    first = films[0]
    rows = []
    for film in films:
        shares = [f"{film.stages[name] / film.wall:.0%}" for name in lengths.STAGES]
        growth = (film.wall - film.stages["start-up"]) / (first.wall - first.stages["start-up"])
        grown = f"{growth:.1f}x time for {film.seconds / first.seconds:.0f}x length"
        worst = max(film.peaks, key=film.peaks.__getitem__)
        whole, peak = f"{film.wall / film.seconds:.2f}", f"{film.peak / 1024:.2f} ({worst})"
        rows.append([f"{film.seconds:g} s", whole, *shares, peak, grown])
    return markdown(head, rows)


def sampling_table(cost: sampling.Sampling) -> str:
    """Ours beside the paper's network, and the batches."""
    rate = cost.gemm[cost.precision]
    paper_use = cost.paper_flop / cost.paper_per_window / rate
    best = cost.best_batch
    rows = [
        ["parameters, millions", f"{cost.parameters / 1e6:.1f}", f"{cost.paper_parameters / 1e6:.1f}"],
        ["network evaluations a window", str(cost.evaluations), str(sampling.STEPS * sampling.EVALUATIONS)],
        ["GFLOP an evaluation", f"{cost.flop / 1e9:.2f}", f"{cost.paper_flop / 1e9:.1f}"],
        [f"share of the measured {cost.precision} matrix rate", f"{cost.utilisation(best):.0%}", f"{paper_use:.0%}"],
        ["time a window (ours at the best batch)", "1", f"{cost.ratio:.0f}"],
    ]
    one = cost.per_window[min(cost.per_window)]
    batches = [
        [str(batch), f"{one / seconds:.2f}", f"{cost.utilisation(batch):.0%}",
         f"{1 / (cost.evaluations * seconds):.2f}"]
        for batch, seconds in cost.per_window.items()
    ]  # fmt: skip
    fast = " against ".join(f"{name} {value / 1e9:.0f} GFLOP/s" for name, value in reversed(cost.gemm.items()))
    columns = ["batch", "windows/s against one at a time", f"share of the {cost.precision} matrix rate", "windows/s"]
    head = ["", "diffbgm", "the paper's U-Net, random weights"]
    return f"{markdown(head, rows)}\n\nMatrix rate: {fast}\n\n{markdown(columns, batches)}"


def threads_table(beside: threads.Beside) -> str:
    """Composing beside others against composing alone."""
    rows = [[what, f"{ratio:.2f}", "" if bar is None else f"at most {bar:g}"] for what, ratio, bar in beside.rows]
    return markdown(["composing 30 s of film", "time against idle", "bar"], rows)


def peers_table(beside: peers.Peers) -> str:
    """Half a minute of film, as shares of its length, and against one take of ours."""
    head = [
        f"{peers.FILM:g} s of film",
        "time / its length",
        f"{threads.NEIGHBOURS} busy neighbours",
        "against one take",
    ]
    return markdown(head, [[name, *(f"{share:.3g}" for share in shares)] for name, *shares in beside.rows])


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell or ' ' for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()
