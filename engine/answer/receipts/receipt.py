"""The receipt of a number: an id that tells later whether it is still that, or what changed.

The id carries all of it, so that nothing is kept: digests of what may be long, and the days and versions themselves.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

from pydantic_core import to_json

from engine import __version__
from engine.answer.response import AnswerFrame, Body
from engine.answer.values.series import SeriesValues
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import Metric
from engine.errors import InvalidQuery, ParameterProblem
from engine.query import DimensionFilter, MetricQuery

# Its first characters are the version of the layout below.
PREFIX = "r1"
QUESTION_LAYOUT = struct.Struct(">6s3sII3s3s3s3s3s")
LAYOUT = struct.Struct(f">4s{QUESTION_LAYOUT.size}sII10s")
CHECK_BYTES = 3
# The parts of a query that have a place of their own in a receipt.
NAMED_PARTS = frozenset(("start", "end", "compare", "compare_start", "grain", "sources", "filters"))


@dataclass(frozen=True, slots=True)
class ReceiptQuestion:
    """The part of a receipt that many answers share: what is asked, and of which definition.

    `others` are the parameters that have no field. The statement follows from the definition, the query and the
    `program`: its text has what other metrics need of the same scan, too.
    """

    definition: bytes
    program: bytes
    start: int
    end: int
    comparison: bytes
    grain: bytes
    sources: bytes
    filters: bytes
    others: bytes
    packed: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "packed", QUESTION_LAYOUT.pack(*get_question_fields(self)))


get_question_fields = attrgetter(*(each.name for each in fields(ReceiptQuestion) if each.init))
get_others = attrgetter(*(each.name for each in fields(MetricQuery) if each.name not in NAMED_PARTS))


class Receipt(NamedTuple):
    """What a number rests on; `owner` is the tenant and the key, `through` the ordinal of the last known day, or 0.

    `numbers` are all values of the answer.
    """

    owner: bytes
    question: ReceiptQuestion
    through: int
    data_version: int
    numbers: bytes

    @property
    def id(self) -> str:
        packed = LAYOUT.pack(self.owner, self.question.packed, self.through, self.data_version, self.numbers)
        return PREFIX + urlsafe_b64encode(packed + compute_digest(packed, CHECK_BYTES)).decode()

    @property
    def window(self) -> tuple[date, date]:
        return date.fromordinal(self.question.start), date.fromordinal(self.question.end)


def make_receipt(
    question: ReceiptQuestion,
    body: Body,
    series: Sequence[SeriesValues],
    *,
    owner: bytes,
    through: date | None,
    data_version: int,
) -> Receipt:
    """Make the receipt of an answer, whose `series` are those of its body."""
    return Receipt(
        owner=owner,
        question=question,
        through=0 if through is None else through.toordinal(),
        data_version=data_version % 2**32,
        numbers=blake2b(to_json(list_numbers(body, series)), digest_size=10, key=owner).digest(),
    )


@lru_cache(maxsize=1_024)
def digest_question(frame: AnswerFrame, definition: Metric, dialect: str) -> ReceiptQuestion:
    """Digest what is asked of a metric; `definition` is the metric as no request breaks it down."""
    query = frame.query
    return ReceiptQuestion(
        definition=bytes.fromhex(hash_metric(definition))[:6],
        program=digest_value((dialect, __version__)),
        start=query.start.toordinal(),
        end=query.end.toordinal(),
        comparison=digest_value((query.compare.value, query.compare_start)),
        grain=digest_value(query.grain.value),
        sources=digest_value(tuple(sorted(frame.active.intersection(frame.metric.sources)))),
        filters=digest_filters(frame.applied),
        others=digest_value(get_others(query)),
    )


def list_numbers(body: Body, series: Sequence[SeriesValues]) -> list[Any]:
    """List all values of an answer, without names and titles."""
    table = body.get("table")
    return [
        body["stats"],
        [[each.id, shown["stats"], each.points] for each, shown in zip(series, body["series"], strict=True)],
        [each.compared for each in series] if "comparison" in body else [],
        [[item["id"], item["values"]] for item in body["items"]],
        table and [[[row["id"], row["values"]] for row in table["rows"]], table["total"]],
        body.get("target"),
    ]


@lru_cache(maxsize=4_096)
def get_owner(tenant: str, key: str) -> bytes:
    return compute_digest(f"{tenant}\0{key}".encode(), 4)


def digest_filters(filters: tuple[DimensionFilter, ...]) -> bytes:
    """Return a digest that is the same in any order of filters and members."""
    return digest_value(
        tuple(sorted((each.dimension, *map(tuple, map(sorted, (each.include, each.exclude)))) for each in filters))
    )


def digest_value(value: object) -> bytes:
    return compute_digest(repr(value).encode(), 3)


def compute_digest(content: bytes, size: int) -> bytes:
    return blake2b(content, digest_size=size).digest()


def parse_receipt(text: str, *, tenant: str, key: str) -> Receipt:
    """Read a receipt's id. Raises InvalidQuery for one that was not given to this tenant for this widget."""
    try:
        content = urlsafe_b64decode(text.removeprefix(PREFIX).encode("ascii"))
    except ValueError:
        content = b""
    packed, check = content[:-CHECK_BYTES], content[-CHECK_BYTES:]
    is_whole = text.startswith(PREFIX) and len(packed) == LAYOUT.size and compute_digest(packed, CHECK_BYTES) == check
    if not is_whole:
        raise make_problem("is no receipt: copy the whole of `meta.receipt`")
    owner, question, *rest = LAYOUT.unpack(packed)
    receipt = Receipt(owner, ReceiptQuestion(*QUESTION_LAYOUT.unpack(question)), *rest)
    if receipt.owner != get_owner(tenant, key):
        raise make_problem(f"is not a receipt of this user's {key}")
    return receipt


def make_problem(message: str) -> InvalidQuery:
    return InvalidQuery([ParameterProblem("receipt", message)])
