"""Embed the texts of a file and write the vectors to a .npy file, one row per text."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import options
from .failure import client_errors
from .npy import NpyFile
from .numbers import number
from .progress import progress
from .texts import read_texts

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "embed the lines of a text or JSONL file into a .npy file"
LANES = 4
ROUNDS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `embed`."""
    add = parser.add_argument
    add("file", metavar="FILE", help="text, one per line, or .jsonl; UTF-8; - is standard input")
    add("-o", "--output", required=True, metavar="OUT.npy", help="float32 matrix to write; an old one is replaced")
    options.add_server(parser)
    add("--model", required=True, help="name of the model")
    add("--field", metavar="NAME", help='field of each JSON line that holds the text (default for .jsonl: "text")')
    add(
        "--dimensions", type=number(int, 1, 1_000_000), metavar="N", help="length of the vectors (default: the model's)"
    )
    add("--encoding-format", choices=("float", "base64"), help="how vectors travel; base64 needs fewer bytes")
    options.add_call_options(
        parser, batch_size=128, max_concurrent_requests=128, max_chars_per_request=None, timeout_s=None
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what `embed` is for."""
    key = options.api_key(arguments)
    field = arguments.field or ("text" if arguments.file.endswith(".jsonl") else None)
    texts = read_texts(arguments.file, field)
    with NpyFile(arguments.output, len(texts)) as output:
        start = time.monotonic()
        tokens = embed_into(output, texts, key, arguments)
        output.finish()
    elapsed = time.monotonic() - start
    rows, dimension = output.shape or (0, 0)
    print(
        f"{arguments.output}: {rows} x {dimension} float32, {tokens} tokens, "
        f"{elapsed:.2f} s, {rows / elapsed:.0f} texts/s",
        file=sys.stderr,
    )
    return 0


def embed_into(output: NpyFile, texts: list[str], key: str, arguments: argparse.Namespace) -> int:
    """Embed all texts into `output` and return the tokens used. Failure when the client gives up."""
    import asyncio

    from baseten_perf import PerformanceClient

    given = options.call_options(arguments)
    concurrency = given.pop("max_concurrent_requests")
    given.update(model=arguments.model, encoding_format=arguments.encoding_format, dimensions=arguments.dimensions)
    with client_errors():
        client = PerformanceClient(arguments.base_url, api_key=key)
        with progress(len(texts), "text") as advance:
            return asyncio.run(in_lanes(client, output, texts, concurrency, given, advance))


async def in_lanes(
    client: PerformanceClient,
    output: NpyFile,
    texts: list[str],
    concurrency: int,
    given: dict[str, Any],
    advance: Callable[[int], object],
) -> int:
    """Embed slice after slice in a few lanes that share the concurrency: while one lane's slice runs out, the others
    keep the server busy, and every slice that is done advances the progress. Returns the tokens used.
    """
    import asyncio

    lanes = min(LANES, concurrency)
    size = slice_size(len(texts), given["batch_size"], concurrency, lanes)
    starts = iter(range(0, len(texts), size))
    shares = [concurrency // lanes + (lane < concurrency % lanes) for lane in range(lanes)]

    async def run_lane(share: int, starts: Iterator[int]) -> int:
        tokens = 0
        for start in starts:
            part = texts[start : start + size]
            answer = await client.async_embed(input=part, max_concurrent_requests=share, **given)
            output.fill(start, answer.numpy())
            tokens += answer.usage.total_tokens
            advance(len(part))
        return tokens

    return sum(await asyncio.gather(*(run_lane(share, starts) for share in shares)))


def slice_size(texts: int, batch_size: int, concurrency: int, lanes: int) -> int:
    """Texts per slice, whole batches: an equal part of few texts, a few rounds of the lane's requests of many."""
    requests_in_all = -(-texts // batch_size)
    return batch_size * min(-(-requests_in_all // lanes), ROUNDS * -(-concurrency // lanes))
