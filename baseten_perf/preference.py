"""RequestProcessingPreference: what a caller wishes for a call, all of it optional; `policy.resolve` completes it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .arguments import boolean, instance, real, status_codes, string, string_mapping, unsigned
from .cancellation import CancellationToken
from .trace import TraceContext

if TYPE_CHECKING:
    from typing_extensions import Self

    from .policy import Policy

T = TypeVar("T")


def _token(name: str, value: Any) -> CancellationToken:
    return instance(name, value, CancellationToken)


def _trace(name: str, value: Any) -> TraceContext:
    return instance(name, value, TraceContext)


def _unsigned32(name: str, value: Any) -> int:
    return unsigned(name, value, 32)


class _Field(Generic[T]):
    """A field of the preference: converts at set time, gives the default while unset."""

    __slots__ = ("convert", "default", "export", "name", "nullable")

    def __init__(
        self,
        default: T,
        convert: Callable[[str, Any], Any],
        *,
        nullable: bool = False,
        export: Callable[[Any], Any] | None = None,
    ) -> None:
        self.default = default
        self.convert = convert
        self.nullable = nullable
        self.export = export
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> _Field[T]: ...

    @overload
    def __get__(self, instance: RequestProcessingPreference, owner: type) -> T: ...

    def __get__(self, instance: RequestProcessingPreference | None, owner: type) -> _Field[T] | T:
        if instance is None:
            return self
        value: T = instance._values.get(self.name, self.default)
        # Mutable values leave as copies, so that `_values` only ever changes through __set__.
        return value if self.export is None or value is None else self.export(value)

    def __set__(self, instance: RequestProcessingPreference, value: T) -> None:
        stored = None if value is None and self.nullable else self.convert(self.name, value)
        # A fresh dict on every change: whoever resolved the old one finds out by its identity, without a lock.
        instance._values = {**instance._values, self.name: stored}


class _StatusCodes(_Field["set[int]"]):
    """Any collection goes in, a set comes out."""

    __slots__ = ()

    def __set__(self, instance: RequestProcessingPreference, value: Collection[int]) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]


class RequestProcessingPreference:
    """How the requests of a call are to be processed. Every field is optional and may be changed at any time.

    Types are checked when a field is set (TypeError, OverflowError), ranges when a call uses the preference
    (ValueError). In the constructor None means "not given"; reading a field that was never set gives its default.
    Preferences are compared by value, and can be copied, pickled and subclassed. Copies share the cancellation token. A
    pickle holds the API key and the headers; the repr holds neither.

    Parameters (in positional order):
        max_concurrent_requests: requests in flight at once, 1 to 1024 (default 256).
        batch_size: inputs per request, 1 to 1024 (default 8); below 16 at most 512 concurrent requests are allowed.
        timeout_s: seconds per attempt, 0.1 to 3600 (default 3600).
        max_chars_per_request: characters per request, 50 to 1048576 (default 8000). Set the *attribute* to None
            for no limit.
        pin_initial_endpoint_once: the first attempts of a call all go to one endpoint of a pool (default False).
        hedge_delay: seconds without an answer after which a copy of the request is sent, 0.045 and up to less than
            timeout_s - 0.045 (default None: no hedging).
        total_timeout_s: seconds for the whole call, at least timeout_s (default None: no limit).
        hedge_budget_pct: hedges allowed as a share of the requests, 0 to 3 (default 0.1).
        retry_budget_pct: retries after time-outs and network errors as a share of the requests, 0 to 3 (default 0.05).
        max_retries: retries per request, 0 to 6 (default 5).
        initial_backoff_ms: milliseconds before the first retry, 50 to 45000 (default 125).
        cancel_token: CancellationToken whose `cancel()` aborts the calls that have it. Reading the field gives a new
            object each time, which shares the token's state and is equal to it.
        primary_api_key_override: API key for the call instead of the client's.
        extra_headers: dict of str to str; they replace the client's own headers, whatever their case.
        non_retryable_status_codes: any collection of HTTP status codes, which are then final; read as a set.
        trace_context: TraceContext to send with the requests; not together with trace headers in extra_headers.
    """

    __slots__ = ("__weakref__", "_resolved", "_values")

    _values: dict[str, Any]
    # (the `_values` it was made of, the policy): valid only while `_values` is that very dict.
    _resolved: tuple[dict[str, Any], Policy] | None

    max_concurrent_requests = _Field[int](256, unsigned)
    batch_size = _Field[int](8, unsigned)
    timeout_s = _Field[float](3600.0, real)
    max_chars_per_request = _Field["int | None"](8000, unsigned, nullable=True)
    pin_initial_endpoint_once = _Field[bool](False, boolean)
    hedge_delay = _Field["float | None"](None, real, nullable=True)
    total_timeout_s = _Field["float | None"](None, real, nullable=True)
    hedge_budget_pct = _Field[float](0.1, real)
    retry_budget_pct = _Field[float](0.05, real)
    max_retries = _Field[int](5, _unsigned32)
    initial_backoff_ms = _Field[int](125, unsigned)
    cancel_token = _Field["CancellationToken | None"](None, _token, nullable=True, export=copy)
    primary_api_key_override = _Field["str | None"](None, string, nullable=True)
    extra_headers = _Field["dict[str, str] | None"](None, string_mapping, nullable=True, export=dict)
    non_retryable_status_codes = _StatusCodes(frozenset(), status_codes, export=set)  # type: ignore[arg-type]
    trace_context = _Field["TraceContext | None"](None, _trace, nullable=True)

    def __init__(
        self,
        max_concurrent_requests: int | None = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        pin_initial_endpoint_once: bool | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        hedge_budget_pct: float | None = None,
        retry_budget_pct: float | None = None,
        max_retries: int | None = None,
        initial_backoff_ms: int | None = None,
        cancel_token: CancellationToken | None = None,
        primary_api_key_override: str | None = None,
        extra_headers: dict[str, str] | None = None,
        non_retryable_status_codes: Collection[int] | None = None,
        trace_context: TraceContext | None = None,
    ) -> None:
        given = locals()
        self._values = {}
        self._resolved = None
        for name in FIELDS:
            if given[name] is not None:
                setattr(self, name, given[name])

    @classmethod
    def default(cls) -> Self:
        """A preference with every field at its default."""
        return cls()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestProcessingPreference):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    # Compared by value and mutable, hence not hashable.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={self._shown(name)}' for name in FIELDS)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        if value is not None and name == "primary_api_key_override":
            return "'...'"
        if value is not None and name == "extra_headers":
            return repr(dict.fromkeys(value, "..."))
        return repr(value)

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self._values), dict(getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._values = dict(state[0])
        self._resolved = None
        for name, value in state[1].items():
            setattr(self, name, value)


_TABLE = {name: field for name, field in vars(RequestProcessingPreference).items() if isinstance(field, _Field)}
FIELDS: tuple[str, ...] = tuple(_TABLE)
DEFAULTS: dict[str, Any] = {name: field.default for name, field in _TABLE.items()}
