"""Columns → Arrow and Parquet; the library is imported when one of them is first written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

from engine.answer.forms.columns import AnswerColumn
from engine.errors import UnavailableForm
from engine.extras import install_command


def write_arrow(columns: Sequence[AnswerColumn]) -> bytes:
    """Write a stream of Arrow record batches. Raises UnavailableForm."""
    table, output = build_arrow_table(columns), BytesIO()
    from pyarrow import ipc

    with ipc.new_stream(output, table.schema) as writer:
        writer.write_table(table)
    return output.getvalue()


def write_parquet(columns: Sequence[AnswerColumn]) -> bytes:
    """Write a Parquet file. Raises UnavailableForm."""
    table, output = build_arrow_table(columns), BytesIO()
    from pyarrow import parquet

    parquet.write_table(table, output)
    return output.getvalue()


def build_arrow_table(columns: Sequence[AnswerColumn]) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        message = f"Arrow and Parquet need a package that is not installed: {install_command('arrow')}"
        raise UnavailableForm(message) from error
    types = {
        "date": pyarrow.date32(),
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "double": pyarrow.float64(),
    }
    return pyarrow.table(
        [pyarrow.array(list_values(column), types[column.type]) for column in columns],
        schema=pyarrow.schema([(column.name, types[column.type]) for column in columns]),
    )


def list_values(column: AnswerColumn) -> list[Any]:
    if column.type != "date":
        return list(column.cells)
    return [None if each is None else date.fromisoformat(each) for each in column.cells]
