"""The forms in which an answer can be written beside JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

from engine.answer.engine import WidgetAnswer
from engine.answer.forms.arrow import write_arrow, write_parquet
from engine.answer.forms.columns import AnswerColumn, build_batch_columns, build_columns
from engine.answer.forms.csv_text import write_csv

FORMS: Mapping[str, Callable[[Sequence[AnswerColumn]], bytes]] = {
    "csv": write_csv,
    "arrow": write_arrow,
    "parquet": write_parquet,
}


def encode_answer(answer: WidgetAnswer, form: str) -> bytes:
    """Write an answer's points, or the rows of its table, in one of the forms. Raises UnavailableForm."""
    return FORMS[form](build_columns(answer.metric, answer.body))


def encode_answers(answers: Mapping[str, WidgetAnswer | str], form: str) -> bytes:
    """Write several answers in one of the forms, a line for each value; a text stands for one that there is not.

    Raises UnavailableForm.
    """
    found = (
        (key, each.metric, each.body) if isinstance(each, WidgetAnswer) else (key, None, {"detail": each})
        for key, each in answers.items()
    )
    return FORMS[form](build_batch_columns(found))


def is_available(form: str) -> bool:
    """Whether the package that a form needs is installed."""
    return form == "csv" or find_spec("pyarrow") is not None
