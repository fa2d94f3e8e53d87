"""Put an endpoint under load: throughput, quantiles of latency and errors for each concurrency and batch size.

Closed loop: as many requests are in flight as the concurrency says, a new one begins when one ends, and a request's
time counts from when it gets its turn. Open loop, with --request-rate: requests begin at random moments, whatever
becomes of the others, and their time counts from when they were due. Nothing is retried: what the endpoint refuses is
an error.

Of the columns, `byte` is the time until the first byte of a response, `all` until the whole, both in seconds; the knee
is the least concurrency with nine tenths of the highest throughput; "-" stands for what no response has told.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from itertools import chain, islice, product
from typing import TYPE_CHECKING, Any

from . import options
from .failure import USAGE, Failure, client_errors
from .numbers import number
from .passages import passages
from .sources import TEXT, Columns, Inputs

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

    from .load import Figures, Requests

SUMMARY = "measure an endpoint of your own under load"
EXAMPLES = """\
  baseten-perf bench http://127.0.0.1:8000 --model m
  baseten-perf bench http://127.0.0.1:8000 --model m --concurrency 1,8,64 --batch-size 1,32 --plot bench.png
  baseten-perf bench http://127.0.0.1:8000 --model m --request-rate 50,100,200 --seconds 30 --json
"""
# What is asked for, and in which form where the default is not the server's.
APIS = ("embed", "rerank", "rerank:cohere", "classify", "classify:vllm", "classify:infinity")
CONCURRENCY = (1, 2, 4, 8, 16, 32, 64, 128)
# Nothing waits because of these, as calls do otherwise.
REFUSALS = {408, 409, 429, *range(500, 600)}
TEXTS = 4096  # different ones
WIDTHS = (5, 11, 10, 10, 10, 8, 8, 8, 8, 8, 8, 8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `bench`."""
    parser.add_argument("base_url", metavar="URL", help="endpoint; the path of the API is added")
    options.add_credentials(parser)
    add = parser.add_argument_group("requests").add_argument
    add("--api", choices=APIS, default=APIS[0],
        help="what is asked for; rerank and classify as text-embeddings-inference has them, or as what follows the "
        "colon: vLLM has rerank:cohere and classify:vllm (default: %(default)s)")  # fmt: skip
    add("--model", help="name of the model")
    add("--url-path", metavar="PATH", help="appended to the base URL, instead of the path of the API")
    add("--extra-body", type=options.json_object, metavar="JSON", help="further members of each request, as an object")
    add("--encoding-format", choices=("float", "base64"), help="how vectors travel")
    add("--input", metavar="FILE", help="texts to send (default: passages of Python's documentation)")
    add("--column", default=TEXT, metavar="NAME", help='column or JSON field with the text (default: "%(default)s")')
    add("--timeout", type=number(float, 0.1, 3600), default=60.0, metavar="S", help="seconds (default: %(default)s)")
    add = parser.add_argument_group("load").add_argument
    add("--concurrency", type=several(int, 1, 1024), default=CONCURRENCY, metavar="N,...",
        help=f"requests in flight, 1 to 1024 (default: {','.join(map(str, CONCURRENCY))})")  # fmt: skip
    add("--batch-size", type=several(int, 1, 1024), default=(1, 32), metavar="N,...",
        help="texts in each request, 1 to 1024 (default: 1,32)")  # fmt: skip
    add("--request-rate", type=several(float, 0.01, 100_000), metavar="R,...",
        help="open loop: requests per second, in place of --concurrency")  # fmt: skip
    add("--seconds", type=number(float, 0.1, 86_400), default=5.0, metavar="S",
        help="for each point (default: %(default)s)")  # fmt: skip
    add("--warm-up", type=number(float, 0, 3600), default=1.0, metavar="S",
        help="seconds before each point of a closed loop (default: %(default)s)")  # fmt: skip
    add = parser.add_argument_group("output").add_argument
    add("--json", action="store_true", help="print the figures as JSON")
    add("--plot", metavar="FILE", help="picture to draw, .png or .svg")


