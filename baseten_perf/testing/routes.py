"""What the test server answers on each path, faults aside.

The API paths are matched by their end, so a base URL may have a path of its own (/environments/production/sync/rerank).
Under a base URL that ends in /infinity, the answers to Cohere's rerank and to /classify have the form of Infinity's.
"""

from __future__ import annotations

import functools
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from .model import Model, Refused
from .ranking import PROTOTYPES, label_scores, rerank_scores
from .reply import Reply, error_reply, json_reply
from .request import Request

MOST_NUMBERS = 1 << 26
Route = Callable[[Request, Model], Reply]


class Refusal(Exception):
    """The request is well-formed HTTP but not what the API wants; becomes a 4xx answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def payload_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body."""
    if request.method != "POST":
        raise Refusal(f"{request.method} is not allowed on {request.path}", 405)
    try:
        payload = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refusal(f"the body is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise Refusal("the body is not a JSON object")
    return payload


def strings(value: object, name: str) -> list[str]:
    """`value` when it is a list of strings that is not empty."""
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise Refusal(f"{name} must be a list of strings, and not empty", 422)
    return value


def texts_of(request: Request) -> list[str]:
    """The texts whose vectors a request asks for; none when it is no right request for embeddings."""
    if route_of(request.path) is not embed:
        return []
    try:
        return inputs_of(payload_of(request))
    except Refusal:
        return []


def inputs_of(payload: dict[str, Any]) -> list[str]:
    """The texts of a request to /v1/embeddings."""
    value = payload.get("input")
    return [value] if isinstance(value, str) else strings(value, "input")


def embed(request: Request, model: Model) -> Reply:
    """OpenAI's /v1/embeddings."""
    payload = payload_of(request)
    texts = inputs_of(payload)
    wanted = payload.get("dimensions")
    size = model.dimension if wanted is None else wanted
    if type(size) is not int or size < 1 or size * len(texts) > MOST_NUMBERS:
        raise Refusal(f"dimensions must be a positive integer, at most {MOST_NUMBERS // len(texts)} here")
    encoding = payload.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Refusal("encoding_format must be 'float' or 'base64'")
    try:
        rows = model.embeddings(texts, size)
    except Refused as reason:
        raise Refusal(str(reason)) from None
    vectors = rows if encoding == "float" else [b64encode(row.astype("<f4").tobytes()).decode() for row in rows]
    return json_reply(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
            ],
            "model": payload.get("model", "deterministic"),
            "usage": usage(texts),
        }
    )


def rerank(request: Request, model: Model) -> Reply:
    """/rerank, best first, `index` tells the text: Cohere's for `documents`, else text-embeddings-inference's."""
    payload = payload_of(request)
    if "documents" in payload:
        return json_reply(cohere_results(request, payload))
    return json_reply(ranked(payload, "texts", "score", "text" if payload.get("return_text") else None))


def cohere_results(request: Request, payload: dict[str, Any]) -> dict[str, Any]:
    """The answer to Cohere's rerank; Infinity's documents are strings."""
    documents = strings(payload.get("documents"), "documents")
    top_n = payload.get("top_n")
    if top_n is not None and (type(top_n) is not int or top_n < 1):
        raise Refusal("top_n must be a positive integer", 422)
    results = ranked(payload, "documents", "relevance_score", "document" if payload.get("return_documents") else None)
    if payload.get("return_documents") and not of_infinity(request):
        results = [{**result, "document": {"text": result["document"]}} for result in results]
    return {
        "id": "rerank-0",
        "model": payload.get("model", "deterministic"),
        "usage": usage(documents),
        "results": results[:top_n],
    }


def ranked(payload: dict[str, Any], field: str, score: str, text: str | None) -> list[dict[str, Any]]:
    """One item for each text in `field`, best first; `score` and `text` name the places of its score and its text."""
    query, texts = payload.get("query"), strings(payload.get(field), field)
    if not isinstance(query, str):
        raise Refusal("query must be a string", 422)
    scores = rerank_scores(query, texts, raw_scores=bool(payload.get("raw_scores"))).tolist()
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    given = [{"index": index, score: scores[index]} for index in order]
    return given if text is None else [{**item, text: texts[item["index"]]} for item in given]


