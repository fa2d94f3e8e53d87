"""Record batches of rows and their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..extras import pyarrow
from ..failure import Lack
from ..sources import Row
from .jsonl import shown
from .output import WRITING, Table


class ArrowTable:
    """Makes the record batches of a table."""

    def __init__(self, table: Table) -> None:
        self.pyarrow = pa = pyarrow(WRITING)
        self._table = table
        types = {name: column_type(pa, seen) for name, seen in table.seen.items()} | dict(table.declared)
        fields = [pa.field(name, types[name]) for name in table.carried]
        kind = table.type(pa)
        if table.tells_errors and pa.types.is_fixed_size_list(kind):
            kind = pa.list_(kind.value_type)  # pyarrow 25 cannot read null ones of a fixed size from Parquet
        fields.append(pa.field(table.result, kind))
        if table.tells_errors:
            fields.append(pa.field("error", pa.string()))
        self._schema = pa.schema(fields)

    def batch(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> Any:
        """The record batch of some rows."""
        schema, pa = self._schema, self.pyarrow
        columns = []
        for number in range(len(self._table.carried)):
            kind = schema.field(number).type
            values = [row.carried[number] for row in rows]
            if kind == pa.string():
                values = [value if value is None or isinstance(value, str) else as_text(value) for value in values]
            columns.append(pa.array(values, kind))
        columns.append(results_array(pa, schema.field(self._table.result).type, results, errors))
        if self._table.tells_errors:
            columns.append(
                pa.array([errors[n].message if n in errors else None for n in range(len(rows))], pa.string())
            )
        return pa.record_batch(columns, schema=schema)


def results_array(pa: Any, kind: Any, results: Any, errors: Mapping[int, Lack]) -> Any:
    """The column of the results; of vectors, which are a matrix, without a Python object for each."""
    if len(errors) == len(results):
        return pa.nulls(len(results), kind)
    if not (pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)) or kind.value_type != pa.float32():
        return pa.array([None if place in errors else result for place, result in enumerate(results)], kind)
    import numpy

    from baseten_perf.pipelines.columns import Vectors
    from baseten_perf.pipelines.tables.arrow import vectors_array

    present = numpy.ones(len(results), bool)
    present[list(errors)] = False
    return vectors_array(Vectors(numpy.ascontiguousarray(results), present, pa.types.is_list(kind)))


def column_type(pa: Any, seen: set[type]) -> Any:
    """The Arrow type for values of some Python types: text, in JSON if need be, where these have none in common."""
    if seen == {bool}:
        return pa.bool_()
    if seen == {int}:
        return pa.int64()
    if seen and seen <= {int, float}:
        return pa.float64()
    return pa.string()


def as_text(value: Any) -> str:
    """A value as JSON."""
    return orjson.dumps(value, default=shown).decode()
