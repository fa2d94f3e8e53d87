"""What a refusal says: texts that servers really send, and what is learned of them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from baseten_perf.operations.batch_limit import UNLIMITED, BatchLimit
from baseten_perf.operations.refusal import Refusal, refusal_of


def said(body: Any, status: int = 400) -> Refusal:
    text = body if isinstance(body, str) else json.dumps(body)
    completion: Any = SimpleNamespace(body=text.encode(), status=status)
    return refusal_of(completion)


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


OF_INPUTS: list[tuple[Any, int]] = [
    ({"code": 20042, "message": "input batch size 136 > maximum allowed batch size 64", "data": None}, 64),
    ({"error": "batch size 33 > maximum allowed batch size 32", "error_type": "Validation"}, 32),
    (error("<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger "
           "than 10.: input.contents"), 10),
    ({"message": "invalid request: total number of texts must be at most 96 - received 131"}, 96),
    (error("Too many inputs. The max number of inputs is 16.  We hope to increase the number of inputs per request "
           "soon. Please contact us through an Azure support request for further questions."), 16),
    ({"error": {"code": 400, "message": "* BatchEmbedContentsRequest.requests: at most 100 requests can be in"
                " one batch\n"}}, 100),
    ({"error": {"code": 400, "message": "5 instance(s) is allowed per prediction. Actual: 6"}}, 5),
    ({"detail": "[RID: ec422fa8b74c3c20b493406ac1388555] Validation error: 'body -> jina-embeddings-v4' Each input "
      "list can contain at most 512 items.. Field errors: : Invalid value"}, 512),
    ({"detail": [{"type": "too_long", "loc": ["body", "input"], "msg": "List should have at most 2048 items after "
                  "validation, not 3000", "input": ["at most 3 texts"]}]}, 2048),
    (error("Invalid 'input': array too long. Expected an array with maximum length 2048, but got an array with length "
           "3000 instead.", code="array_above_max_length"), 2048),
    ({"error_code": 336221, "message": "max number of documents is 64, please check the documentation"}, 64),
]  # fmt: skip
OF_TOKENS: list[tuple[Any, int, int]] = [
    (error("Requested 453357 tokens, max 300000 tokens per request", code="max_tokens_per_request"), 300000, 453357),
    ({"object": "error", "message": "Too many tokens in batch. Max is 16384 got 17555", "code": None}, 16384, 17555),
    ({"detail": "Request to model 'voyage-large-2-instruct' failed. The max allowed tokens per submitted batch is "
      "120000. Your batch has 121138 tokens after truncation. Please lower the number of tokens in the batch."},
     120000, 121138),
]  # fmt: skip
OF_SIZE: list[tuple[Any, int]] = [
    ({"object": "error", "message": "Too many tokens overall, split into more batches.", "code": "3210"}, 400),
    (error("Invalid 'input': maximum request size is 300000 tokens per request."), 400),
    ("Failed to buffer the request body: length limit exceeded", 413),
    ("<html><head><title>413 Request Entity Too Large</title></head></html>", 413),
    (error("Request payload size exceeds the limit: 4194304 bytes."), 400),
    (error("Request body too large. Maximum allowed: 10 MB", code="PAYLOAD_TOO_LARGE"), 413),
    ("", 413),
]
OF_ONE_INPUT: list[Any] = [
    error("This model's maximum context length is 8192 tokens, however you requested 51435 tokens (51435 in your "
          "prompt; 0 for the completion). Please reduce your prompt; or completion length."),
    error("maximum context length is 8192 tokens"),
    {"error": "Input validation error: `inputs` must have less than 512 tokens. Given: 600"},
    {"error": "Input validation error: `inputs` must have less than 32000 characters. Given: 67337"},
    {"message": "Malformed input request: #/texts/0: expected maxLength: 2048, actual: 19882"},
    {"code": 400, "message": "Requested input length 268893 exceeds maximum input length 202751"},
    error("input is too large to process. increase the physical batch size (current batch size: 512)"),
    {"code": "InvalidParameter", "message": "<400> InternalError.Algo.InvalidParameter: Value error, document index:0 "
     "is invalid, it should not be larger than 300000: input.documents"},
    error("'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."),
    {"detail": [{"type": "string_type", "loc": ["body", "input", 7], "msg": "Input should be a valid string",
                 "input": "batch size 136 > maximum allowed batch size 64"}]},
    "\xff not JSON",
]  # fmt: skip


@pytest.mark.parametrize(("body", "most"), OF_INPUTS)
def test_too_many_inputs(body: Any, most: int) -> None:
    refusal = said(body)
    assert (refusal.unit, refusal.most) == ("inputs", most)
    limit = BatchLimit()
    limit.learn(refusal, [10] * (most + 1))
    assert (limit.inputs, limit.characters) == (most, UNLIMITED)


@pytest.mark.parametrize(("body", "most", "asked"), OF_TOKENS)
def test_too_many_tokens(body: Any, most: int, asked: int) -> None:
    refusal = said(body)
    assert (refusal.unit, refusal.most, refusal.asked) == ("characters", most, asked)
    limit = BatchLimit()
    limit.learn(refusal, [asked] * 4)
    assert limit.inputs == UNLIMITED
    assert 3.5 * most < limit.characters < 4 * most


@pytest.mark.parametrize(("body", "status"), OF_SIZE)
def test_a_size_without_a_number(body: Any, status: int) -> None:
    refusal = said(body, status)
    assert (refusal.unit, refusal.most) == ("characters", None)


@pytest.mark.parametrize("body", OF_ONE_INPUT)
def test_one_input_is_to_blame(body: Any) -> None:
    assert said(body).unit == ""
    limit = BatchLimit()
    limit.learn(said(body), [1000] * 500)
    assert (limit.inputs, limit.characters) == (UNLIMITED, UNLIMITED)


def test_equal_reasons_are_equal_whatever_their_identifiers() -> None:
    first = error("The model `x` does not exist (request id: 20250801123456789012345)", id="0d0722c3e-ee3f-4728")
    second = error("The model `x` does not exist (request id: 20250801123456789099999)", id="4d7722c3e-ee3f-4728")
    assert said(first).message == said(second).message
    assert said(error("9000 tokens")).message != said(error("9001 tokens")).message


def test_a_limit_that_the_batch_was_within_is_none() -> None:
    limit = BatchLimit()
    limit.learn(said(OF_INPUTS[0][0]), [1] * 64)
    limit.learn(Refusal("", "inputs", 0), [1] * 64)
    assert limit.inputs == UNLIMITED
    limit.learn(said(OF_INPUTS[0][0]), [1] * 65)
    assert limit.inputs == 64
    assert limit.sizes([1] * 130) == [64, 64, 2]
    limit.set("characters", 10)
    assert limit.sizes([4, 4, 4, 30, 1, 10, 1]) == [2, 1, 1, 1, 1, 1]
