"""Add an index that finds a user's newest jobs: `sync_jobs_newest`."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("sync_jobs_newest", "sync_jobs", ["user_id", "created_at"])