def predict(request: Request, model: Model) -> Reply:
    """/predict of text-embeddings-inference: a list of labels for a string, a list of such lists for a list."""
    payload = payload_of(request)
    inputs = payload.get("inputs")
    batch = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(batch, list) or not batch:
        raise Refusal("inputs must be a string or a list, and not empty", 422)
    texts = [" ".join(strings([item] if isinstance(item, str) else item, "each input")) for item in batch]
    answer = labelled(texts, raw_scores=bool(payload.get("raw_scores")))
    return json_reply(answer[0] if isinstance(inputs, str) else answer)


def classify(request: Request, model: Model) -> Reply:
    """/classify: of vLLM the best label and the probabilities of all, of Infinity a list of labels, for each input."""
    payload = payload_of(request)
    value = payload.get("input")
    texts = [value] if isinstance(value, str) else strings(value, "input")
    if of_infinity(request):
        kind, data = "classify", labelled(texts, raw_scores=bool(payload.get("raw_scores")))
    else:
        kind, data = "list", probabilities(texts, raw_scores=payload.get("use_activation") is False)
    name = payload.get("model", "deterministic")
    return json_reply({"id": "classify-0", "object": kind, "data": data, "model": name, "usage": usage(texts)})


def of_infinity(request: Request) -> bool:
    """Whether the answer shall have the form of Infinity's."""
    return "/infinity/" in request.path


def probabilities(texts: list[str], *, raw_scores: bool) -> list[Any]:
    """The best label of each text, and the scores of all in the order of the model's classes."""
    data: list[Any] = []
    for index, pairs in enumerate(label_scores(texts, raw_scores=raw_scores)):
        scores = dict(pairs)
        probs = [scores[label] for label in PROTOTYPES]
        data.append({"index": index, "label": pairs[0][0], "probs": probs, "num_classes": len(probs)})
    return data


def labelled(texts: list[str], *, raw_scores: bool) -> list[Any]:
    """The labels of each text, best first."""
    pairs = label_scores(texts, raw_scores=raw_scores)
    return [[{"score": score, "label": label} for label, score in of_text] for of_text in pairs]


def usage(texts: list[str]) -> dict[str, int]:
    """Words for tokens."""
    words = sum(len(text.split()) for text in texts)
    return {"prompt_tokens": words, "total_tokens": words}


def health(request: Request, model: Model) -> Reply:
    """/health, for endpoint pools and load balancers."""
    return json_reply({"status": "ok"})


def echo(request: Request, model: Model) -> Reply:
    """/echo, any method: what arrived."""
    return json_reply(
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": request.body.decode("utf-8", "replace"),
        }
    )


def redirect(request: Request, model: Model) -> Reply:
    """/redirect/<code>?to=<path or URL>; without `to` it leads to itself."""
    code = request.path.rpartition("/")[2]
    if not code.isdigit() or not 300 <= int(code) <= 399:
        raise Refusal("the path is /redirect/<300 to 399>", 404)
    to = parse_qs(request.query).get("to", [request.head.target])[0]
    return Reply(b"", int(code), headers=[("location", to)])


def payload_back(request: Request, model: Model) -> Reply:
    """Any other path: the body, as it came."""
    if request.method not in ("POST", "PUT", "PATCH"):
        raise Refusal(f"nothing to {request.method} on {request.path}", 404)
    return Reply(request.body or b"null")


BY_END: dict[str, Route] = {
    "/v1/embeddings": embed, "/rerank": rerank, "/predict": predict, "/classify": classify, "/health": health,
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def route_of(path: str) -> Route:
    """The function that answers on a path."""
    if path == "/echo":
        return echo
    if path.startswith("/redirect/"):
        return redirect
    return next((route for end, route in BY_END.items() if path.endswith(end)), payload_back)


def answer(request: Request, model: Model) -> Reply:
    """The reply to a request."""
    try:
        return route_of(request.path)(request, model)
    except Refusal as refusal:
        return error_reply(refusal.status, str(refusal))
