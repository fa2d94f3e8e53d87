"""Endpoint and EndpointPool take and refuse what the reference client does; wrong types in Python's words."""

from __future__ import annotations

from typing import Any

import pytest

import baseten_perf.endpoints
from baseten_perf import HttpClientWrapper

NOWHERE = "http://127.0.0.1:9"
DEFAULT: dict[str, Any] = {"base_url": NOWHERE, "api_key": "k"}


Outcome = tuple[type[Exception], str]


def is_alike(ours: Outcome | str | None, theirs: Outcome | str | None) -> bool:
    """The same class and words; of wrong types the class, and words that name the argument."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and ours[0] is theirs[0] is TypeError:
        name, _, told = ours[1].partition(" must be ")
        return f"argument '{name}'" in theirs[1] and ", not " in told
    return ours == theirs


def outcome(module: Any, wrapper: Any, arguments: dict[str, Any]) -> Outcome | str:
    try:
        return repr(module.Endpoint(**{**DEFAULT, "client_wrapper": wrapper, **arguments}))
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"base_url": "  "},
        {"base_url": f" {NOWHERE}/a/ "},
        {"base_url": 1},
        {"api_key": " "},
        {"api_key": b"k"},
        {"client_wrapper": None},
        {"client_wrapper": 3},
        {"deep_health_url": "/deep"},
        {"deep_health_url": ""},
        {"deep_health_url": "http://"},
        {"deep_health_url": NOWHERE + "/deep?a=b"},
        {"deployment_health_path": " "},
        {"deployment_health_path": "live"},
        {"deployment_health_path": "http://a/b"},
        {"health_check_interval_s": 0.1},
        {"health_check_interval_s": 0.09},
        {"health_check_interval_s": True},
        {"health_check_interval_s": "1"},
        {"health_check_timeout_s": 0},
        {"health_check_timeout_s": 1e9},
        {"health_check_retries": True},
        {"health_check_retries": 1.0},
        {"health_check_retries": (1 << 32) - 1},
        {"health_fail_on_first": 1},
        {"deployment_timeout_is_no_vote": None},
        {"deep_timeout_is_no_vote": "no"},
        {"base_url": "", "api_key": ""},
        {"api_key": "", "health_check_timeout_s": 0},
        {"health_check_timeout_s": 0, "health_check_interval_s": 0},
        {"health_check_interval_s": 0, "deployment_health_path": ""},
        {"deployment_health_path": "", "deep_health_url": "relative"},
    ],
)
def test_endpoint(peer: Any, arguments: dict[str, Any]) -> None:
    ours = outcome(baseten_perf.endpoints, HttpClientWrapper(), arguments)
    assert is_alike(ours, outcome(peer, peer.HttpClientWrapper(), arguments))


@pytest.mark.parametrize("retries", [-1, 1 << 32, 1 << 64])
def test_retries_out_of_range(peer: Any, retries: int) -> None:
    """The class is the peer's; the message names the argument."""
    ours = outcome(baseten_perf.endpoints, HttpClientWrapper(), {"health_check_retries": retries})
    theirs = outcome(peer, peer.HttpClientWrapper(), {"health_check_retries": retries})
    assert ours[0] is theirs[0] is OverflowError
    assert "health_check_retries" in ours[1]


@pytest.mark.parametrize(
    ("paths", "weights"),
    [
        ([""], None),
        (["/a", "/b"], None),
        (["/a", "/b"], [0.8, 0.2]),
        (["/a", "/b"], (1, 0)),
        (["/a", "/b"], [True, 2]),
        (["/a", "/b"], [1]),
        (["/a", "/b"], []),
        (["/a", "/b"], [0, 0]),
        (["/a", "/b"], [1, -1]),
        (["/a", "/b"], [1, float("nan")]),
        (["/a", "/b"], [float("inf"), 1]),
        (["/a", "/b"], ["1", 1]),
        (["/a", "/b"], [-1]),
        (["/a", "/a"], None),
        (["/a", "/a/"], [1]),
        (["/a", "/a"], [0, 0]),
        ([], None),
        ([], [1]),
    ],
)
def test_pool(peer: Any, paths: list[str], weights: Any) -> None:
    outcomes: list[Outcome | None] = []
    for module, wrapper in ((baseten_perf.endpoints, HttpClientWrapper()), (peer, peer.HttpClientWrapper())):
        endpoints = [module.Endpoint(NOWHERE + path, "k", wrapper) for path in paths]
        try:
            module.EndpointPool(endpoints, weights)
            outcomes.append(None)
        except Exception as error:
            outcomes.append((type(error), str(error)))
    assert is_alike(outcomes[0], outcomes[1])


@pytest.mark.parametrize("endpoints", [None, 3, {1}, "ab", [1], (None,)])
def test_endpoints_of_wrong_types(peer: Any, endpoints: Any) -> None:
    told: list[Outcome] = []
    for module in (baseten_perf.endpoints, peer):
        with pytest.raises(TypeError) as caught:
            module.EndpointPool(endpoints)
        told.append((caught.type, str(caught.value)))
    assert is_alike(told[0], told[1])
