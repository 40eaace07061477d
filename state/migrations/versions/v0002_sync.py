"""Add a sync's sources and its final message: `wanted` and `detail` of `sync_jobs`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

JSON = sa.Text().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("sync_jobs", sa.Column("wanted", JSON, nullable=False, server_default="[]"))
    # Plain SQL, because Alembic renames a column of SQLite by copying the table.
    op.execute("ALTER TABLE sync_jobs RENAME COLUMN error TO detail")
    op.create_index("sync_jobs_of_run", "sync_jobs", ["run_id"])
