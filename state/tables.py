"""The state tables, as of the newest migration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from state.types import UUID, Json, Timestamp

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

user_dashboard_layouts = Table(
    "user_dashboard_layouts",
    metadata,
    Column("user_id", UUID, primary_key=True),
    Column("layout", Json, nullable=False),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
)

app_settings = Table(
    "app_settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Json),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
)

# One row per connected account. `credentials` is ciphertext, or null where the rows come from elsewhere.
# `credentials_at` is when the provider issued them, for tokens that are renewed by age.
connections = Table(
    "connections",
    metadata,
    Column("user_id", UUID, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("credentials", Text),
    Column("credentials_at", Timestamp),
    Column("options", Json, nullable=False, server_default="{}"),
    Column("last_success_at", Timestamp),
    Column("last_error", Text),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
)

# The number of changes of a user's facts: part of every cache key.
data_versions = Table(
    "data_versions",
    metadata,
    Column("user_id", UUID, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# What is known against an account's rows in one table: a code, and the days from the first to the last.
data_notes = Table(
    "data_notes",
    metadata,
    Column("user_id", UUID, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("first_day", Date, primary_key=True),
    Column("last_day", Date, nullable=False),
)

JOB_STATUSES = ("queued", "running", "succeeded", "partial", "failed", "cancelled")

_ACTIVE = text("status IN ('queued', 'running')")
_SUCCEEDED = text("status = 'succeeded'")

# A user's job or, with a `schedule_key` and no user, the day's run, whose jobs name it in `run_id`.
# `wanted` lists the sources to sync, empty for all; `sources` maps each to {"status", "rows", "error", "accounts"}.
# `lease_owner` holds a job while `heartbeat_at` is recent; `attempts` counts how often it was claimed.
sync_jobs = Table(
    "sync_jobs",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("user_id", UUID),
    Column("run_id", UUID, ForeignKey("sync_jobs.id", ondelete="CASCADE")),
    Column("schedule_key", Text, unique=True),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("progress", Double, nullable=False, server_default="0"),
    Column("sources", Json, nullable=False, server_default="{}"),
    Column("detail", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_owner", Text),
    Column("heartbeat_at", Timestamp),
    Column("cancel_requested_at", Timestamp),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    Column("wanted", Json, nullable=False, server_default="[]"),
    CheckConstraint(f"status IN {JOB_STATUSES}", name="status"),
    CheckConstraint("(user_id IS NULL) = (schedule_key IS NOT NULL)", name="owner"),
    UniqueConstraint("run_id", "user_id"),
    Index(
        "sync_jobs_one_active_per_user",
        "user_id",
        unique=True,
        postgresql_where=_ACTIVE,
        sqlite_where=_ACTIVE,
    ),
    Index(
        "sync_jobs_succeeded",
        "user_id",
        "finished_at",
        postgresql_where=_SUCCEEDED,
        sqlite_where=_SUCCEEDED,
    ),
    Index("sync_jobs_of_run", "run_id"),
    Index("sync_jobs_newest", "user_id", "created_at"),
    Index("sync_jobs_active", "heartbeat_at", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
)

# The account that an attempt of a job reads at the moment, whichever user's job it is.
account_leases = Table(
    "account_leases",
    metadata,
    Column("source", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("job_id", UUID, nullable=False),
    Column("attempt", Integer, nullable=False),
)
