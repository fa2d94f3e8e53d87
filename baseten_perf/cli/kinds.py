"""Kinds of files, told by the suffix of a name or by an option."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from .failure import USAGE, Failure

STANDARD = "-"  # standard input or output
COMPRESSED = (".gz", ".zst")

INPUTS = {
    "text": (".txt", ".text"),
    "jsonl": (".jsonl", ".ndjson"),
    "json": (".json",),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".ipc", ".feather"),
}
OUTPUTS = {
    "npy": (".npy",),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".ipc", ".feather"),
}


def input_kind(path: str, given: str | None, number: int) -> str:
    """The kind of an input: as given, by its suffix, or text where there is none. Failure when it is not there.

    A path that leads nowhere and looks like none is told by its `number`: it may be an API key in the wrong place.
    """
    suffix = suffix_of(path.removesuffix(".gz").removesuffix(".zst"))
    kind = known(suffix, INPUTS)
    if not os.path.exists(path):
        shown = path if kind is not None or os.sep in path else f"input {number}"
        raise Failure(f"cannot read {shown}: {os.strerror(errno.ENOENT)}", USAGE)
    kind = given or ("text" if suffix == "" else kind)
    if kind is None:
        raise Failure(f"{path}: no kind of input ends in {suffix}; choose one with --from: {', '.join(INPUTS)}", USAGE)
    if kind in ("parquet", "arrow") and path.endswith(COMPRESSED):
        raise Failure(f"{path}: {kind} files have a compression of their own", USAGE)
    return kind


def output_kind(path: str, given: str | None, possible: tuple[str, ...]) -> str:
    """The kind of an output: as given, or by its suffix; JSONL on standard output. Failure when it is not possible."""
    suffix = suffix_of(path)
    kind = given or ("jsonl" if path == STANDARD else known(suffix, OUTPUTS))
    if kind is None:
        raise Failure(
            f"cannot write {path}: no kind of output ends in {suffix or 'nothing'}; choose one with --to: "
            f"{', '.join(possible)}", USAGE,
        )  # fmt: skip
    if kind not in possible:
        raise Failure(f"cannot write {path}: {kind} does not hold these results; {', '.join(possible)} do", USAGE)
    if path == STANDARD and kind != "jsonl":
        raise Failure(f"standard output takes jsonl, not {kind}", USAGE)
    return kind


def suffix_of(path: str) -> str:
    """The suffix in lower case, with its dot; "" where there is none."""
    return os.path.splitext(path)[1].lower()


def known(suffix: str, kinds: Mapping[str, tuple[str, ...]]) -> str | None:
    """The kind that has a suffix."""
    return next((kind for kind, suffixes in kinds.items() if suffix in suffixes), None)
