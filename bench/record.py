"""The file of results: facts and raw measurements, saved after each one, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
# What may differ between the two parts of a run that was interrupted.
_MAY_DIFFER = ("taken_at", "runs", "machine", "skipped")


class Record:
    """Facts and measurements of one program, in memory and in a JSON file with one measurement a line.

    A measurement is known by its identity: the fields that say what was measured (run, peer, workload ...).
    """

    def __init__(self, path: Path, facts: dict[str, Any], *, resume: bool) -> None:
        self.path = path
        self.facts = facts
        self.measurements: list[dict[str, Any]] = []
        self.extra: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if resume and path.exists():
            before = json.loads(path.read_text())
            _require_same(path, before["facts"], facts)
            self.facts = {**facts, "taken_at": before["facts"]["taken_at"]}
            self.measurements = [each for each in before["measurements"] if "error" not in each]

    def has(self, **identity: Any) -> bool:
        """Whether this was measured already, without an error."""
        return any(all(each.get(name) == value for name, value in identity.items()) for each in self.measurements)

    def add(self, measurement: dict[str, Any]) -> None:
        """Keeps a measurement, identity included, and saves the file."""
        self.measurements.append(measurement)
        self.save()

    def save(self, **extra: Any) -> None:
        """Writes the file anew, with more top-level fields if given; a reader never sees half of it."""
        self.extra.update(extra)
        rows = ",\n".join(json.dumps(each) for each in self.measurements)
        more = "".join(f'"{name}": {json.dumps(value)},\n' for name, value in self.extra.items())
        temporary = self.path.with_suffix(".part")
        facts = json.dumps(self.facts, indent=1)
        temporary.write_text(f'{{"facts": {facts},\n{more}"measurements": [\n{rows}\n]}}\n')
        os.replace(temporary, self.path)

    @property
    def failed(self) -> bool:
        """Whether a measurement ended with an error."""
        return any("error" in each for each in self.measurements)


def load(path: Path) -> dict[str, Any]:
    """The file's content: "facts" and "measurements", those with errors left out."""
    content: dict[str, Any] = json.loads(path.read_text())
    content["measurements"] = [each for each in content["measurements"] if "error" not in each]
    return content


def _require_same(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in now:
        if name not in _MAY_DIFFER and before.get(name) != now[name]:
            raise SystemExit(f"{path} cannot be resumed: {name} was {before.get(name)!r} and is {now[name]!r}")
