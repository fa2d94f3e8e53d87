"""What weather.py's measurements come to: medians, verdicts against the targets, the tables of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.conditions import Condition, Target
from bench.table import markdown_table

CLIENTS = {"baseten_perf": "baseten_perf", "baseten_performance_client": "reference client", "openai": "AsyncOpenAI"}
_ENOUGH = 1_000  # requests from which on a share of refusals says something


@dataclass(frozen=True, slots=True)
class Row:
    """One client under one condition: medians over the rounds, but the worst round for what was answered and lost.

    The first requests of an outage, as many as there were at once, are no probes: nobody knew of it.
    """

    condition: Condition
    peer: str
    seconds: float
    answered_pct: float
    refused_pct: float
    lost: int
    probes_per_s: float
    tiny_s: float | None
    peak: float
    failure: str

    @property
    def missed(self) -> list[str]:
        """The targets that are missed, in words; a call that failed has missed the one that counts."""
        target = self.condition.target
        if self.answered_pct < 100:
            return [f"{100 - self.answered_pct:.3g} % unanswered after {self.seconds:.1f} s"]
        share = self.condition.ideal_s / self.seconds
        words = [
            (self.seconds > target.seconds, f"{self.seconds:.2f} s > {target.seconds:.2f} s"),
            (_over(self.refused_pct, target.refused_pct) and self.condition.requests >= _ENOUGH,
             f"{self.refused_pct:.1f} % > {target.refused_pct} % refused"),
            (_over(self.probes_per_s, target.probes_per_s), f"{self.probes_per_s:.1f} probes/s"),
            (target.share is not None and share < target.share, f"{100 * share:.0f} % of the throughput"),
            (_over(self.tiny_s, target.tiny_s), f"tiny call {self.tiny_s or 0:.2f} s > {target.tiny_s or 0:.2f} s"),
            (self.peak < target.peak, f"at most {self.peak:.0f} at once"),
            (self.lost > 0, f"{self.lost} lost"),
        ]
        return [word for is_missed, word in words if is_missed]


def rows(conditions: Iterable[Condition], measurements: list[dict[str, Any]]) -> list[Row]:
    """One for each condition and client that was measured."""
    made = []
    for condition in conditions:
        for peer in CLIENTS:
            runs = [
                each for each in measurements
                if (each["condition"], each["peer"]) == (condition.name, peer) and "error" not in each
            ]
            if runs:
                made.append(_row(condition, peer, runs))
    return made


def _row(condition: Condition, peer: str, runs: list[dict[str, Any]]) -> Row:
    asked = condition.requests + condition.tiny
    worst = min(runs, key=lambda run: run["answered"])
    outage_s = sum(server.get("length", 0.0) for server in condition.servers if server["kind"] == "outage")
    tiny = [run["tiny_s"] for run in runs if run["tiny_s"] is not None]
    return Row(
        condition, peer,
        seconds=median(run["wall_s"] for run in runs) if worst["answered"] == asked else worst["wall_s"],
        answered_pct=100 * worst["answered"] / asked,
        refused_pct=100 * median(run["refused_late"] for run in runs) / asked,
        lost=max(run["lost"] for run in runs),
        probes_per_s=max(0.0, median(run["probes"] for run in runs) - condition.most) / outage_s if outage_s else 0.0,
        tiny_s=median(tiny) if tiny else None,
        peak=median(run["peak"] for run in runs),
        failure=worst["failure"],
    )


def _over(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value > limit + 1e-9


def text(table: list[Row]) -> str:
    """A block for each condition, a line for each client; then how many targets each has met."""
    lines = []
    for condition in dict.fromkeys(row.condition for row in table):
        wanted = f"ideal {condition.ideal_s:.1f} s, targets: {_targets(condition.target)}"
        about = f"{condition.title}; {condition.requests:,} requests, {condition.most} at once"
        lines.append(f"\n{condition.name}: {about}; {wanted}")
        for row in table:
            if row.condition is condition:
                verdict = f"missed: {', '.join(row.missed)}" if row.missed else "met"
                lines.append(
                    f"  {CLIENTS[row.peer]:14}{row.answered_pct:>8.1f} %{row.seconds:>8.2f} s"
                    f"{row.refused_pct:>8.1f} % refused{row.lost:>7,} lost   {verdict}"
                )
    lines.append("")
    for peer, name in CLIENTS.items():
        of_peer = [row for row in table if row.peer == peer]
        if of_peer:
            lines.append(f"{name}: targets met under {_met(of_peer)} of {len(of_peer)} conditions")
    return "\n".join(lines)


def _targets(target: Target) -> str:
    words = [
        (True, f"{target.seconds:.1f} s"),
        (target.refused_pct is not None, f"{target.refused_pct or 0:.3g} % refused"),
        (target.probes_per_s is not None, f"{target.probes_per_s or 0:.0f} probes/s"),
        (target.share is not None, f"{100 * (target.share or 0):.0f} % of the throughput"),
        (target.tiny_s is not None, f"tiny call {target.tiny_s or 0:.2f} s"),
    ]
    return ", ".join(word for is_target, word in words if is_target)


def markdown(table: list[Row]) -> str:
    """A line for each kind of server and client."""
    titles = ("servers", "client", "got every answer", "time / ideal, median (worst)", "refused", "lost", "targets met")
    lines = [titles, ("---", "---", *["---:"] * 5)]
    for group in dict.fromkeys(row.condition.group for row in table):
        first = group
        for peer, name in CLIENTS.items():
            of_peer = [row for row in table if (row.condition.group, row.peer) == (group, peer)]
            if of_peer:
                lines.append((first, name, *_cells(of_peer)))
                first = ""
    return markdown_table(lines)


def summary(table: list[Row]) -> str:
    """A line for each kind of server: ours / the reference client."""
    titles = ("servers", "got every answer", "time", "refused, %", "lost", "targets met")
    lines = [titles, ("---", *["---:"] * 5)]
    pair = list(CLIENTS)[:2]
    for group in dict.fromkeys(row.condition.group for row in table):
        of_group = [[row for row in table if (row.condition.group, row.peer) == (group, peer)] for peer in pair]
        if all(of_group):
            ours, theirs = map(_cells, of_group)
            lines.append((group, *map(_pair, ours, theirs)))
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def _pair(mine: str, other: str) -> str:
    """Two cells as one, without the worst values and units: "3 / 2 of 3"."""
    (first, _, count), (second, _, _) = (
        cell.partition(" (")[0].removesuffix(" %").replace("*", "").partition(" of ") for cell in (mine, other)
    )
    return f"{first} / {second}" + (f" of {count}" if count else "")


def _cells(of_peer: list[Row]) -> tuple[str, ...]:
    whole = [row for row in of_peer if row.answered_pct == 100]
    times = [row.seconds / row.condition.ideal_s for row in whole]
    return (
        f"{len(whole)} of {len(of_peer)}",
        f"{median(times):.2f} ({max(times):.2f})" if times else "-",
        f"{median(row.refused_pct for row in of_peer):.1f} %",
        f"{sum(row.lost for row in of_peer):,}".replace(",", " "),
        f"**{_met(of_peer)}** of {len(of_peer)}",
    )


def _met(table: list[Row]) -> int:
    return sum(not row.missed for row in table)
