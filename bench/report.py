"""The tables of measurements, in Markdown, from the files of results and the kept instruction counts.

The README shows one small table and one picture of speed, and one of foul weather; bench/README.md shows everything.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import instructions, job_rows, pipeline_rows, run_rows, weather_rows
from bench.conditions import conditions
from bench.latency import WAYS, by_peer, percentile
from bench.memory import growth_mb
from bench.peers import BASELINE
from bench.record import RESULTS, load
from bench.seed_rows import markdown, note, seed_rows
from bench.table import markdown_table, spaced

_BENCH = Path(__file__).resolve().parent
_OURS = "baseten_perf"
_NAMES = ("run", "seed_table", "latency", "memory", "curves", "weather", "jobs", "pipelines")


def main() -> int:
    """Returns the exit code: 1 when there are no results of run.py, or when --check finds old tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--write", action="store_true", help="replace the tables in both files instead of printing them")
    doing.add_argument("--check", action="store_true", help="say which tables in the files are not what is made here")
    arguments = parser.parse_args()
    results = {name: _results(name) for name in _NAMES}
    if not results["run"]:
        print("no run.json: run run.py first")
        return 1
    old = 0
    for path, name, section in _sections(results):
        if not arguments.write and not arguments.check:
            print(f"{section}\n")
            continue
        text = path.read_text(encoding="utf-8")
        written = _written(text, name, section)
        if arguments.write:
            path.write_text(written, encoding="utf-8")
        elif written != text:
            print(f"{path}: {name} is old; run {Path(__file__).name} --write")
            old += 1
    return int(old > 0)


def _sections(results: dict[str, dict[str, Any]]) -> Iterator[tuple[Path, str, str]]:
    """The file, the name of the section between its marks, and what belongs there."""
    readme = _BENCH.parent / "README.md"
    yield readme, "speed", _joined(_speed(results["run"]))
    yield readme, "weather", _joined(_weather(results["weather"], weather_rows.summary, "bench/"))
    yield _BENCH / "README.md", "results", _joined(_parts(results))


def _written(text: str, name: str, section: str) -> str:
    """The text with this section. Raises ValueError when it has no place for it."""
    begin, end = f"<!-- {name}: written by bench/report.py -->", f"<!-- {name} end -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"there are no lines {begin!r} and {end!r}")
    return f"{before}{begin}\n{section}\n{end}{after}"


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _results(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return load(path) if path.exists() else {}


def _parts(results: dict[str, dict[str, Any]]) -> list[str]:
    return [
        _facts(results["run"]["facts"]),
        _ratios(),
        *run_rows.themes(results["run"]["measurements"]),
        *_seed(results["seed_table"]),
        *_latency(results["latency"]),
        *_memory(results["memory"]),
        _image("scaling", "Scaling with connections, dimension, batch, inputs and loops") if results["curves"] else "",
        *_weather(results["weather"], weather_rows.markdown),
        *_jobs(results["jobs"]),
        *_pipelines(results["pipelines"]),
        *_instructions(),
    ]


def _facts(facts: dict[str, Any]) -> str:
    here = facts["machine"]
    names = [BASELINE, *run_rows.OTHERS, "libcurl"]
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in names if name in facts["versions"])
    runs = f"medians of {facts['runs']} interleaved rounds" if facts["runs"] > 1 else "one round"
    warning = "**A quick run on a busy machine, to show the form: no measurements.** " if facts["quick"] else ""
    return (
        f"{warning}{here['processor']}, {here['cores']} cores with client and server on them; {facts['server']}; "
        f"{here['python']}; {versions}; {runs}; {facts['taken_at'][:10]}."
    )


def _image(name: str, text: str, folder: str = "") -> str:
    return f'<img src="{folder}plots/{name}.png" width="900" alt="{text}">'


def _speed(results: dict[str, Any]) -> list[str]:
    return [_ratios("bench/"), _facts(results["facts"]), run_rows.speed(results["measurements"])]


def _ratios(folder: str = "") -> str:
    return _image("ratios", "How many times faster and on how much less CPU than each peer", folder)


def _seed(results: dict[str, Any]) -> list[str]:
    if not results:
        return []
    rows = seed_rows(results["measurements"], results["facts"]["machine"]["cores"])
    titles = {
        ("json", "no latency"): "Floats as JSON, no latency", ("json", "4 replicas"): "Floats as JSON, 4 replicas",
        ("base64", "no latency"): "base64, no latency", ("base64", "4 replicas"): "base64, 4 replicas",
    }
    tables = []
    for (form, server), title in titles.items():
        here = [row for row in rows if (row.format, row.server) == (form, server)]
        parts = "\n\n".join(part for part in (markdown(here), note(here)) if part)
        if here and form == "json":
            tables.append(f"{title}:\n\n{parts}")
        elif here:
            tables.append(f"<details><summary>{title}</summary>\n\n{parts}\n\n</details>")
    about = (
        "The table of the reference client's README: `embed` in batches of 128, up to 128 requests in flight. "
        f"Servers: {results['facts']['server']}. "
        "Numbers in the picture: times our time; hollow: extrapolated from a part."
    )
    return [_image("sizes", "Seconds over the number of inputs"), about, *tables]


