"""The statement by hand, on the bare driver: `python -m bench.peers.ask_by_hand FILE`."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

import duckdb

from bench.peers.asking import answer_by_days, answer_rounds

STATEMENT = """
SELECT date, SUM(sessions) FROM ga4_daily
WHERE user_id = CAST($1 AS uuid) AND date BETWEEN $2 AND $3 GROUP BY date
"""


def main(file: str) -> None:
    connection = duckdb.connect(file, read_only=True)

    def read_days(tenant: str, first: date, last: date) -> list[Any]:
        return connection.execute(STATEMENT, [tenant, first, last]).fetchall()

    answer_rounds(answer_by_days(read_days))


if __name__ == "__main__":
    main(sys.argv[1])
