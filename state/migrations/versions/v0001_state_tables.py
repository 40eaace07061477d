"""Create the state tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(collation="NOCASE"), "sqlite")
JSON = sa.Text().with_variant(JSONB(), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True)
ACTIVE = sa.text("status IN ('queued', 'running')")
SUCCEEDED = sa.text("status = 'succeeded'")


def upgrade() -> None:
    create_tables_that_may_exist()
    create_connections()
    create_data_versions()
    create_sync_jobs()


def create_tables_that_may_exist() -> None:
    op.create_table(
        "user_dashboard_layouts",
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("layout", JSON, nullable=False),
        sa.Column("updated_at", TIMESTAMP, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("user_id", name="user_dashboard_layouts_pkey"),
        if_not_exists=True,
    )
    op.create_table(
        "app_settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", JSON),
        sa.Column("updated_at", TIMESTAMP, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("key", name="app_settings_pkey"),
        if_not_exists=True,
    )


def create_connections() -> None:
    op.create_table(
        "connections",
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("credentials", sa.Text()),
        sa.Column("credentials_at", TIMESTAMP),
        sa.Column("options", JSON, nullable=False, server_default="{}"),
        sa.Column("last_success_at", TIMESTAMP),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", TIMESTAMP, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIMESTAMP, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("user_id", "source", "account_id", name="connections_pkey"),
    )


def create_data_versions() -> None:
    op.create_table(
        "data_versions",
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="data_versions_pkey"),
    )


def create_sync_jobs() -> None:
    op.create_table(
        "sync_jobs",
        sa.Column("id", UUID, nullable=False),
        sa.Column("user_id", UUID),
        sa.Column("run_id", UUID),
        sa.Column("schedule_key", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False, server_default="queued"),
        sa.Column("progress", sa.Double(), nullable=False, server_default="0"),
        sa.Column("sources", JSON, nullable=False, server_default="{}"),
        sa.Column("error", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("heartbeat_at", TIMESTAMP),
        sa.Column("cancel_requested_at", TIMESTAMP),
        sa.Column("created_at", TIMESTAMP, nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", TIMESTAMP),
        sa.Column("finished_at", TIMESTAMP),
        sa.PrimaryKeyConstraint("id", name="sync_jobs_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["sync_jobs.id"], name="sync_jobs_run_id_fkey", ondelete="CASCADE"),
        sa.UniqueConstraint("schedule_key", name="sync_jobs_schedule_key_key"),
        sa.UniqueConstraint("run_id", "user_id", name="sync_jobs_run_id_user_id_key"),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled')",
            name="sync_jobs_status_check",
        ),
        sa.CheckConstraint("(user_id IS NULL) = (schedule_key IS NOT NULL)", name="sync_jobs_owner_check"),
    )
    create_partial_index("sync_jobs_one_active_per_user", ["user_id"], ACTIVE, unique=True)
    create_partial_index("sync_jobs_succeeded", ["user_id", "finished_at"], SUCCEEDED)
    create_partial_index("sync_jobs_active", ["heartbeat_at"], ACTIVE)


def create_partial_index(name: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, "sync_jobs", columns, unique=unique, postgresql_where=where, sqlite_where=where)
