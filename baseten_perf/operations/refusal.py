"""Refusal: what a server says when it refuses a request for what it holds, and whether the size is to blame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..late import load

if TYPE_CHECKING:
    from ..protocols import Completion

TOO_LARGE = 413
# A request with fewer inputs, or with others, may be accepted. The engine knows them too: see attempt.pxi.
REFUSING_CONTENT = frozenset({400, TOO_LARGE, 422})

# Members of an error in which servers say what is wrong; others may quote the inputs.
_TELLING = frozenset({"error", "message", "msg", "detail", "details", "errors", "code", "type", "error_type", "reason"})
_MOST_READ = 1_000_000  # bytes of a body
_MOST_SHOWN = 2_000  # characters of a message

# Patterns, which are compiled when a request is refused: most programs never meet one.

# One input is to blame, although a size is named. OpenAI, vLLM and SGLang: "maximum context length is 8192 tokens";
# text-embeddings-inference: "`inputs` must have less than 512 tokens"; Bedrock: "#/texts/0: expected maxLength: 2048";
# llama.cpp: "increase the physical batch size (current batch size: 512)"; DashScope: "document index:0 is invalid".
_ONE_INPUT = (
    r"context (?:length|window|size)|input length|maxlength|sequence length|must have less than|physical batch size"
    r"|(?:document|input) index"
)
# The most inputs that a request may have.
_MOST_INPUTS = (
    # text-embeddings-inference, SiliconFlow: "batch size 136 > maximum allowed batch size 64"
    r"max(?:imum)?(?: allowed)? (?:client )?batch size(?: is| of|:)? (\d+)",
    # DashScope: "batch size is invalid, it should not be larger than 10.: input.contents"
    r"batch size is invalid, it should not be larger than (\d+)",
    # Azure: "Too many inputs. The max number of inputs is 16."; Qianfan: "max number of documents is 64"
    r"max(?:imum)? number of (?:inputs|texts|documents|items) is (\d+)",
    # Cohere: "invalid request: total number of texts must be at most 96 - received 131"
    r"number of (?:inputs|texts|documents|items) must be at most (\d+)",
    # Gemini: "at most 100 requests can be in one batch"; Jina: "Each input list can contain at most 512 items";
    # pydantic: "List should have at most 2048 items after validation, not 3000"
    r"at most (\d+) (?:requests|inputs|texts|documents|items)\b",
    # Vertex AI: "5 instance(s) is allowed per prediction. Actual: 6"
    r"(\d+) instance\(s\) is allowed per prediction",
    # OpenAI: "array too long. Expected an array with maximum length 2048, but got an array with length 3000"
    r"expected an array with maximum length (\d+)",
    # Bedrock: "#/texts: expected maximum item count: 96, found: 128"
    r"expected maximum item count: (\d+)",
)
# The most tokens, with those that it has.
_MOST_TOKENS = (
    # OpenAI: "Requested 453357 tokens, max 300000 tokens per request"
    r"requested (?P<asked>\d+) tokens, max (?P<most>\d+) tokens per request",
    # Mistral: "Too many tokens in batch. Max is 16384 got 17555"
    r"too many tokens in batch\. max is (?P<most>\d+) got (?P<asked>\d+)",
    # Voyage: "The max allowed tokens per submitted batch is 120000. Your batch has 121138 tokens after truncation."
    r"max allowed tokens per submitted batch is (?P<most>\d+)\. your batch has (?P<asked>\d+) tokens",
)
# Words without a number: Mistral's code 3210 says "Too many tokens overall, split into more batches."
_TOO_MANY_INPUTS = (
    r"too many (?:inputs|texts|documents|items)|batch (?:size )?(?:is )?too (?:large|big|high)"
)
_TOO_MUCH = (
    r"too many tokens (?:overall|in)|split into more batches|tokens per request|tokens per submitted batch"
    # text-embeddings-inference: "Failed to buffer the request body: length limit exceeded"; Gemini: "Request payload
    # size exceeds the limit: 4194304 bytes."; nginx: "413 Request Entity Too Large"
    r"|length limit exceeded|(?:payload|request body|entity|content|request) too large|payload size exceeds"
)
# Numbers that a server gives its requests or answers.
_IDENTIFIER = r"(?=[\w-]*\d)[\w-]{12,}"


class Refusal(NamedTuple):
    """What the response says.

    Attributes:
        message: its words in lower case; equal for equal reasons, also where each response has an identifier.
        unit: what there is too much of: "inputs", "characters" (or tokens or bytes), or "" for another reason.
        most: inputs or tokens that a request may have; None where that is not said.
        asked: tokens that this one had, where the server said so.
    """

    message: str
    unit: str
    most: int | None = None
    asked: int | None = None


def refusal_of(completion: Completion) -> Refusal:
    """Read the response of a request that was refused with one of REFUSING_CONTENT."""
    words = re.sub(_IDENTIFIER, "", _message(completion.body).lower())
    if re.search(_ONE_INPUT, words):
        return Refusal(words, "")
    for pattern in _MOST_TOKENS:
        found = re.search(pattern, words)
        if found:
            return Refusal(words, "characters", int(found["most"]), int(found["asked"]))
    for pattern in _MOST_INPUTS:
        found = re.search(pattern, words)
        if found:
            return Refusal(words, "inputs", int(found[1]))
    if re.search(_TOO_MANY_INPUTS, words):
        return Refusal(words, "inputs")
    if completion.status == TOO_LARGE or re.search(_TOO_MUCH, words):
        return Refusal(words, "characters")
    return Refusal(words, "")


def _message(body: Any) -> str:
    octets = bytes(memoryview(body).cast("B")[:_MOST_READ])
    try:
        document = load("baseten_perf.operations.python_json").loads(octets)
    except ValueError:
        return octets[:_MOST_SHOWN].decode("utf-8", "replace")
    found: list[str] = []
    _collect(document, found, 6)
    return "\n".join(found)[:_MOST_SHOWN]


def _collect(value: Any, found: list[str], levels: int) -> None:
    """The texts that tell what is wrong, in an error of any shape."""
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, list) and levels:
        for each in value:
            _collect(each, found, levels - 1)
    elif isinstance(value, dict) and levels:
        for name, each in value.items():
            if name in _TELLING:
                _collect(each, found, levels - 1)
