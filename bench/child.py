"""One measurement in a process of its own: how it is started, and what it says."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.peers import Entry
from bench.workloads import COLD_KINDS, Amount, Workload

TIMEOUT_S = 600.0
_BENCH = Path(__file__).resolve().parent
_DESCRIPTORS = 16_384
_SAMPLE_S = 0.01


def measured(
    command: Sequence[str], variables: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Runs the command and returns the JSON object on the last line of its output, with its "exit_code".

    {"error": ...} when there is none. A client that crashes when the interpreter ends has been measured all the same.
    """
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env=environment(variables), check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no end within {timeout_s:.0f} s", "killed": True}
    said = last_line(ended.stdout)
    if not said.startswith("{"):
        return {"error": f"exit code {ended.returncode}: {last_line(ended.stderr)}"}
    result: dict[str, Any] = json.loads(said)
    return {**result, "exit_code": ended.returncode}


def sampled(
    command: Sequence[str], sample: Callable[[str], float], timeout_s: float = TIMEOUT_S, every_s: float = _SAMPLE_S
) -> tuple[dict[str, Any], list[tuple[float, float]]]:
    """As `measured`, and what `sample` said of its pid every 10 ms or so, with the moments on this system's clock.

    The child's memory is looked at from outside, which costs it nothing and needs no lock of its.
    """
    samples = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        deadline = time.monotonic() + timeout_s
        while process.poll() is None and time.monotonic() < deadline:
            samples.append((time.monotonic(), sample(str(process.pid))))
            time.sleep(every_s)
        process.kill()
        said, complaints = process.communicate()
    line = last_line(said)
    if not line.startswith("{"):
        return {"error": f"exit code {process.returncode}: {last_line(complaints)}"}, samples
    result: dict[str, Any] = json.loads(line)
    return result, samples


def peaked(command: Sequence[str], sample: Callable[[str], float], every_s: float = _SAMPLE_S) -> dict[str, Any]:
    """As `measured`, of a command that says when it has begun ("start"): with the most memory that `sample` has seen.

    "before_mb" is what there was at the start, "peak_mb" the most from then until "wall_s" had passed.
    """
    result, samples = sampled(command, sample, every_s=every_s)
    if "error" in result:
        return result
    start = result.pop("start")
    before = [mb for moment, mb in samples if moment < start] or [0.0]
    during = [mb for moment, mb in samples if start <= moment < start + result["wall_s"]]
    return {**result, "before_mb": before[-1], "peak_mb": max(during, default=before[-1])}


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours with these variables. Without proxies: everything here is on the loopback. Compiled modules are kept.

    Without a directory of certificates, which some clients read wholly for each that is made and others not at all.
    """
    ours = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    for name in ("PYTHONDONTWRITEBYTECODE", "SSL_CERT_DIR"):
        ours.pop(name, None)
    return {**ours, **(variables or {})}


def last_line(output: str) -> str:
    """The last line that a program said."""
    return (output.strip().splitlines() or ["(nothing said)"])[-1]


def raise_descriptor_limit() -> None:
    """2000 connections at once need descriptors; children and servers inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def absent(peers: Iterable[Entry], base_url: str) -> dict[str, str]:
    """Peers that do not give one answer in a fresh interpreter, with the reason: not installed, not built ..."""
    answers = {entry.name: measured(cold_command("first_answer", entry, base_url)) for entry in peers}
    return {name: answer["error"] for name, answer in answers.items() if "error" in answer}


def cold_command(kind: str, entry: Entry, base_url: str) -> list[str]:
    """A fresh interpreter that imports the peer ("import"), or does so and gets one answer ("first_answer")."""
    return [sys.executable, str(_BENCH / "cold.py"), kind, entry.distribution, f"{base_url}/tiny"]


def measure_command(workload: Workload, entry: Entry, amount: Amount, base_url: str, *, uvloop: bool) -> list[str]:
    """A fresh interpreter that carries the workload out."""
    if workload.kind in COLD_KINDS:
        return cold_command(workload.kind, entry, base_url)
    command = [sys.executable, str(_BENCH / "measure.py"), entry.name, workload.as_json(), amount.as_json(), base_url]
    return [*command, "--uvloop"] if uvloop else command
