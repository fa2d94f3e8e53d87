"""The test server by hand: `python -m baseten_perf.testing --port 8000`."""

from __future__ import annotations

import argparse

from .embeddings import DIMENSION
from .faults import Faults
from .service import Settings, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m baseten_perf.testing", description="a local test server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer")
    parser.add_argument("--faults", default="", help="faults of all requests, as in a path prefix: status=503,every=10")
    parser.add_argument("--dimension", type=int, default=DIMENSION, help="of embeddings (default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="keep all requests for GET /_requests")
    parser.add_argument("--tls", nargs=2, metavar=("CERTFILE", "KEYFILE"), help="serve https")
    parser.add_argument("--until-stdin-ends", action="store_true", help="end with the process that started this one")
    arguments = parser.parse_args()
    try:
        faults = Faults.parse(",".join(filter(None, (arguments.faults, f"latency={arguments.latency}"))))
    except ValueError as error:
        parser.error(str(error))
    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        dimension=arguments.dimension,
        record=arguments.record,
        faults=faults,
        tls=tuple(arguments.tls) if arguments.tls else None,
        owned=arguments.until_stdin_ends,
    )
    try:
        serve(settings)
    except KeyboardInterrupt:
        parser.exit(130)


if __name__ == "__main__":
    main()
