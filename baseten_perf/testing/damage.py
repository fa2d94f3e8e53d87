"""Damage to a reply's content and headers; what happens to its bytes on the way is delivery's."""

from __future__ import annotations

import json
import random
import zlib
from base64 import b64decode, b64encode
from time import time
from typing import Any
from wsgiref.handlers import format_date_time

import orjson

from .faults import Faults
from .packing import MSGPACK, packed
from .reply import JSON, Reply, error_reply, json_reply

HTML = b"<!doctype html><html><head><title>Busy</title></head><body><h1>Please wait</h1></body></html>"
ON_ITEMS = (
    "shuffle",
    "drop_item",
    "extra_item",
    "duplicate_index",
    "index_last",
    "ragged",
    "null_embedding",
    "nan",
    "missing",
)


def damaged(reply: Reply, faults: Faults) -> Reply:
    """The reply with everything that `faults` orders for its status, headers and body."""
    if faults.status >= 300:
        reply = error_reply(faults.status, f"ordered by the caller: status {faults.status}", "ordered_fault")
    elif reply.status < 300:
        reply = damaged_content(reply, faults)
    if faults.status:
        reply.status = faults.status
    reply.headers = reply.headers + ordered_headers(faults)
    reply.content_type = faults.content_type or reply.content_type
    if faults.gzip or faults.deflate:
        compressor = zlib.compressobj(wbits=31 if faults.gzip else 15)
        reply.body = compressor.compress(reply.body) + compressor.flush()
        reply.headers.append(("content-encoding", "gzip" if faults.gzip else "deflate"))
    return reply


def damaged_content(reply: Reply, faults: Faults) -> Reply:
    """The reply with another body."""
    if faults.not_json:
        return Reply(HTML, content_type="text/html; charset=utf-8")
    if faults.empty:
        return Reply(b"")
    if reply.answer is not None and any(getattr(faults, name) for name in ON_ITEMS):
        reply = json_reply(damaged_answer(reply.answer, faults))
    if faults.msgpack and reply.content_type == JSON:
        answer = orjson.loads(reply.body) if reply.answer is None else reply.answer
        reply = Reply(packed(answer), headers=reply.headers, content_type=MSGPACK)
    if faults.pretty and reply.content_type == JSON:
        text = json.dumps(json.loads(reply.body), indent="\t  ", separators=(" ,", " \t: "))
        reply.body = b"\r\n\t " + text.encode() + b" \t\r\n\n"
    if faults.invalid_json:
        reply.body = reply.body[:-1] + b"!"
    return reply


def damaged_answer(answer: Any, faults: Faults) -> Any:
    """The answer with its items, or keys around them, tampered with."""
    if isinstance(answer, list):
        return damaged_items(answer, faults)
    for name in ("data", "results"):
        if isinstance(answer, dict) and isinstance(answer.get(name), list):
            answer[name] = damaged_items(damaged_fields(answer[name], faults), faults)
            for omitted in faults.omitted:
                answer.pop(omitted, None)
                answer.get("usage", {}).pop(omitted, None)
    return answer


def damaged_items(items: list[Any], faults: Faults) -> list[Any]:
    """Other items, or the same in another order."""
    if faults.extra_item:
        last = items[-1]
        items = [*items, {**last, "index": len(items)} if isinstance(last, dict) and "index" in last else last]
    if faults.drop_item:
        del items[len(items) // 2]
    if faults.shuffle:
        random.Random(len(items)).shuffle(items)
    return items


def damaged_fields(items: list[Any], faults: Faults) -> list[Any]:
    """Items that are objects, with other values or keys."""
    middle = items[len(items) // 2]
    if not isinstance(middle, dict):
        return items
    if faults.duplicate_index:
        items[-1]["index"] = items[0]["index"]
    if "embedding" in middle:
        damage_vectors(items, faults)
    if faults.index_last:
        items = [{**without(item, "index"), "index": item["index"]} for item in items]
    omitted = {"object" if name == "item_object" else name for name in faults.omitted if name != "object"}
    return [without(item, *omitted) for item in items] if omitted else items


def damage_vectors(items: list[dict[str, Any]], faults: Faults) -> None:
    """Put other values into the items of embeddings."""
    middle = items[len(items) // 2]
    if faults.ragged:
        items[-1]["embedding"] = shortened(items[-1]["embedding"])
    if faults.nan and not isinstance(middle["embedding"], str):
        numbers = orjson.dumps(middle["embedding"], option=orjson.OPT_SERIALIZE_NUMPY)
        _, comma, rest = numbers.partition(b",")
        middle["embedding"] = orjson.Fragment(b"[NaN" + (b"," + rest if comma else b"]"))
    if faults.null_embedding:
        middle["embedding"] = None


def shortened(vector: Any) -> Any:
    """The vector without its last number; an array or a base64 text."""
    return b64encode(b64decode(vector)[:-4]).decode() if isinstance(vector, str) else vector[:-1]


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    """A copy of `item` that lacks the keys named."""
    return {name: value for name, value in item.items() if name not in names}


def ordered_headers(faults: Faults) -> list[tuple[str, str]]:
    """The headers that `faults` adds."""
    headers = []
    if faults.retry_after is not None:
        headers.append(("retry-after", f"{faults.retry_after:g}"))
    if faults.retry_after_date is not None:
        headers.append(("retry-after", format_date_time(time() + faults.retry_after_date)))
    if faults.retry_after_ms is not None:
        headers.append(("retry-after-ms", f"{faults.retry_after_ms:g}"))
    if faults.location:
        headers.append(("location", faults.location))
    if faults.set_cookie:
        headers += [("set-cookie", "flavour=oat; Path=/"), ("set-cookie", "size=small; Path=/")]
    return headers
