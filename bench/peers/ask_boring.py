"""boring-semantic-layer, by a chained query on DuckDB through Ibis: `python -m bench.peers.ask_boring FILE`.

Its rows are taken as Arrow, which is faster than the data frame that `execute()` makes.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

import ibis
from boring_semantic_layer import to_semantic_table

from bench.peers.asking import answer_by_days, answer_rounds


def main(file: str) -> None:
    table = ibis.duckdb.connect(file, read_only=True).table("ga4_daily")
    model = (
        to_semantic_table(table, name="ga4")
        .with_dimensions(date=lambda t: t.date, user_id=lambda t: t.user_id)
        .with_measures(sessions=lambda t: t.sessions.sum())
    )

    def read_days(tenant: str, first: date, last: date) -> Iterable[tuple[date, Any]]:
        user = uuid.UUID(tenant)
        found = (
            model.filter(lambda t: ibis.and_(t.user_id == user, t.date.between(first, last)))
            .group_by("date")
            .aggregate("sessions")
            .to_pyarrow()
        )
        return zip(found["date"].to_pylist(), found["sessions"].to_pylist(), strict=True)

    answer_rounds(answer_by_days(read_days))


if __name__ == "__main__":
    main(sys.argv[1])
