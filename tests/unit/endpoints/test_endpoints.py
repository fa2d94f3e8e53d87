"""Endpoint and EndpointPool: arguments, messages, repr, identity, pickling, the routes for the engine."""

from __future__ import annotations

import copy
import math
import pickle
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint, EndpointHealth, EndpointPool

NOWHERE = "http://127.0.0.1:9"
ENDPOINT = "Invalid endpoint configuration: Invalid parameter: "
POOL = "Invalid endpoint pool configuration: Invalid parameter: endpoint pool "
EMPTY_CHECK = ENDPOINT + "endpoint_health check path_or_url cannot be empty"
INVALID_URL = ENDPOINT + "absolute endpoint_health check URLs must be valid"


@pytest.fixture(scope="module")
def wrapper() -> HttpClientWrapper:
    return HttpClientWrapper()


@pytest.fixture
def make(wrapper: HttpClientWrapper) -> Callable[..., Endpoint]:
    """Make an endpoint where nobody listens."""

    def endpoint(base_url: Any = NOWHERE, api_key: Any = "sk-secret", **options: Any) -> Endpoint:
        return Endpoint(base_url, api_key, options.pop("client_wrapper", wrapper), **options)

    return endpoint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_url": ""}, ENDPOINT + "endpoint base_url cannot be empty"),
        ({"base_url": " \t"}, ENDPOINT + "endpoint base_url cannot be empty"),
        ({"api_key": ""}, ENDPOINT + "endpoint health_api_key cannot be empty"),
        ({"api_key": "  "}, ENDPOINT + "endpoint health_api_key cannot be empty"),
        ({"health_check_interval_s": 0}, ENDPOINT + "health_check_interval must be at least 100ms"),
        ({"health_check_interval_s": 0.0999}, ENDPOINT + "health_check_interval must be at least 100ms"),
        ({"health_check_interval_s": -1}, ENDPOINT + "health_check_interval must be at least 100ms"),
        ({"health_check_timeout_s": 0.05}, ENDPOINT + "health_check_timeout must be at least 100ms"),
        ({"health_check_timeout_s": -0.5}, ENDPOINT + "health_check_timeout must be at least 100ms"),
        ({"deployment_health_path": ""}, EMPTY_CHECK),
        ({"deployment_health_path": "  "}, EMPTY_CHECK),
        ({"deep_health_url": ""}, EMPTY_CHECK),
        ({"deep_health_url": " "}, EMPTY_CHECK),
        ({"deep_health_url": "/health"}, INVALID_URL),
        ({"deep_health_url": "relative"}, INVALID_URL),
        ({"deep_health_url": "http://"}, INVALID_URL),
        ({"deep_health_url": "http://a b/"}, INVALID_URL),
        ({"deep_health_url": "ftp://a/b"}, INVALID_URL),
    ],
)
def test_values_that_are_refused(make: Callable[..., Endpoint], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["health_check_interval_s", "health_check_timeout_s"])
@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan])
def test_seconds_that_are_not_finite(make: Callable[..., Endpoint], name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match="must be a finite number of seconds"):
        make(**{name: seconds})


