from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

OPTIONS: Final[dict[str, int]]

def libcurl_version() -> str: ...
def supports(feature: str) -> bool: ...
def default_ca_file() -> str | None: ...
def kernel() -> str: ...
def outcomes() -> dict[str, int]: ...
def verdicts() -> dict[str, int]: ...
def lend_descriptor() -> bool: ...
def take_descriptor_back() -> None: ...
def close_idle_connections(seconds: float) -> None: ...

class Engine:
    def __init__(
        self,
        *,
        http_version: int,
        no_proxy: str,
        verify: bool,
        ca_file: str | None,
        ca_path: str | None,
        cert_file: str | None,
        key_file: str | None,
        key_password: str | None,
        unix_socket: str | None,
        loops: int,
        portable: bool,
    ) -> None: ...

class EndpointState:
    healthy: bool

class PaceState: ...

class EventMailbox:
    generation: Final[int]
    @property
    def stale(self) -> bool: ...
    def fileno(self) -> int: ...
    def wait(self, seconds: float) -> bool: ...
    def take(self) -> list[int]: ...

class Body:
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Vectors:
    def __len__(self) -> int: ...
    def dim(self, k: int) -> int: ...
    def row(self, k: int) -> list[float]: ...
    def row_base64(self, k: int) -> str: ...

class Matrix:
    @property
    def rows(self) -> int: ...
    @property
    def dim(self) -> int: ...
    def row(self, i: int) -> list[float]: ...
    def row_base64(self, i: int) -> str: ...
    def copy(self) -> Matrix: ...
    def last(self) -> Matrix: ...
    def permute(self, start: int, order: list[int]) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Completion:
    """How one request of an operation ended.

    Attributes:
        index: number of the request in its operation, from 0.
        outcome: a completion.Outcome.
        status: HTTP status; 0 when no response line arrived.
        curl_code: libcurl's CURLcode; 0 for none.
        attempts: attempts made.
        verdict: why the last attempt was the last; a `completion.Verdict`.
        refusals: how often the request was refused: attempts that used up none of max_retries.
        refused_s: seconds without a success when patience ended.
        retry_after_s: seconds that the last refusal asked for; 0 for none.
        budget: how many retries retry_budget_pct allowed the operation.
        os_errno: the system's reason for a connection that failed; 0 when there is none.
        elapsed: seconds from first getting a concurrency slot to the end, retries and back-off included.
        headers: raw header lines of the final response.
        msgpack: whether they say that the body is MessagePack; of several content types the last counts.
        body: the answer; for a 2xx embeddings answer its skeleton; for an undecodable one how it began.
        error: what went wrong, in libcurl's or the decoder's words.
        placed: vectors that the answer brought: the first rows of its batch in the matrix, or `vectors`.
        vectors: vectors that do not fit the operation's matrix; None in the regular case.
        request_id: as sent with the last attempt; made when it is read, as is the next.
        url: after redirects.
        endpoint: number of the route that the last attempt took.
    """

    index: Final[int]
    outcome: Final[int]
    status: Final[int]
    curl_code: Final[int]
    attempts: Final[int]
    verdict: Final[int]
    refusals: Final[int]
    refused_s: Final[float]
    retry_after_s: Final[float]
    budget: Final[int]
    os_errno: Final[int]
    elapsed: Final[float]
    headers: Final[bytes]
    msgpack: Final[bool]
    body: Final[bytes | memoryview]
    error: Final[str]
    placed: Final[int]
    vectors: Final[Vectors | None]
    @property
    def request_id(self) -> str: ...
    @property
    def url(self) -> str: ...
    endpoint: Final[int]

class RequestPlan:
    def __init__(
        self,
        engine: Engine,
        *,
        routes: list[tuple[bytes, bytes, EndpointState, float]],
        pinned: bool = False,
        method: str = "POST",
        bodyless: bool = False,
        lines: list[bytes] = ...,
        request_id_prefix: bytes | None = None,
        deadline_header: bool = False,
        concurrency: int = 1,
        timeout_s: float = 3600.0,
        connect_timeout_s: float = 60.0,
        total_timeout_s: float | None = None,
        max_retries: int = 0,
        initial_backoff_ms: int = 125,
        retry_share: float = 0.0,
        hedge_delay_s: float | None = None,
        hedge_share: float = 0.0,
        final_statuses: Iterable[int] = (),
        patience_s: float = 120.0,
        max_response_bytes: int = 268435456,
        paces: list[PaceState] | None = None,
    ) -> None: ...

class OperationHandle:
    drained: Final[bool]
    def __init__(
        self,
        plan: RequestPlan,
        count: int,
        rows: Sequence[int] | None,
        sequence_number: int,
        mailbox: EventMailbox | None,
        token: int,
        spent_s: float = 0.0,
    ) -> None: ...
    def push(self, body: bytes) -> None: ...
    def flush(self, low_water: int) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def drain(self, arrived: list[Completion] | deque[Completion]) -> None: ...
    def cancel(self) -> None: ...
    @property
    def hungry(self) -> bool: ...
    @property
    def over(self) -> bool: ...
    @property
    def cancelled(self) -> bool: ...
    @property
    def started(self) -> int: ...
    @property
    def matrix(self) -> Matrix | None: ...

class PaceDriver:
    def __init__(self, shares: int) -> None: ...
    def take(self, share: int, now: float, last_chance: bool = False) -> tuple[int | None, float]: ...
    def end(self, number: int, signal: int, retry_after: float, now: float) -> int: ...
    def leave(self, share: int) -> None: ...
    def next(self, now: float) -> int | None: ...
    @property
    def limited(self) -> bool: ...
    @property
    def flying(self) -> int: ...
    @property
    def good(self) -> float: ...
    def waiting(self) -> list[int]: ...
