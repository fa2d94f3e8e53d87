"""What `__array__` of a response gives that keeps no array: numpy's protocol for `numpy.asarray(response)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_array(make: Callable[[], NDArray[Any]], dtype: Any, copy: bool | None) -> NDArray[Any]:
    """A new array in the type that is asked for. Raises ValueError when a copy is forbidden, as numpy 2 wants it."""
    if copy is False:
        raise ValueError("the response holds no array: to make one, copy must be None or True, not False")
    array = make()
    return array if dtype is None else array.astype(dtype, copy=False)
