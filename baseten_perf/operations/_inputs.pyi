from array import array
from collections.abc import Callable
from typing import Any, Final

PLAIN: Final[int]
IRREGULAR: Final[int]
DEEP: Final[int]

def nature_of(value: object, limit: int) -> int: ...
def holds_instance(values: list[Any], kind: type) -> bool: ...
def utf8_length(text: str) -> int: ...
def batch_starts(
    inputs: list[Any],
    most_inputs: int,
    most_characters: float,
    most_tokens: float,
    tokens_per_byte: float,
    count_tokens: Callable[[str], float] | None,
) -> array[int]: ...
def are_plain(texts: list[Any]) -> bool: ...
def copy_attributes(target: object, source: object, names: tuple[str, ...]) -> None: ...
