"""Caller: makes the calls of a client's operations; it has what neither copies nor pickles of the client take along."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..engine import EndpointState, EndpointTally, PaceState, RequestPlan, Route
from ..execution.call import Call
from ..execution.token_account import TokenAccount
from ..http.headers import header_lines, merged, request_id_prefix
from ..http.urls import request_url, shown_url
from ..late import load
from ..operations.operation import WITH_BODY, Head, Operation
from ..paces import pace_of
from .lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..connection_pool import HttpClientWrapper
    from ..endpoints import EndpointPool
    from ..engine import EventMailbox
    from ..execution.progress import Progress
    from ..execution.stream_call import StreamCall
    from ..limits import Limits
    from ..operations.token_count import TokenCounter
    from ..policy import Policy

# Callers may give each call a path or a time-out of its own.
MOST_PLANS = 64

# What calls of one kind have in common: path, method, media types, model, final statuses, id of the policy.
Kind = tuple[str, str, str, "str | None", frozenset[int], int]
# The policy that it was made for, at whose end it is forgotten; the plan; base URL and pace of each of its routes.
Planned = tuple["ref[Policy]", RequestPlan, list[str], list[PaceState]]


class Caller:
    """Of one client, for all of its threads and event loops.

    Parameters:
        pool: that carries the calls.
        base_url, api_key: where they go, and with which key.
        endpoint_pool: where they go instead, or None.
        limits: of all calls together.
        counter: counts their tokens.

    Attributes:
        lease: what the client has of the pool, until one of the two is closed.
        tallies: what has become of the requests, for each endpoint.
    """

    __slots__ = (
        "_account", "_api_key", "_base_url", "_endpoint_pool", "_learning", "_limits", "_request_id_prefix",
        "_route_limits", "_state", "lease", "tallies",
    )  # fmt: skip

    def __init__(
        self,
        pool: HttpClientWrapper,
        base_url: str,
        api_key: str,
        endpoint_pool: EndpointPool | None,
        limits: Limits,
        counter: TokenCounter,
    ) -> None:
        self.lease = Lease(pool)
        self._base_url = base_url
        self._api_key = api_key
        self._endpoint_pool = endpoint_pool
        self._limits = limits
        self._state = EndpointState()
        endpoints = 1 if endpoint_pool is None else len(endpoint_pool.endpoints)
        self.tallies = [EndpointTally() for _ in range(endpoints)]
        self._request_id_prefix = request_id_prefix(os.environ)
        pool_limits = () if endpoint_pool is None else endpoint_pool.limits()
        self._route_limits = [each.state for each in pool_limits]
        self._account: TokenAccount | None = None
        if any(each.max_tokens_per_minute for each in (limits, *pool_limits)):
            self._account = TokenAccount(counter, limits.state, self._route_limits)
        # Without limits of tokens per minute there is only to learn how many tokens a text has, unless that is known.
        self._learning = self._account
        if self._learning is None and counter.count_tokens is None:
            self._learning = TokenAccount(counter, None, ())

    def call(
        self,
        operation: Operation,
        policy: Policy,
        mailbox: EventMailbox | None = None,
        token: int = 0,
        began: float | None = None,
        progress: Progress | None = None,
    ) -> Call:
        """A call of this operation, which has not begun. Raises ValueError, or RuntimeError when all is closed."""
        _, plan, endpoints, paces = self._plan_of(operation, policy)
        plan_of = None
        if operation.heads is not None:
            plan_of = self._plans(operation, policy, paces)
        return Call(
            self.lease, plan, endpoints, operation, policy,
            self._sequence_number(operation, policy), mailbox, token, began,
            partial(self._call_instead, policy, mailbox, token) if operation.has_fallback else None,
            plan_of, self._account_of(policy), progress,
        )  # fmt: skip

    def _call_instead(
        self,
        policy: Policy,
        mailbox: EventMailbox | None,
        token: int,
        operation: Operation,
        began: float,
        progress: Progress | None,
    ) -> Call:
        """The call of an operation's fallback, which has begun already."""
        return self.call(operation, policy, mailbox, token, began, progress)

    def stream(
        self,
        make: Callable[[list[Any], int], Operation],
        probe: Operation,
        present: Callable[[int, list[Any], Any], Any],
        ordered: bool,
        policy: Policy,
        total: int | None,
        mailbox: EventMailbox | None = None,
        token: int = 0,
    ) -> StreamCall[Any]:
        """A call of many operations like `probe`; for the parameters see StreamCall."""
        _, plan, endpoints, paces = self._plan_of(probe, policy)
        kind: type[StreamCall[Any]] = load("baseten_perf.execution.stream_call").StreamCall
        return kind(
            self.lease, plan, endpoints, policy, probe, make, present, ordered, self._sequence_number(probe, policy),
            mailbox, token, self._plans(probe, policy, paces), self._account_of(policy), total,
        )  # fmt: skip

    def endpoints(self) -> list[str]:
        """Base URL of each route, as it may be shown."""
        if self._endpoint_pool is not None:
            return [shown_url(endpoint.base_url) for endpoint in self._endpoint_pool.endpoints]
        return [shown_url(request_url(self._base_url, "/")).rstrip("/")]

    def _account_of(self, policy: Policy) -> TokenAccount | None:
        return self._account if policy.max_tokens_per_request is None else self._learning

    def _sequence_number(self, operation: Operation, policy: Policy) -> int:
        if self._endpoint_pool is None:
            return 0
        return self._endpoint_pool.take_sequence_numbers(1 if policy.pin_initial_endpoint_once else len(operation))

    def _plan_of(self, operation: Operation, policy: Policy) -> Planned:
        kind = (
            operation.path, operation.method, operation.media_types, operation.model, operation.final_statuses,
            id(policy),
        )  # fmt: skip
        # A policy of one call alone, perhaps with a key or a token of its own, leaves nothing here.
        plans: dict[Kind, Planned] = self.lease.plans
        planned = plans.get(kind)
        if planned is None:
            if len(plans) >= MOST_PLANS:
                plans.clear()
            planned = plans[kind] = self._planned(operation, policy, kind, self.lease.pool)
        return planned

    def _planned(self, operation: Operation, policy: Policy, kind: Kind, pool: HttpClientWrapper) -> Planned:
        key = self._key(policy)
        routes = self._routes(operation.path, pool)
        paces = [pace_of(route[0].decode(), operation.model, key, pool.uds) for route in routes]
        plan = self._plan(operation, policy, paces, pool, Head(operation.method, operation.path))
        return ref(policy, partial(_forget, ref(self.lease), kind)), plan, self.endpoints(), paces

    def _plans(self, operation: Operation, policy: Policy, paces: list[PaceState]) -> Callable[[Head], RequestPlan]:
        """What makes the plans of those requests of a call that have a head of their own."""
        return lru_cache(MOST_PLANS)(partial(self._plan, operation, policy, paces, self.lease.pool))

    def _plan(
        self,
        operation: Operation,
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
            tallies=self.tallies,
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
