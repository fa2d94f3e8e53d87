"""CSV and TSV, whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from ..failure import USAGE, Failure
from .lines import decoded
from .row import Columns, Row

LONGEST_FIELD = 2**31 - 1  # what fits into a C long everywhere


def delimited_rows(name: str, lines: BinaryIO, columns: Columns, delimiter: str) -> Iterator[Row]:
    """What each record makes, numbered by the line where it begins. Blank lines are no rows."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader((line for _, line in decoded(name, lines)), delimiter=delimiter, strict=True)
    try:
        names = next(reader, [])
        if len(set(names)) != len(names):
            raise Failure(f"{name}:1: two columns have the same name", USAGE)
        missing = [column for column in columns.needed or () if column not in names]
        if names and missing:
            raise Failure(f"{name}:1: no column {missing[0]!r} among {', '.join(names)}", USAGE)
        number = reader.line_num + 1
        for fields in reader:
            if fields:
                if len(fields) != len(names):
                    raise Failure(f"{name}:{number}: {len(fields)} fields in a table of {len(names)} columns", USAGE)
                row = columns.row(dict(zip(names, fields, strict=True)), name, number)
                if row is not None:
                    yield row
            number = reader.line_num + 1
    except csv.Error as error:
        raise Failure(f"{name}:{reader.line_num}: {error}", USAGE) from None


csv_rows = partial(delimited_rows, delimiter=",")
tsv_rows = partial(delimited_rows, delimiter="\t")
