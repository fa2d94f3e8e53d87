"""Embed, rerank and classify passages of Python's documentation on a local test server, with figures."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from . import options
from .failure import Failure, client_errors
from .numbers import number
from .passages import passages
from .progress import watched

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient
    from baseten_perf.testing import Server

SUMMARY = "try everything on a local test server; needs no account and no network"
EXAMPLES = """\
  baseten-perf demo
  baseten-perf demo --texts 20000 --concurrency 64 --json
"""
QUERY = "How do I make sure that a file is closed after an exception?"
MODEL = "demo"
NEAREST = 5
CANDIDATES = 64
SAMPLES = ["This is great, I love it!", "It did not work and I did not like it.", "A plain description of a fact."]
EXPLAINED = 18  # columns of the names before the figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `demo`."""
    add = parser.add_argument
    add(
        "--texts", type=number(int, 1, 1_000_000), default=3072, metavar="N",
        help="passages to embed (default: %(default)s)",
    )  # fmt: skip
    options.add_call_options(parser, adaptive=False, batch_size=32, max_concurrent_requests=32)
    add("--json", action="store_true", help="print the figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what `demo` is for."""
    from baseten_perf import PerformanceClient
    from baseten_perf.testing import Server

    texts = passages(arguments.texts)
    try:
        with client_errors(), Server() as server:
            client = PerformanceClient(server.url, api_key="none-needed")
            found = figures(client, server, texts, arguments.batch_size, arguments.max_concurrent_requests)
    except RuntimeError as error:
        raise Failure(str(error)) from error
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print_figures(found)
    return 0


def figures(
    client: PerformanceClient, server: Server, texts: list[str], batch_size: int, concurrency: int
) -> dict[str, Any]:
    """Make the calls and gather what there is to tell."""
    import numpy

    def embedded() -> int:
        counts = server.statistics()
        return (counts.requests - counts.requests_active) * batch_size

    with watched(len(texts), "text", embedded):
        answer = client.embed(input=texts, model=MODEL, batch_size=batch_size, max_concurrent_requests=concurrency)
    vectors = answer.numpy()
    times = numpy.array(answer.individual_request_times)
    query = client.embed(input=[QUERY], model=MODEL).numpy()[0]
    similar = vectors @ query
    nearest = [int(index) for index in numpy.argsort(-similar, kind="stable")[:CANDIDATES]]
    candidates = [texts[index] for index in nearest]
    ranked = client.rerank(
        query=QUERY, texts=candidates, return_text=True, batch_size=16, max_concurrent_requests=concurrency
    )
    best = sorted(ranked.data, key=lambda result: -result.score)[:3]
    labelled = client.classify(inputs=SAMPLES)
    return {
        "server": server.url,
        "texts": len(texts),
        "shape": list(vectors.shape),
        "dtype": str(vectors.dtype),
        "requests": len(times),
        "batch_size": batch_size,
        "max_concurrent_requests": concurrency,
        "elapsed_s": answer.total_time,
        "texts_per_s": len(texts) / answer.total_time,
        "request_p50_s": float(numpy.quantile(times, 0.5)),
        "request_p99_s": float(numpy.quantile(times, 0.99)),
        "tokens": answer.usage.total_tokens,
        "query": QUERY,
        "nearest": [
            {"index": index, "cosine": float(similar[index]), "text": texts[index]} for index in nearest[:NEAREST]
        ],
        "reranked": [{"score": result.score, "text": result.text} for result in best],
        "classified": [
            {"text": text, "labels": {result.label: result.score for result in group}}
            for text, group in zip(SAMPLES, labelled.data, strict=True)
        ],
    }


def print_figures(found: dict[str, Any]) -> None:
    """The figures for people, in plain ASCII around the passages."""
    rows, dimension = found["shape"]
    print(f"Embedding on a local test server at {found['server']}")
    explained(
        {
            "texts": f"{found['texts']:,} ({found['tokens']:,} words)",
            "vectors": f"{rows:,} x {dimension} {found['dtype']}",
            "requests": f"{found['requests']:,} of up to {found['batch_size']} texts,"
            f" {found['max_concurrent_requests']} at a time",
            "elapsed": f"{found['elapsed_s']:.3f} s",
            "texts per second": f"{found['texts_per_s']:,.0f}",
            "time per request": f"p50 {found['request_p50_s']:.4f} s, p99 {found['request_p99_s']:.4f} s",
        }
    )
    print(f"\nNearest passages to: {found['query']}")
    for one in found["nearest"]:
        print_scored(one["cosine"], one["text"])
    print("\nBest after reranking")
    for one in found["reranked"]:
        print_scored(one["score"], one["text"])
    print("\nClassified")
    for one in found["classified"]:
        label, score = max(one["labels"].items(), key=lambda pair: pair[1])
        print_scored(score, f"{label:<10}{one['text']}")


def explained(values: dict[str, str]) -> None:
    """Names and values in two columns."""
    for name, value in values.items():
        print(f"  {name:<{EXPLAINED}}{value}")


def print_scored(score: float, text: str) -> None:
    """A score and as much of the text as fits on a line of the terminal."""
    width = max(40, shutil.get_terminal_size().columns if sys.stdout.isatty() else 120)
    line = f"  {score:6.3f}  {text}"
    print(line if len(line) <= width else f"{line[: width - 4]} ...")
