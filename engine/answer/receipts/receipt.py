"""The receipt of a number: an id that tells later whether it is still that, or what changed.

The id carries all of it, so that nothing is kept: digests of what may be long, and the days and versions themselves.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from pydantic_core import to_json

from engine import __version__
from engine.answer.response import Body
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import Metric
from engine.errors import InvalidQuery, ParameterProblem
from engine.query import DimensionFilter, MetricQuery

# Its first characters are the version of the layout below.
PREFIX = "r1"
LAYOUT = struct.Struct(">4s6s3sII3s3s3s3s3sII10s")
CHECK_BYTES = 3
# The parts of a query that have a place of their own in a receipt.
NAMED_PARTS = frozenset(("start", "end", "compare", "compare_start", "grain", "sources", "filters"))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a number rests on; `owner` is the tenant and the key, `through` the ordinal of the last known day, or 0.

    `numbers` are all values of the answer, and `others` the parameters that have no field. The statement follows from
    the definition, the query and the `program`: its text has what other metrics need of the same scan, too.
    """

    owner: bytes
    definition: bytes
    program: bytes
    start: int
    end: int
    comparison: bytes
    grain: bytes
    sources: bytes
    filters: bytes
    others: bytes
    through: int
    data_version: int
    numbers: bytes

    @property
    def id(self) -> str:
        packed = LAYOUT.pack(*get_fields(self))
        return PREFIX + urlsafe_b64encode(packed + compute_digest(packed, CHECK_BYTES)).decode()

    @property
    def window(self) -> tuple[date, date]:
        return date.fromordinal(self.start), date.fromordinal(self.end)


def make_receipt(
    metric: Metric,
    query: MetricQuery,
    body: Body,
    *,
    tenant: str,
    data_version: int,
    sources: Iterable[str],
    filters: Iterable[DimensionFilter],
    dialect: str,
) -> Receipt:
    """Make the receipt of an answer; `sources` are those that are on, and `filters` those that apply."""
    owner = get_owner(tenant, metric.key)
    through = body["meta"]["data_through"]
    return Receipt(
        owner=owner,
        definition=bytes.fromhex(hash_metric(metric))[:6],
        program=digest_value((dialect, __version__)),
        start=query.start.toordinal(),
        end=query.end.toordinal(),
        comparison=digest_value((query.compare.value, query.compare_start)),
        grain=digest_value(query.grain.value),
        sources=digest_sources(frozenset(sources)),
        filters=digest_filters(tuple(filters)),
        others=digest_value(get_others(query)),
        through=0 if through is None else date.fromisoformat(through).toordinal(),
        data_version=data_version % 2**32,
        numbers=blake2b(to_json(list_numbers(body)), digest_size=10, key=owner).digest(),
    )


get_fields = attrgetter(*(each.name for each in fields(Receipt)))
get_others = attrgetter(*(each.name for each in fields(MetricQuery) if each.name not in NAMED_PARTS))


def list_numbers(body: Body) -> list[Any]:
    """List all values of an answer, without names and titles."""
    table = body.get("table")
    return [
        body["stats"],
        [[each.get("id"), each["stats"], list_points(each)] for each in body["series"]],
        [list_points(each) for each in body.get("comparison", {}).get("series", ())],
        [[item["id"], item["values"]] for item in body["items"]],
        table and [[[row["id"], row["values"]] for row in table["rows"]], table["total"]],
        body.get("target"),
    ]


def list_points(series: Body) -> list[Any]:
    return [point["v"] for point in series["points"]]


@lru_cache(maxsize=4_096)
def get_owner(tenant: str, key: str) -> bytes:
    return compute_digest(f"{tenant}\0{key}".encode(), 4)


@lru_cache(maxsize=1_024)
def digest_sources(sources: frozenset[str]) -> bytes:
    return digest_value(tuple(sorted(sources)))


@lru_cache(maxsize=1_024)
def digest_filters(filters: tuple[DimensionFilter, ...]) -> bytes:
    """Return a digest that is the same in any order of filters and members."""
    return digest_value(
        tuple(sorted((each.dimension, *map(tuple, map(sorted, (each.include, each.exclude)))) for each in filters))
    )


@lru_cache(maxsize=4_096)
def digest_value(value: Hashable) -> bytes:
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
    receipt = Receipt(*LAYOUT.unpack(packed))
    if receipt.owner != get_owner(tenant, key):
        raise make_problem(f"is not a receipt of this user's {key}")
    return receipt


def make_problem(message: str) -> InvalidQuery:
    return InvalidQuery([ParameterProblem("receipt", message)])
