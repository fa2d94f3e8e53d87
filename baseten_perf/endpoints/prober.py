"""Prober: the health probes of one endpoint, carried by the native engine, one at a time."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..closing import ClosedError
from ..connection_pool import HttpClientWrapper
from ..engine import Completion, EndpointState, EventMailbox, OperationHandle, RequestPlan
from ..http.headers import USER_AGENT, check_api_key
from ..http.urls import shown_text, shown_url
from ..outcome import Outcome
from .health import EndpointHealth, ProbeResult, ProbeRound, Step, next_interval

RETRY_AFTER_S = 0.2
# No probe lasts and nothing sleeps longer: what users give may be more than the clocks can count.
LONGEST_S = 86400.0


class Check(NamedTuple):
    """One URL to GET: any 2xx answer, after redirects, is a success."""

    url: str
    proxy: str  # empty for none
    timeout_is_no_vote: bool


class Prober:
    """The probes of one endpoint and what they found. It never waits: `step` is called when its time has come.

    It does not know its endpoint, which owns it: when the endpoint is collected so is the prober, and with it the
    operation of a probe in flight, which aborts it on the wire.

    Parameters:
        base_url: of the endpoint.
        state: the engine's view of the endpoint, to which results are written.
        client_wrapper: carries the probes.
        api_key: sent as a bearer token.
        checks: made one after another in each round.
        interval_s: seconds from the end of a round to the next.
        timeout_s: seconds per attempt.
        retries: further attempts of a check, 0.2 seconds after one has failed.
        fail_on_first: whether a failed check ends the round.

    Raises ValueError for an API key that cannot be sent.
    """

    __slots__ = (
        "__weakref__", "_base_interval_s", "_began", "_checks", "_client_wrapper", "_due", "_fail_on_first",
        "_interval_s", "_latency", "_lines", "_operation", "_retries", "_round", "_state", "_timeout_s", "health",
    )  # fmt: skip

    def __init__(
        self,
        base_url: str,
        state: EndpointState,
        client_wrapper: HttpClientWrapper,
        api_key: str,
        checks: list[Check],
        *,
        interval_s: float,
        timeout_s: float,
        retries: int,
        fail_on_first: bool,
    ) -> None:
        self._state = state
        self._client_wrapper = client_wrapper
        self._lines = [
            b"authorization: Bearer " + check_api_key(api_key),
            b"accept: */*",
            USER_AGENT,
        ]
        self._checks = checks
        self._base_interval_s = interval_s
        self._timeout_s = min(timeout_s, LONGEST_S)
        self._retries = retries
        self._fail_on_first = fail_on_first
        self._latency: float | None = None
        # Replaced as a whole: whoever reads it in another thread sees one moment.
        self.health = EndpointHealth(shown_url(base_url))
        self.restart()
        client_wrapper.add_user(self)

    def restart(self) -> None:
        """Begin with a new round at the next step, whatever is under way; in a forked child all of it is lost."""
        self._operation: OperationHandle | None = None
        self._round: ProbeRound | None = None
        self._interval_s = self._base_interval_s
        self._due = self._began = 0.0

    def step(self, mailbox: EventMailbox, token: int, changes: list[EndpointHealth]) -> float:
        """Take in what has arrived and send what is due; seconds until the next step.

        When a probe is in flight, `token` in `mailbox` tells of its end. If the endpoint's health has changed, it is
        added to `changes`.
        """
        operation = self._operation
        if operation is not None:
            if not operation.over:
                return LONGEST_S
            self._operation = None
            completions: list[Completion] = []
            operation.drain(completions)
            self._take_in(completions, changes)
        early = self._due - time.monotonic()
        if early > 0:
            return early
        try:
            self.probe(mailbox, token)
        except (OSError, ClosedError) as error:
            # This machine lacks descriptors or threads, or the pool is closed, which tells nothing about the endpoint.
            self._attempt_ended(ProbeResult.NONE, f"not probed: {error}", changes)
            return max(0.0, self._due - time.monotonic())
        return LONGEST_S

    def probe(self, mailbox: EventMailbox, token: int) -> None:
        """Send the next probe at once; none may be in flight. Raises OSError when the system lacks the means."""
        if self._round is None:
            self._round = ProbeRound(len(self._checks), self._retries, self._fail_on_first)
            self._began = time.monotonic()
        check = self._checks[self._round.check]
        plan = RequestPlan(
            self._client_wrapper.engine,
            routes=[(check.url.encode("ascii"), check.proxy.encode(), self._state, 1.0)],
            method="GET",
            bodyless=True,
            lines=self._lines,
            timeout_s=self._timeout_s,
            connect_timeout_s=min(self._client_wrapper.connect_timeout_s, self._timeout_s),
            # Retries have their own rhythm here, and a probe never goes elsewhere.
            patience_s=0.0,
        )
        operation = OperationHandle(plan, 1, None, 0, mailbox, token)
        operation.push(b"")
        operation.flush(0)
        self._operation = operation

    def pool_closed(self) -> None:
        """Abort the probe in flight; there will be no other."""
        operation = self._operation
        if operation is not None:
            operation.cancel()

    def _take_in(self, completions: list[Completion], changes: list[EndpointHealth]) -> None:
        if not completions:
            why = "HttpClientWrapper is closed" if self._client_wrapper.closed else "out of memory"
            self._attempt_ended(ProbeResult.NONE, f"not probed: {why}", changes)
            return
        completion = completions[0]
        if completion.status:
            self._latency = completion.elapsed
        self._attempt_ended(*self._judged(completion), changes)

    def _judged(self, completion: Completion) -> tuple[ProbeResult, str]:
        assert self._round is not None
        check = self._checks[self._round.check]
        outcome = completion.outcome
        if outcome == Outcome.OK:
            return ProbeResult.HEALTHY, ""
        if outcome == Outcome.NO_MEMORY:
            return ProbeResult.NONE, "not probed: out of memory"
        what = f"GET {shown_url(check.url)}: "
        if outcome in (Outcome.TIMEOUT, Outcome.CONNECT_TIMEOUT):
            result = ProbeResult.NONE if check.timeout_is_no_vote else ProbeResult.UNHEALTHY
            return result, f"{what}no answer within {self._timeout_s:g} s"
        if outcome == Outcome.HTTP_STATUS:
            return ProbeResult.UNHEALTHY, f"{what}status {completion.status}"
        return ProbeResult.UNHEALTHY, what + (shown_text(completion.error) or "network error")

    def _attempt_ended(self, result: ProbeResult, reason: str, changes: list[EndpointHealth]) -> None:
        current = self._round
        assert current is not None
        now = time.monotonic()
        step = current.attempt_ended(result, reason)
        if step is Step.RETRY:
            self._due = now + RETRY_AFTER_S
        elif step is Step.NEXT_CHECK:
            self._due = now
        else:
            self._round = None
            self._interval_s = next_interval(self._interval_s, self._base_interval_s, now - self._began)
            self._due = now + self._interval_s
            self._conclude(*current.verdict(), changes)

    def _conclude(self, result: ProbeResult, reason: str, changes: list[EndpointHealth]) -> None:
        before = self.health
        healthy, failures = before.healthy, before.consecutive_failures
        if result is ProbeResult.HEALTHY:
            healthy, failures = True, 0
        elif result is ProbeResult.UNHEALTHY:
            healthy, failures = False, failures + 1
        elif not healthy:
            reason = before.reason
        self.health = EndpointHealth(before.base_url, healthy, time.time(), self._latency, failures, reason)
        if healthy != before.healthy:
            self._state.healthy = healthy
            changes.append(self.health)
