"""What the connections of a test server share: its settings, its model, its faults and its counts."""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson

from . import routes
from .embeddings import DIMENSION
from .faults import Faults, Occurrences
from .model import Model
from .reply import Reply, error_reply, json_reply
from .request import Request
from .statistics import Tally

RECEIVED_AT_ONCE = 1 << 18

parse_faults = functools.lru_cache(maxsize=1024)(Faults.parse)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a server is started."""

    host: str = "127.0.0.1"
    port: int = 0  #: 0 = any free one
    dimension: int = DIMENSION
    record: bool = False
    faults: Faults = dataclasses.field(default_factory=Faults)  #: for requests that no prefix decides upon
    tls: tuple[str, str] | None = None  #: files of the certificate chain and of its key
    owned: bool = False  #: end when standard input ends


class Service:
    """What the connections of a server share.

    Parameters:
        ask: puts a question to the owner, {"question": number, "texts": [...]}; the answer comes by `control`.
    """

    def __init__(self, settings: Settings, ask: Callable[[dict[str, object]], None]) -> None:
        self.receiving = memoryview(bytearray(RECEIVED_AT_ONCE))
        self.tally = Tally(record=settings.record)
        self._dimension = settings.dimension
        self._model = Model(settings.dimension)
        self._ask = ask
        # Requests that wait for the owner's choice of vectors: their texts, and what to do then.
        self._waiting: deque[tuple[list[str], Callable[[], None]]] = deque()
        self._questions = 0
        self._asked = False  # the last question is the first waiting request's, and has no answer yet
        self._faults_for_all = (settings.faults,) if settings.faults != Faults() else ()
        self._occurrences = Occurrences()

    def faults_for(self, request: Request) -> Faults | None:
        """The faults to play for a request, if any; ValueError when its prefix cannot be read."""
        if not request.ordered and not self._faults_for_all:
            return None
        ordered = tuple(parse_faults(text) for text in request.ordered)
        return self._occurrences.choose(ordered + self._faults_for_all, request)

    def prepare(self, request: Request, ready: Callable[[], None]) -> None:
        """Call `ready` when the request can be answered: at once, unless the owner has to choose vectors for it."""
        if not self._model.asks:
            ready()
            return
        self._waiting.append((routes.texts_of(request), ready))
        self._go_on()

    def _go_on(self) -> None:
        """Answer the requests whose texts are known, in turn, and ask for those of the first other one."""
        while self._waiting and not self._asked:
            unknown = self._model.unknown(self._waiting[0][0])
            if unknown:
                self._asked = True
                self._questions += 1
                self._ask({"question": self._questions, "texts": unknown})
            else:
                self._waiting.popleft()[1]()

    def answer(self, request: Request) -> Reply:
        """The reply to a request, faults aside."""
        return routes.answer(request, self._model)

    def control(self, request: Request) -> Reply:
        """The reply to a request about the server itself."""
        if request.path == "/_statistics":
            return json_reply(dataclasses.asdict(self.tally.snapshot()))
        if request.path == "/_requests":
            return json_reply([recorded.as_json() for recorded in self.tally.recorded])
        if request.path == "/_reset":
            self.tally.reset()
            self._occurrences = Occurrences()
            self._choose({"vectors": {}})
            return json_reply(None)
        if request.path == "/_vectors":
            self._choose(orjson.loads(request.body))
            return json_reply(None)
        return error_reply(404, "control paths are /_statistics, /_requests, /_reset and /_vectors")

    def _choose(self, order: dict[str, Any]) -> None:
        """Take over what the owner has chosen: in answer to a question, or in place of all that was chosen before."""
        if "question" not in order:
            self._model = Model(self._dimension, asks=order.get("asks", False))
        elif not self._asked or order["question"] != self._questions:
            return  # it has chosen anew since it was asked
        self._model.choose(order["vectors"], order.get("refused", {}))
        self._asked = False
        self._go_on()