def _latency(results: dict[str, Any]) -> list[str]:
    if not results:
        return []
    columns = ["p50", "p99", "p99.9", "first"]
    lines = [
        ["latency, µs", *columns, "the reference client: p50", *columns[1:]],
        ["---", *["---:"] * 2 * len(columns)],
    ]
    for way in WAYS:
        runs = by_peer(results["measurements"], way)
        cells = [cell for peer in (_OURS, BASELINE) for cell in _percentiles(runs.get(peer, []))]
        lines.append([f"{way} at a time", *cells])
    return [_image("latency", "Latency percentiles of single calls"), markdown_table(lines)]


def _percentiles(runs: list[dict[str, Any]]) -> list[str]:
    """Cells: p50, p99, p99.9, and the first call, with making the client and its connection."""
    if not runs:
        return ["-"] * 4
    first_us = median(float(run["first_call_s"]) for run in runs) * 1e6
    return [spaced(value) for value in (*(percentile(runs, quantile) for quantile in (0.5, 0.99, 0.999)), first_us)]


def _memory(results: dict[str, Any]) -> list[str]:
    if not results:
        return []
    lines = [["memory", "baseten_perf", "the reference client"], ["---", "---:", "---:"]]
    values: dict[str, tuple[str, Callable[[dict[str, Any]], float], str]] = {
        "peak of one large embed, times the array": ("embed", _peak_of_array, "{:.2f}x"),
        "growth over a million requests, after the first tenth": ("posts", growth_mb, "{:+.1f} MB"),
        "an idle connection": ("connections", lambda run: run["kb_each"] or 0.0, "{:.0f} KB"),
    }
    for title, (scenario, value, form) in values.items():
        cells = []
        for peer in (_OURS, BASELINE):
            runs = [each for each in results["measurements"] if (each["scenario"], each["peer"]) == (scenario, peer)]
            cells.append(form.format(median(value(run) for run in runs)) if runs else "-")
        lines.append([title, *cells])
    return [_image("memory", "Resident memory over time"), markdown_table(lines)]


def _peak_of_array(run: dict[str, Any]) -> float:
    return float(run["peak_mb"] / run["array_mb"])


def _weather(
    results: dict[str, Any], table: Callable[[list[weather_rows.Row]], str], folder: str = ""
) -> list[str]:
    if not results:
        return []
    rows = weather_rows.rows(conditions(quick=False).values(), results["measurements"])
    about = (
        "Time: seconds over what a client needs that knows the server's rule, median of the calls that got every "
        "answer. Refused: requests that were refused after the first refusal was known, of all. Lost: answers that the "
        f"server gave and the caller did not get. {results['facts']['taken_at'][:10]}."
    )
    return [_image("weather", "Time, refusals and lost answers under pressure", folder), about, table(rows)]


def _jobs(results: dict[str, Any]) -> list[str]:
    if not results:
        return []
    about = (
        "Jobs, each a program as a user of that client writes it (`job_programs/`): the memory is the program's own, "
        "without the pages of the map; answers kept of those that there are to get; refused by the quota; lines of "
        f"code. {results['facts']['taken_at'][:10]}."
    )
    wanted = job_rows.jobs(quick=results["facts"]["quick"]).values()
    return [about, job_rows.markdown(job_rows.rows(wanted, results["measurements"]))]


def _pipelines(results: dict[str, Any]) -> list[str]:
    if not results:
        return []
    facts = results["facts"]
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("ray", "daft", "langchain-openai", "openai"))
    title = f"Parquet of {spaced(pipeline_rows.TEXTS)} texts to Parquet with their vectors"
    table = pipeline_rows.rows(pipeline_rows.PIPELINES.values(), results["measurements"])
    return [f"{title} ({facts['server']}; {versions}; {facts['taken_at'][:10]}):", pipeline_rows.markdown(table)]


def _instructions() -> list[str]:
    if not instructions.TABLE.exists():
        return []
    rows = json.loads(instructions.TABLE.read_text())["rows"]
    about = "Instructions, counted by valgrind, without the kernel's: the figures that no other program disturbs."
    return [about, instructions.markdown(rows)]


if __name__ == "__main__":
    sys.exit(main())
