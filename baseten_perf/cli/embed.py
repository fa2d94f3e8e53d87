"""Embed the texts of a file and write the vectors to a .npy file, one row per text."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .failure import USAGE, Failure, from_client
from .npy import NpyFile
from .numbers import seconds, whole
from .texts import read_texts

if TYPE_CHECKING:
    from tqdm import tqdm

    from baseten_perf import PerformanceClient

SUMMARY = "embed the lines of a text or JSONL file into a .npy file"
KEY_VARIABLES = ("BASETEN_API_KEY", "OPENAI_API_KEY")
LANES = 4
ROUNDS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `embed`."""
    add = parser.add_argument
    add("file", metavar="FILE", help="text, one per line, or .jsonl; UTF-8; - is standard input")
    add("-o", "--output", required=True, metavar="OUT.npy", help="float32 matrix to write; an old one is replaced")
    add("--base-url", required=True, metavar="URL", help="server; /v1/embeddings is added")
    add("--model", required=True, help="name of the model")
    add("--field", metavar="NAME", help='field of each JSON line that holds the text (default for .jsonl: "text")')
    add("--batch-size", type=whole(1, 1024), default=128, metavar="N", help="texts per request (default: %(default)s)")
    add(
        "--max-concurrent-requests",
        type=whole(1, 1024),
        default=128,
        metavar="N",
        help="requests at a time (default: %(default)s)",
    )
    add("--max-chars-per-request", type=whole(50, 1 << 20), metavar="N", help="characters per request (default: any)")
    add("--dimensions", type=whole(1, 1_000_000), metavar="N", help="length of the vectors (default: the model's)")
    add("--encoding-format", choices=("float", "base64"), help="how vectors travel; base64 needs fewer bytes")
    add("--timeout-s", type=seconds, metavar="S", help="seconds per attempt of a request")
    add("--api-key-env", metavar="NAME", help=f"variable with the API key (default: {' or '.join(KEY_VARIABLES)})")


def run(arguments: argparse.Namespace) -> int:
    """Do what `embed` is for."""
    key = api_key(arguments.api_key_env)
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


def api_key(variable: str | None) -> str:
    """The API key from the environment; never from the command line, which others can read."""
    names = (variable,) if variable else KEY_VARIABLES
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise Failure(
        f"no API key: set the environment variable {' or '.join(names)}. "
        f"A local server that asks for none takes any value: {names[0]}=none baseten-perf embed ...",
        USAGE,
    )


def embed_into(output: NpyFile, texts: list[str], key: str, arguments: argparse.Namespace) -> int:
    """Embed all texts into `output` and return the tokens used. Failure when the client gives up."""
    import requests
    from tqdm import tqdm

    from baseten_perf import PerformanceClient

    options = {
        name: getattr(arguments, name)
        for name in ("model", "encoding_format", "dimensions", "batch_size", "max_chars_per_request", "timeout_s")
        if getattr(arguments, name) is not None
    }
    try:
        client = PerformanceClient(arguments.base_url, api_key=key)
        with tqdm(total=len(texts), unit="text", file=sys.stderr, disable=None) as bar:
            return asyncio.run(in_lanes(client, output, texts, arguments.max_concurrent_requests, options, bar))
    except (requests.exceptions.RequestException, ValueError) as error:
        raise from_client(error) from error


async def in_lanes(
    client: PerformanceClient,
    output: NpyFile,
    texts: list[str],
    concurrency: int,
    options: dict[str, Any],
    bar: tqdm[Any],
) -> int:
    """Embed slice after slice in a few lanes that share the concurrency: while one lane's slice runs out, the others
    keep the server busy, and every slice that is done moves the bar. Returns the tokens used.
    """
    lanes = min(LANES, concurrency)
    size = slice_size(len(texts), options["batch_size"], concurrency, lanes)
    starts = iter(range(0, len(texts), size))
    shares = [concurrency // lanes + (lane < concurrency % lanes) for lane in range(lanes)]

    async def run_lane(share: int, starts: Iterator[int]) -> int:
        tokens = 0
        for start in starts:
            part = texts[start : start + size]
            answer = await client.async_embed(input=part, max_concurrent_requests=share, **options)
            output.fill(start, answer.numpy())
            tokens += answer.usage.total_tokens
            bar.update(len(part))
        return tokens

    return sum(await asyncio.gather(*(run_lane(share, starts) for share in shares)))


def slice_size(texts: int, batch_size: int, concurrency: int, lanes: int) -> int:
    """Texts per slice, whole batches: an equal part of few texts, a few rounds of the lane's requests of many."""
    requests_in_all = -(-texts // batch_size)
    return batch_size * min(-(-requests_in_all // lanes), ROUNDS * -(-concurrency // lanes))
