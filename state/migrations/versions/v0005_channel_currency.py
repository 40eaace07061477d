"""Add `currency` to `ga4_channels_daily`, where the fact tables are in this database, from the property's days.

A warehouse of its own is not reached from here; docs/sync.md has the statements for it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

CHANNELS, DAYS = "ga4_channels_daily", "ga4_daily"
KEY = ("user_id", "date", "property_id")


def upgrade() -> None:
    channels = list_columns(CHANNELS)
    # A table of this name that is somebody's own, or a view, is left as it is.
    if not {*KEY, "channel", "revenue"} <= channels or "currency" in channels:
        return
    op.add_column(CHANNELS, sa.Column("currency", sa.Text()))
    if {*KEY, "currency"} <= list_columns(DAYS):
        same = " AND ".join(f"{DAYS}.{column} = {CHANNELS}.{column}" for column in KEY)
        op.execute(f"UPDATE {CHANNELS} SET currency = (SELECT {DAYS}.currency FROM {DAYS} WHERE {same})")


def list_columns(table: str) -> set[str]:
    inspector = sa.inspect(op.get_bind())
    if table not in inspector.get_table_names():
        return set()
    return {column["name"] for column in inspector.get_columns(table)}
