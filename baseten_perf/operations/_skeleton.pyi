from typing import Any

from typing_extensions import Buffer

from .skeleton import Skeleton

def read_usual(body: Buffer, count: int) -> Skeleton | None: ...
def regular_form(items: list[Any]) -> int: ...