@pytest.mark.parametrize("base_url", ["nowhere", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"])
def test_base_urls_that_cannot_be_sent_to(make: Callable[..., Endpoint], base_url: str) -> None:
    with pytest.raises(ValueError, match="Invalid base_url"):
        make(base_url)


def test_a_key_that_cannot_be_sent_is_not_repeated(make: Callable[..., Endpoint]) -> None:
    with pytest.raises(ValueError, match="API key holds a line break") as caught:
        make(api_key="sk-\nsecret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"base_url": None}, TypeError, "base_url must be a str, not NoneType"),
        ({"api_key": 1}, TypeError, "api_key must be a str, not int"),
        (
            {"client_wrapper": None},
            TypeError,
            "client_wrapper must be an instance of HttpClientWrapper, not NoneType",
        ),
        (
            {"health_check_interval_s": "1"},
            TypeError,
            "health_check_interval_s must be a number, not str",
        ),
        (
            {"health_check_retries": 1.5},
            TypeError,
            "health_check_retries must be an int, not float",
        ),
        ({"health_check_retries": -1}, OverflowError, None),
        ({"health_check_retries": 1 << 32}, OverflowError, None),
        (
            {"health_fail_on_first": None},
            TypeError,
            "health_fail_on_first must be a bool, not NoneType",
        ),
        (
            {"deployment_timeout_is_no_vote": 1},
            TypeError,
            "deployment_timeout_is_no_vote must be a bool, not int",
        ),
        (
            {"deep_timeout_is_no_vote": "x"},
            TypeError,
            "deep_timeout_is_no_vote must be a bool, not str",
        ),
    ],
)
def test_types_that_are_refused(
    make: Callable[..., Endpoint], arguments: dict[str, Any], error: type[Exception], message: str | None
) -> None:
    with pytest.raises(error) as caught:
        make(**arguments)
    assert message is None or str(caught.value) == message


def test_the_order_of_checks(make: Callable[..., Endpoint]) -> None:
    """Of several faults the same one is told as by the peer."""
    faults: dict[str, Any] = {
        "base_url": "",
        "api_key": "",
        "health_check_timeout_s": 0,
        "health_check_interval_s": 0,
        "deployment_health_path": "",
        "deep_health_url": "relative",
    }
    told = []
    for name in list(faults):
        with pytest.raises(ValueError) as caught:
            make(**faults)
        told.append(str(caught.value).removeprefix(ENDPOINT))
        del faults[name]
    assert told == [
        "endpoint base_url cannot be empty",
        "endpoint health_api_key cannot be empty",
        "health_check_timeout must be at least 100ms",
        "health_check_interval must be at least 100ms",
        "endpoint_health check path_or_url cannot be empty",
        "absolute endpoint_health check URLs must be valid",
    ]


def test_all_arguments_by_position(wrapper: HttpClientWrapper) -> None:
    given = (NOWHERE, "k", wrapper, NOWHERE + "/deep", "live", 1, True, 0, True, False, None)
    assert repr(Endpoint(*given)) == f'Endpoint(base_url="{NOWHERE}")'


def test_the_wrapper_is_required() -> None:
    with pytest.raises(TypeError, match="client_wrapper"):
        Endpoint(NOWHERE, "k")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://127.0.0.1:9/a/", "http://127.0.0.1:9/a"),
        (" http://127.0.0.1:9// ", "http://127.0.0.1:9"),
        ("http://user:secret@127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://user:secret@127.0.0.1:9/a/b/", "http://127.0.0.1:9/a/b"),
    ],
)
def test_base_url_and_repr(make: Callable[..., Endpoint], given: str, shown: str) -> None:
    endpoint = make(given)
    assert endpoint.base_url == endpoint.health.base_url == shown
    assert repr(endpoint) == f'Endpoint(base_url="{shown}")'
    assert eval(repr(endpoint), {"Endpoint": lambda base_url: base_url}) == shown


def test_repr_of_odd_urls(make: Callable[..., Endpoint]) -> None:
    for odd in ("""/it's""", '/a"b', """/it's a"b\\c"""):
        assert eval(repr(make(NOWHERE + odd)), {"Endpoint": lambda base_url: base_url}) == NOWHERE + odd


def test_health_at_first(make: Callable[..., Endpoint]) -> None:
    health = make().health
    assert isinstance(health, EndpointHealth)
    assert health.base_url == NOWHERE
    with pytest.raises(AttributeError):
        health.healthy = False  # type: ignore[misc]
    assert EndpointHealth(NOWHERE) == EndpointHealth(NOWHERE, True, None, None, 0, "")


def test_identity(make: Callable[..., Endpoint]) -> None:
    one, other = make(), make()
    assert one == one and one != other
    assert len({one, other}) == 2


def test_pickle_and_copy(make: Callable[..., Endpoint]) -> None:
    endpoint = make(NOWHERE + "/a", deep_health_url=NOWHERE + "/deep?x=1", health_check_interval_s=5)
    for copied in (pickle.loads(pickle.dumps(endpoint)), copy.copy(endpoint), copy.deepcopy(endpoint)):
        assert type(copied) is Endpoint and copied is not endpoint
        assert copied.base_url == endpoint.base_url
        again, configuration = endpoint.__reduce__(), copied.__reduce__()
        assert [*again[1][:2], *again[1][3:]] == [*configuration[1][:2], *configuration[1][3:]]
    assert b"sk-secret" in pickle.dumps(endpoint)


def test_pickle_of_a_pool(make: Callable[..., Endpoint]) -> None:
    pool = EndpointPool([make(NOWHERE + "/a"), make(NOWHERE + "/b")], (1, 3))
    loaded = pickle.loads(pickle.dumps(pool))
    assert repr(loaded) == repr(pool)
    assert loaded.take_sequence_numbers(1) == 0


