"""Connection: what a client is made of (URL, key, pool, endpoints), and how it makes a call of an operation."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, ref

from .. import operations
from ..closing import Closable
from ..connection_pool import CONNECT_TIMEOUT_S, HttpClientWrapper
from ..endpoints import EndpointPool, EndpointStatistics
from ..engine import EndpointState, EndpointTally, PaceState, RequestPlan, Route
from ..execution.call import Call
from ..execution.stream_call import StreamCall
from ..execution.token_account import TokenAccount
from ..http.certificates import Cert, Verify
from ..http.headers import header_lines, merged, request_id_prefix
from ..http.urls import request_url, shown_url
from ..limits import Limits
from ..operations.operation import WITH_BODY, Head
from ..operations.token_count import TokenCounter
from ..paces import pace_of
from ..policy import Policy, RequestProcessingPreference
from ..validation import boolean, instance, string
from .lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine import EventMailbox
    from ..execution.progress import Progress

KEY_VARIABLES = ("BASETEN_API_KEY", "OPENAI_API_KEY")
# Callers may give each call a path or a time-out of its own.
MOST_PLANS = 64

# The clients that there are, by their ids, for who measures them all.
CLIENTS: WeakValueDictionary[int, Connection] = WeakValueDictionary()

# What calls of one kind have in common: path, method, media types, model, final statuses, id of the policy.
Kind = tuple[str, str, str, "str | None", frozenset[int], int]
# The policy that it was made for, at whose end it is forgotten; the plan; base URL and pace of each of its routes.
Planned = tuple["ref[Policy]", RequestPlan, list[str], list[PaceState]]


class Connection(Closable):
    """The part of PerformanceClient that all its methods need, and how it is closed."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        http_version: int = 1,
        client_wrapper: HttpClientWrapper | None = None,
        proxy: str | None = None,
        endpoint_pool: EndpointPool | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        uds: str | os.PathLike[str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        prefer_base64: bool = False,
        preference: RequestProcessingPreference | None = None,
        max_requests_per_minute: float | None = None,
        max_tokens_per_minute: float | None = None,
        count_tokens: Callable[[str], int] | None = None,
        share: int = 1,
    ) -> None:
        self._base_url = string("base_url", base_url)
        self._api_key = _found_api_key() if api_key is None else string("api_key", api_key)
        if client_wrapper is None:
            pool = HttpClientWrapper.of_process(
                http_version=http_version,
                proxy=proxy,
                verify=verify,
                cert=cert,
                uds=uds,
                connect_timeout_s=connect_timeout_s,
            )
        else:
            pool = instance("client_wrapper", client_wrapper, HttpClientWrapper)
            if (verify, cert, uds, connect_timeout_s) != (True, None, None, CONNECT_TIMEOUT_S):
                raise ValueError("verify, cert, uds and connect_timeout_s belong to the client_wrapper that is given")
        self._endpoint_pool = None
        if endpoint_pool is not None:
            self._endpoint_pool = instance("endpoint_pool", endpoint_pool, EndpointPool)
        self._prefer_base64 = boolean("prefer_base64", prefer_base64)
        self._preference = None
        if preference is not None:
            self._preference = instance("preference", preference, RequestProcessingPreference)
        self._limits = Limits(max_requests_per_minute, max_tokens_per_minute, share)
        self._token_counter = TokenCounter(count_tokens)
        self._prepare(pool)

    def _prepare(self, pool: HttpClientWrapper) -> None:
        """Set up what neither copies nor pickles take along."""
        self._lease = Lease(pool)
        self._state = EndpointState()
        endpoints = 1 if self._endpoint_pool is None else len(self._endpoint_pool.endpoints)
        self._tallies = [EndpointTally() for _ in range(endpoints)]
        self._request_id_prefix = request_id_prefix(os.environ)
        pool_limits = () if self._endpoint_pool is None else self._endpoint_pool.limits()
        self._route_limits = [limits.state for limits in pool_limits]
        self._account: TokenAccount | None = None
        if any(limits.max_tokens_per_minute for limits in (self._limits, *pool_limits)):
            self._account = TokenAccount(self._token_counter, self._limits.state, self._route_limits)
        # Without limits of tokens per minute there is only to learn how many tokens a text has, unless that is known.
        self._learning = self._account
        if self._learning is None and self._token_counter.count_tokens is None:
            self._learning = TokenAccount(self._token_counter, None, ())
        self._learned = operations.Learned(self._token_counter, set() if self._prefer_base64 else None)
        CLIENTS[id(self)] = self

    @property
    def base_url(self) -> str:
        """The URL that was given, unchanged: if it holds a password, so does this; a repr of the client does not."""
        return self._base_url

    @property
    def api_key(self) -> str:
        """The key that requests are sent with."""
        return self._api_key

    def get_client_wrapper(self) -> HttpClientWrapper:
        """The connection pool, for other clients to share. Raises RuntimeError once the client is closed."""
        return self._lease.pool

    def statistics(self) -> list[EndpointStatistics]:
        """What this client has counted of its endpoint, or of each endpoint of its pool in order, since it was made.

        A copy counts for itself, and so does a forked child, from zero. The counts of a closed client stay.
        """
        pairs = zip(self._endpoints(), self._tallies, strict=True)
        return [EndpointStatistics(base_url, **tally.totals()) for base_url, tally in pairs]

    def close(self) -> None:
        """Abort this client's calls and let go of its connection pool; may be called again, in any thread.

        Whoever waits for one of the calls, or awaits it, gets OperationCancelled with `partial`; later calls raise
        RuntimeError. A pool that other clients use goes on with theirs.
        """
        self._lease.close(type(self).__name__)

    @property
    def closed(self) -> bool:
        """Whether `close` has been called, here or of the `client_wrapper`."""
        return bool(self._lease.closed_by)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_lease", "_state", "_tallies", "_request_id_prefix", "_route_limits", "_account",
                     "_learning", "_learned"):  # fmt: skip
            del state[name]
        return {**state, "_pool": self._lease.pool}

    def __setstate__(self, state: dict[str, Any]) -> None:
        pool = state.pop("_pool")
        self.__dict__.update(state)
        self._prepare(pool)

    def __repr__(self) -> str:
        return f"PerformanceClient(base_url={shown_url(self._base_url)!r}{self._limits.shown()})"

    def _call(
        self,
        operation: operations.Operation,
        policy: Policy,
        mailbox: EventMailbox | None = None,
        token: int = 0,
        began: float | None = None,
        progress: Progress | None = None,
    ) -> Call:
        _, plan, endpoints, paces = self._plan_of(operation, policy)
        account = self._account if policy.max_tokens_per_request is None else self._learning
        plan_of = None
        if operation.heads is not None:
            plan_of = lru_cache(MOST_PLANS)(partial(self._plan, operation, policy, paces, self._lease.pool))
        return Call(
            self._lease, plan, endpoints, operation, policy,
            0 if self._endpoint_pool is None else self._sequence_number(operation, policy), mailbox, token, began,
            partial(self._call_instead, policy, mailbox, token) if operation.has_fallback else None,
            plan_of, account, progress,
        )  # fmt: skip

    def _call_instead(
        self,
        policy: Policy,
        mailbox: EventMailbox | None,
        token: int,
        operation: operations.Operation,
        began: float,
        progress: Progress | None,
    ) -> Call:
        """The call of an operation's fallback, which has begun already."""
        return self._call(operation, policy, mailbox, token, began, progress)

    def _stream_call(
        self,
        make: Callable[[list[Any], int], operations.Operation],
        probe: operations.Operation,
        present: Callable[[int, list[Any], Any], Any],
        ordered: bool,
        policy: Policy,
        total: int | None,
        mailbox: EventMailbox | None = None,
        token: int = 0,
    ) -> StreamCall[Any]:
        _, plan, endpoints, paces = self._plan_of(probe, policy)
        return StreamCall(
            self._lease, plan, endpoints, policy, probe, make, present, ordered, self._sequence_number(probe, policy),
            mailbox, token, lru_cache(MOST_PLANS)(partial(self._plan, probe, policy, paces, self._lease.pool)),
            self._account if policy.max_tokens_per_request is None else self._learning, total,
        )  # fmt: skip

    def _batch_size(self, policy: Policy) -> operations.BatchSize:
        """What a request of a call carries at most."""
        return operations.BatchSize.of(policy, self._token_counter)

    def _sequence_number(self, operation: operations.Operation, policy: Policy) -> int:
        if self._endpoint_pool is None:
            return 0
        return self._endpoint_pool.take_sequence_numbers(1 if policy.pin_initial_endpoint_once else len(operation))

    def _plan_of(self, operation: operations.Operation, policy: Policy) -> Planned:
        kind = (
            operation.path, operation.method, operation.media_types, operation.model, operation.final_statuses,
            id(policy),
        )  # fmt: skip
        lease = self._lease
        # A policy of one call alone, perhaps with a key or a token of its own, leaves nothing here.
        plans: dict[Kind, Planned] = lease.plans
        planned = plans.get(kind)
        if planned is None:
            if len(plans) >= MOST_PLANS:
                plans.clear()
            planned = plans[kind] = self._planned(operation, policy, kind, lease.pool)
        return planned

    def _planned(self, operation: operations.Operation, policy: Policy, kind: Kind, pool: HttpClientWrapper) -> Planned:
        key = self._key(policy)
        routes = self._routes(operation.path, pool)
        paces = [pace_of(route[0].decode(), operation.model, key, pool.uds) for route in routes]
        plan = self._plan(operation, policy, paces, pool, Head(operation.method, operation.path))
        return ref(policy, partial(_forget, ref(self._lease), kind)), plan, self._endpoints(), paces

    def _plan(
        self,
        operation: operations.Operation,
        policy: Policy,
        paces: list[PaceState],
        pool: HttpClientWrapper,
        head: Head,
    ) -> RequestPlan:
        """The plan of those requests of a call that begin with this head."""
        extra_headers = policy.extra_headers or {}
        has_body = head.method in WITH_BODY
        block = header_lines(
            self._key(policy),
            merged(extra_headers, dict(head.headers)) if head.headers else extra_headers,
            timeout_s=policy.timeout_s,
            has_body=has_body,
            media_types=operation.media_types,
            trace_context=policy.trace_context,
        )
        return RequestPlan(
            pool.engine,
            routes=self._routes(head.path, pool),
            paces=paces,
            tallies=self._tallies,
            limit=self._limits.state,
            route_limits=self._route_limits,
            method=head.method,
            bodyless=not has_body,
            lines=block.lines,
            request_id_prefix=self._request_id_prefix if block.request_id else None,
            deadline_header=block.deadline,
            connect_timeout_s=min(pool.connect_timeout_s, policy.timeout_s),
            final_statuses=policy.non_retryable_status_codes | operation.final_statuses,
            **policy.limits(),
        )

    def _endpoints(self) -> list[str]:
        """Base URL of each route, as it may be shown."""
        if self._endpoint_pool is not None:
            return [shown_url(endpoint.base_url) for endpoint in self._endpoint_pool.endpoints]
        return [shown_url(request_url(self._base_url, "/")).rstrip("/")]

    def _routes(self, path: str, pool: HttpClientWrapper) -> list[Route]:
        if self._endpoint_pool is not None:
            return self._endpoint_pool.routes(path, pool.proxy_for)
        url = request_url(self._base_url, path)
        return [(url.encode("ascii"), pool.proxy_for(url).encode(), self._state, 1.0)]

    def _key(self, policy: Policy) -> str:
        override = policy.primary_api_key_override
        return self._api_key if override is None else override


def _forget(lease: ref[Lease], kind: Kind, policy: ref[Policy]) -> None:
    # By way of a reference, since whoever referred to the plans from within would keep them alive.
    alive = lease()
    if alive is not None:
        alive.plans.pop(kind, None)


def _found_api_key() -> str:
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable)
        if key is not None:
            return key
    raise ValueError("API key not provided and no environment variable `BASETEN_API_KEY` found")
