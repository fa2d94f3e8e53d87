"""The jobs of jobs.py as users of each client write them: one file each, `JOB_PEER.py`, and nothing in it is for us.

    backfill:    run(base_url, texts, out)                       texts from a generator, a row of `out` for each
    bad_texts:   run(base_url, texts, out, requests_per_minute)  some texts are refused, and the server has a quota

`out` is a memory map of float32 zeros, one row a text; the rows of bad texts are to stay so, all others are wanted.
Batches and requests in flight are the same for all clients. Lines of code are those of the whole file, without
comments, docstrings and blank lines.
"""

from __future__ import annotations

import importlib
import io
import tokenize
from pathlib import Path
from types import ModuleType

_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def program(job: str, peer: str) -> ModuleType:
    """What a user of this client writes for the job."""
    return importlib.import_module(f"{__name__}.{job}_{peer}")


def lines(job: str, peer: str) -> int:
    """How many lines of code that is."""
    text = (Path(__file__).parent / f"{job}_{peer}.py").read_text()
    found: set[int] = set()
    begins = True  # a statement
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _NO_CODE:
            begins = begins or token.type == tokenize.NEWLINE
        elif not (begins and token.type == tokenize.STRING):  # a docstring
            found.update(range(token.start[0], token.end[0] + 1))
            begins = False
    return len(found)
