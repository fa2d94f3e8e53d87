"""From raw runs to one row per workload and peer: medians, ranges, ratios to the reference client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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

    faster, less_cpu: throughput, and the inverse of CPU per request, as multiples of the reference client's
    (None without it). Each run is compared with that one's run of the same round, seconds apart, so that slow drift
    cancels out.
    """

    workload: str
    peer: str
    runs: int
    requests: int
    wall_s: Spread
    requests_per_s: Spread
    cpu_us_per_request: Spread
    kernel_us_per_request: float
    cpu_ns_per_float: float | None
    peak_rss_mb: Spread
    rss_per_array: float | None
    server_us_per_request: float | None
    faster: Spread | None
    less_cpu: Spread | None

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


def summarise(workload: Workload, raw: list[dict[str, Any]], *, first: bool = False) -> list[Row]:
    """Rows of one workload in the order of the peers in `raw`; runs that failed are left out.

    first: of only the first repetition in each process.
    """
    good = [run for run in raw if run["workload"] == workload.name and "error" not in run]
    if first:
        good = [{**run, "repetitions": run["repetitions"][:1]} for run in good]
    peers = list(dict.fromkeys(run["peer"] for run in good))
    of_peer = {peer: [run for run in good if run["peer"] == peer] for peer in peers}
    return [_row(workload, peer, of_peer[peer], of_peer.get(BASELINE, [])) for peer in peers]


def _row(workload: Workload, peer: str, runs: list[dict[str, Any]], baseline: list[dict[str, Any]]) -> Row:
    requests = round(median(run["requests"] for run in runs))
    floats = workload.batch * workload.dim
    cpu = _spread([_cpu_us(run) for run in runs])
    peak = _spread([_of_repetitions(run, lambda repetition: repetition["peak_rss_mb"]) for run in runs])
    server = [run["server_us_per_request"] for run in runs if run["server_us_per_request"] is not None]
    original = {run["run"]: run for run in baseline}
    pairs = [(run, original[run["run"]]) for run in runs if run["run"] in original]
    return Row(
        workload=workload.name,
        peer=peer,
        runs=len(runs),
        requests=requests,
        wall_s=_spread([_of_repetitions(run, lambda repetition: repetition["wall_s"]) for run in runs]),
        requests_per_s=_spread([_rate(run) for run in runs]),
        cpu_us_per_request=cpu,
        kernel_us_per_request=median(_kernel_us(run) for run in runs),
        cpu_ns_per_float=cpu.median * 1e3 / floats if floats else None,
        peak_rss_mb=peak,
        rss_per_array=peak.median / workload.array_mb(requests) if workload.for_memory else None,
        server_us_per_request=median(server) if server else None,
        faster=_spread([_rate(run) / _rate(other) for run, other in pairs]) if pairs else None,
        less_cpu=_spread([_cpu_us(other) / _cpu_us(run) for run, other in pairs]) if pairs else None,
    )


def _rate(run: dict[str, Any]) -> float:
    """Requests per second."""
    return float(run["requests"] / _of_repetitions(run, lambda repetition: repetition["wall_s"]))


def _cpu_us(run: dict[str, Any]) -> float:
    """Microseconds of CPU per request."""
    return float(_of_repetitions(run, lambda repetition: repetition["cpu_s"]) / run["requests"] * 1e6)


def _kernel_us(run: dict[str, Any]) -> float:
    """Microseconds of that which the kernel took: sockets, memory, threads."""
    return float(_of_repetitions(run, lambda repetition: repetition["kernel_s"]) / run["requests"] * 1e6)


def _of_repetitions(run: dict[str, Any], value: Callable[[dict[str, Any]], float]) -> float:
    return median(value(repetition) for repetition in run["repetitions"])


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
