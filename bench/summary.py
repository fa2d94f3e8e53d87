"""From raw runs to one row per workload and peer: medians, ranges, ratios to the original client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from bench.peers import BASELINE
from bench.workloads import Workload


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest over the runs."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One peer in one workload. A run counts with the median of its repetitions.

    faster, less_cpu: throughput, and the inverse of CPU per request, as multiples of the original's (None without it).
    """

    workload: str
    peer: str
    runs: int
    requests: int
    wall_s: Spread
    requests_per_s: Spread
    cpu_us_per_request: Spread
    cpu_ns_per_float: float | None
    peak_rss_mb: Spread
    rss_per_array: float | None
    server_us_per_request: float | None
    faster: float | None
    less_cpu: float | None

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


def summarise(workload: Workload, raw: list[dict[str, Any]]) -> list[Row]:
    """Rows of one workload in the order of the peers in `raw`; runs that failed are left out."""
    good = [run for run in raw if run["workload"] == workload.name and "error" not in run]
    peers = list(dict.fromkeys(run["peer"] for run in good))
    rows = {peer: _row(workload, peer, [run for run in good if run["peer"] == peer]) for peer in peers}
    baseline = rows.get(BASELINE)
    return [row if baseline is None else _with_ratios(row, baseline) for row in rows.values()]


def _row(workload: Workload, peer: str, runs: list[dict[str, Any]]) -> Row:
    requests = round(median(run["requests"] for run in runs))
    floats = workload.batch * workload.dim
    cpu = _spread(runs, lambda run, repetition: repetition["cpu_s"] / run["requests"] * 1e6)
    peak = _spread(runs, lambda run, repetition: repetition["peak_rss_mb"])
    server = [run["server_us_per_request"] for run in runs if run["server_us_per_request"] is not None]
    return Row(
        workload=workload.name,
        peer=peer,
        runs=len(runs),
        requests=requests,
        wall_s=_spread(runs, lambda run, repetition: repetition["wall_s"]),
        requests_per_s=_spread(runs, lambda run, repetition: run["requests"] / repetition["wall_s"]),
        cpu_us_per_request=cpu,
        cpu_ns_per_float=cpu.median * 1e3 / floats if floats else None,
        peak_rss_mb=peak,
        rss_per_array=peak.median / workload.array_mb(requests) if workload.for_memory else None,
        server_us_per_request=median(server) if server else None,
        faster=None,
        less_cpu=None,
    )


def _spread(runs: list[dict[str, Any]], value: Callable[[dict[str, Any], dict[str, Any]], float]) -> Spread:
    per_run = [median(value(run, repetition) for repetition in run["repetitions"]) for run in runs]
    return Spread(median(per_run), min(per_run), max(per_run))


def _with_ratios(row: Row, baseline: Row) -> Row:
    faster = row.requests_per_s.median / baseline.requests_per_s.median
    less_cpu = baseline.cpu_us_per_request.median / row.cpu_us_per_request.median
    return replace(row, faster=faster, less_cpu=less_cpu)
