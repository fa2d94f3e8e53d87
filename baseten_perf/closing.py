"""Closable: what is closed by `close()`, by `with` or by `async with`, and then says so."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class ClosedError(RuntimeError):
    """Something was asked of what is closed already."""

    def __init__(self, closed: str) -> None:
        super().__init__(f"{closed} is closed")


class Closable:
    """Base of what holds connections until it is closed, or until nobody refers to it any more.

    Closing never waits, so that coroutines, callbacks and signal handlers may do it too. To forget it is no fault:
    there is no ResourceWarning.
    """

    __slots__ = ()

    def close(self) -> None:
        """Let go of the connections; may be called again."""
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """The same as `close`, for whom `contextlib.aclosing` or an `AsyncExitStack` awaits it."""
        self.close()

    def __enter__(self) -> Self:
        if self.closed:
            raise ClosedError(type(self).__name__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
