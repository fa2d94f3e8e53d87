"""Embeddings that tell which text they are of: the text "text 17 ..." gets a row of 17s, any other one zeros."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any


def embeddings(request: dict[str, Any], dim: int) -> bytes:
    """The body of the answer, in the format that the request asks for."""
    row_of = _packed if request.get("encoding_format") == "base64" else _listed
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    items = ",".join(
        f'{{"object":"embedding","index":{index},"embedding":{row_of(_number(text), dim)}}}'
        for index, text in enumerate(texts)
    )
    usage = f'{{"prompt_tokens":{3 * len(texts)},"total_tokens":{3 * len(texts)}}}'
    model = json.dumps(request["model"])
    return f'{{"object":"list","data":[{items}],"model":{model},"usage":{usage}}}'.encode()


def _number(text: str) -> float:
    words = text.split(None, 2)
    return float(words[1]) if len(words) > 1 and words[1].isdigit() else 0.0


def _packed(number: float, dim: int) -> str:
    return f'"{base64.b64encode(struct.pack("<f", number) * dim).decode()}"'


def _listed(number: float, dim: int) -> str:
    return "[" + ",".join([repr(number)] * dim) + "]"