def test_subclass(make: Callable[..., Endpoint], wrapper: HttpClientWrapper) -> None:
    class Named(Endpoint):
        pass

    named = Named(NOWHERE, "k", wrapper)
    assert repr(named).startswith("Named(")
    assert EndpointPool([named]).endpoints == (named,)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "weights length must match endpoints length"),
        ([], "weights length must match endpoints length"),
        ([-1], "weights length must match endpoints length"),
        ([0, 0], "weights cannot all be zero"),
        ([1, -1], "weights must be finite and non-negative"),
        ([-1, 0], "weights must be finite and non-negative"),
        ([1, math.nan], "weights must be finite and non-negative"),
        ([math.nan, 0], "weights must be finite and non-negative"),
        ([1, math.inf], "weights must be finite and non-negative"),
    ],
)
def test_weights_that_are_refused(make: Callable[..., Endpoint], weights: list[float], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        EndpointPool([make(), make(NOWHERE + "/b")], weights)
    assert str(caught.value) == POOL + message


def test_endpoints_must_be_there() -> None:
    with pytest.raises(ValueError) as caught:
        EndpointPool([])
    assert str(caught.value) == "endpoints must not be empty"


def test_endpoints_must_be_unique(make: Callable[..., Endpoint]) -> None:
    one = make()
    for other in (one, make(), make(NOWHERE + "/"), make("http://user@127.0.0.1:9")):
        with pytest.raises(ValueError) as caught:
            EndpointPool([one, other], [1])
        assert str(caught.value) == POOL + "endpoints must be unique"


def test_types_of_a_pool(make: Callable[..., Endpoint]) -> None:
    one, other = make(), make(NOWHERE + "/b")
    for wrong in (None, 1, {one}, iter([one])):
        with pytest.raises(TypeError, match="endpoints must be a sequence, not "):
            EndpointPool(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="endpoints must be a sequence, not str"):
        EndpointPool("ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="endpoints must be an instance of Endpoint, not int"):
        EndpointPool([1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="endpoint_weights must be a number, not str"):
        EndpointPool([one, other], ["1", 1])  # type: ignore[list-item]
    EndpointPool((one, other), (True, 2))
    EndpointPool(deque([one]))


def test_repr_of_a_pool(make: Callable[..., Endpoint]) -> None:
    one, other = make(NOWHERE + "/a"), make(NOWHERE + "/b")
    listed = f'[Endpoint(base_url="{NOWHERE}/a"), Endpoint(base_url="{NOWHERE}/b")]'
    assert repr(EndpointPool([one, other])) == f"EndpointPool(endpoints={listed})"
    shown = f"EndpointPool(endpoints={listed}, endpoint_weights=[0.8, 0.2])"
    assert repr(EndpointPool([one, other], [0.8, 0.2])) == shown


def test_routes(make: Callable[..., Endpoint]) -> None:
    one, other = make(NOWHERE + "/a"), make("http://127.0.0.1:8/b?x=1")
    pool = EndpointPool([one, other], [3, 0])
    routes = pool.routes("v1/embeddings", lambda url: "")
    assert [route[:2] for route in routes] == [
        (b"http://127.0.0.1:9/a/v1/embeddings", b""),
        (b"http://127.0.0.1:8/b/v1/embeddings?x=1", b""),
    ]
    assert [route[3] for route in routes] == [3.0, 0.0]
    one._state.healthy = False
    assert [route[2].healthy for route in routes] == [False, True]


def test_proxies_of_routes(make: Callable[..., Endpoint]) -> None:
    """The client's proxy, unless the endpoint's pool was given one."""
    own = make(NOWHERE + "/own", client_wrapper=HttpClientWrapper(proxy="http://127.0.0.1:7"))
    pool = EndpointPool([make(NOWHERE + "/a"), own])
    asked: list[str] = []

    def proxy_for(url: str) -> str:
        asked.append(url)
        return "http://127.0.0.1:6"

    proxies = [route[1] for route in pool.routes("/x", proxy_for)]
    assert proxies == [b"http://127.0.0.1:6", b"http://127.0.0.1:7"]
    assert asked == [NOWHERE + "/a/x"]


def test_weights_too_large_to_add_up(make: Callable[..., Endpoint]) -> None:
    pool = EndpointPool([make(), make(NOWHERE + "/b")], [1e308, 1.5e308])
    shares = [route[3] for route in pool.routes("/x", lambda url: "")]
    assert math.isfinite(sum(shares)) and shares[0] / shares[1] == pytest.approx(2 / 3)


def test_sequence_numbers(make: Callable[..., Endpoint]) -> None:
    pool = EndpointPool([make()])
    assert [pool.take_sequence_numbers(count) for count in (1, 5, 2, 1)] == [0, 1, 6, 8]
    pool.take_sequence_numbers((1 << 64) - 10)
    assert pool.take_sequence_numbers(1) == (1 << 64) - 1
    assert pool.take_sequence_numbers(1) == 0
