"""A tenant's connected sources and data version, read in one statement for every request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from state.database import StateDatabase
from state.tables import data_versions

READ_TENANT = """
    SELECT source, NULL FROM connections WHERE user_id = ?
    UNION ALL
    SELECT NULL, version FROM data_versions WHERE user_id = ?
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A user's connected sources, and the version of their facts: 0 until the first change."""

    sources: frozenset[str]
    data_version: int


def build_tenant(rows: Iterable[Sequence[Any]]) -> Tenant:
    """Build the tenant of one user from sources and versions; an unknown user has none of either."""
    found = list(rows)
    return Tenant(
        sources=frozenset(source for source, _ in found if source is not None),
        data_version=max((version for _, version in found if version is not None), default=0),
    )


class Tenants:
    """The tenants, one per user."""

    __slots__ = ("_database", "_read")

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self._read = database.sql(READ_TENANT)

    def get(self, user: str) -> Tenant:
        """Read the tenant; an unknown user has no sources."""
        with self._database.connect() as connection:
            rows = connection.exec_driver_sql(self._read, (user, user)).all()
        return build_tenant(rows)

    def list_data_versions(self, users: Collection[str]) -> dict[str, int]:
        """Return the data version of each of these users, in one statement."""
        columns = data_versions.c
        statement = select(columns.user_id, columns.version).where(columns.user_id.in_(users))
        with self._database.connect() as connection:
            rows = connection.execute(statement).all()
        return dict.fromkeys(users, 0) | {user.lower(): version for user, version in rows}

    def advance_data_version(self, user: str) -> int:
        """Increment the data version, so that no cached answer is used again, and return it."""
        version = data_versions.c.version
        statement = (
            self._database.insert(data_versions, {"user_id": user, "version": 1})
            .on_conflict_do_update(index_elements=["user_id"], set_={"version": version + 1})
            .returning(version)
        )
        with self._database.connect() as connection:
            return int(connection.execute(statement).scalar_one())
