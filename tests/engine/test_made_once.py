"""Engines and operations own native memory that loops use: none can be made a second time in place."""

from __future__ import annotations

from typing import Any

import pytest

from baseten_perf import PerformanceClient, engine, shared_engines
from baseten_perf.testing import Server


@pytest.mark.parametrize(
    ("user", "name"), [(shared_engines, "Engine"), (engine, "OperationHandle")], ids=["Engine", "Operation"]
)
def test_made_once(server: Server, monkeypatch: pytest.MonkeyPatch, user: Any, name: str) -> None:
    kind = getattr(user, name)
    made: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []

    def make(*values: Any, **named: Any) -> Any:
        made.append((kind(*values, **named), values, named))
        return made[-1][0]

    monkeypatch.setattr(user, name, make)
    client = PerformanceClient(server.url, "k")
    assert client.batch_post("/x", [1]).data == [1]
    for one, values, named in made:
        with pytest.raises(RuntimeError, match="is made once"):
            one.__init__(*values, **named)
    assert made and client.batch_post("/x", [2]).data == [2]
