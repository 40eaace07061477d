"""The installation's settings that the server itself keeps, in `app_settings`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from state.database import StateDatabase
from state.tables import app_settings

INSTALLATION_ID = "installation_id"


class AppSettings:
    """JSON values by key, for the whole installation."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def get(self, key: str) -> Any:
        """Return the value of `key`, or None if it is missing."""
        statement = select(app_settings.c.value).where(app_settings.c.key == key)
        with self._database.connect() as connection:
            return connection.execute(statement).scalar()

    def set(self, key: str, value: Any) -> None:
        """Save the JSON `value` under `key`; it replaces an earlier one."""
        values = {"value": value, "updated_at": datetime.now(UTC)}
        with self._database.connect() as connection:
            connection.execute(self._database.upsert(app_settings, key={"key": key}, values=values))

    def get_installation_id(self) -> str:
        """Return the id of the installation; the first process to call this makes it."""
        made = {"key": INSTALLATION_ID, "value": str(uuid.uuid4()), "updated_at": datetime.now(UTC)}
        if self.get(INSTALLATION_ID) is None:
            with self._database.connect() as connection:
                connection.execute(self._database.insert(app_settings, made).on_conflict_do_nothing())
        return str(self.get(INSTALLATION_ID))