def run(arguments: argparse.Namespace) -> int:
    """Do what `bench` is for."""
    from .load import Requests, knees
    from .load.picture import check, draw

    key = options.api_key(arguments)
    if arguments.plot:
        check(arguments.plot)
    keywords = {"model": arguments.model, "url_path": arguments.url_path, "extra_body": arguments.extra_body}
    if arguments.encoding_format is not None:
        if arguments.api != "embed":
            raise Failure("--encoding-format is of --api embed", USAGE)
        keywords["encoding_format"] = arguments.encoding_format
    api, _, form = arguments.api.partition(":")
    if form:
        keywords["api"] = form
    requests = Requests(clients(arguments, key), api, keywords, texts_of(arguments))
    loads = arguments.request_rate or arguments.concurrency
    points = []
    with client_errors():
        for size, load in product(arguments.batch_size, loads):
            point = measured(requests, size, load, arguments)
            points.append(point)
            if not arguments.json:
                print_point(point, first=len(points) == 1)
    best = {} if arguments.request_rate else knees(points)
    if arguments.json:
        found = {"points": [point.json() for point in points], "knees": {n: p.concurrency for n, p in best.items()}}
        print(json.dumps({"url": options.shown(arguments), "api": arguments.api, "model": arguments.model, **found}))
    for size, point in best.items() if not arguments.json else ():
        print(f"knee, {size} a request: {point.inputs_per_s:.0f} inputs/s at concurrency {point.concurrency}")
    if arguments.plot:
        draw(points, f"{arguments.api} {arguments.model or ''} at {options.shown(arguments)}", arguments.plot)
    return 1 if any(point.errors for point in points) else 0


def clients(arguments: argparse.Namespace, key: str) -> Callable[[int, int], PerformanceClient]:
    """What makes a client for a batch size and a concurrency. It sends each request once, and tells its times."""
    from baseten_perf import PerformanceClient, RequestProcessingPreference

    def client(batch_size: int, concurrency: int) -> PerformanceClient:
        preference = RequestProcessingPreference(
            batch_size=batch_size, max_concurrent_requests=concurrency, timeout_s=arguments.timeout, max_retries=0,
            patience_s=0.0, non_retryable_status_codes=REFUSALS, timings=True,
            extra_headers=dict(arguments.header) or None,
        )  # fmt: skip
        preference.max_chars_per_request = None
        return PerformanceClient(arguments.base_url, api_key=key, preference=preference)

    return client


def texts_of(arguments: argparse.Namespace) -> Sequence[str]:
    """The texts to send."""
    if arguments.input is None:
        return passages(TEXTS)
    rows = Inputs([arguments.input], None, Columns(arguments.column, {})).rows()
    texts = [row.value for row in islice(rows, TEXTS)]
    if not texts:
        raise Failure(f"{arguments.input} is empty: there is nothing to send", USAGE)
    return texts


def measured(requests: Requests, size: int, load: float, arguments: argparse.Namespace) -> Figures:
    """The figures of one point."""
    from .load import Figures

    if arguments.request_rate:
        samples, seconds, most = requests.open(size, load, arguments.seconds)
        return Figures.of(samples, seconds, size, most, load)
    samples, seconds = requests.closed(size, int(load), arguments.warm_up, arguments.seconds)
    return Figures.of(samples, seconds, size, int(load))


def print_point(point: Figures, first: bool) -> None:
    """A line of the table, under its head when it is the first."""
    if first:
        times = [f"{what} {name}" for what in ("byte", "all") for name in ("p50", "p90", "p99")]
        print_columns("batch", "concurrency", "requests/s", "inputs/s", "tokens/s", *times, "errors")
    times = [f"{value:.4f}" for value in chain(point.first_byte_s.values(), point.total_s.values())] or ["-"] * 6
    rates = [f"{point.requests_per_s:.0f}", f"{point.inputs_per_s:.0f}"]
    rates.append(f"{point.tokens_per_s:.0f}" if point.tokens_per_s else "-")
    print_columns(str(point.batch_size), str(point.concurrency), *rates, *times, str(point.failed))
    for reason, count in point.errors.items():
        print(f"{count} x {reason}", file=sys.stderr)


def print_columns(*columns: Any) -> None:
    """Columns at the right of their places."""
    print(" ".join(f"{column:>{width}}" for column, width in zip(columns, WIDTHS, strict=True)), flush=True)


def several(kind: Callable[[str], Any], low: float, high: float) -> Callable[[str], tuple[Any, ...]]:
    """An argparse type: numbers in a range, separated by commas."""
    convert = number(kind, low, high)
    return lambda text: tuple(convert(part) for part in text.split(","))
