"""Sidemantic, by `SemanticLayer.query`: `python -m bench.peers.ask_sidemantic FILE`."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

from sidemantic import Dimension, Metric, Model, SemanticLayer

from bench.peers.asking import answer_by_days, answer_rounds


def main(file: str) -> None:
    layer = SemanticLayer(connection=f"duckdb:///{file}", auto_register=False)
    layer.add_model(
        Model(
            name="ga4",
            table="ga4_daily",
            primary_key=["user_id", "date", "property_id"],
            dimensions=[
                Dimension(name="date", type="time", sql="date", granularity="day"),
                Dimension(name="user_id", type="categorical", sql="user_id"),
            ],
            metrics=[Metric(name="sessions", agg="sum", sql="sessions")],
        )
    )

    def read_days(tenant: str, first: date, last: date) -> list[Any]:
        found: list[Any] = layer.query(
            metrics=["ga4.sessions"],
            dimensions=["ga4.date__day"],
            filters=[f"ga4.user_id = '{tenant}'", f"ga4.date >= '{first}'", f"ga4.date <= '{last}'"],
        ).fetchall()
        return found

    answer_rounds(answer_by_days(read_days))


if __name__ == "__main__":
    main(sys.argv[1])
