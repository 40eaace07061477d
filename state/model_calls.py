"""Counts of today's calls of the language model by user, shared by all processes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from state.database import StateDatabase
from state.tables import app_settings


class ModelCalls:
    """One count per user, in `app_settings`; a new day resets it, so that the rows do not grow."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def spend(self, user: str, day: date, *, most: int) -> bool:
        """Count a call of the user on this day; False, and no count, if there are `most` already.

        Raises StateUnavailable.
        """
        key = f"llm_calls/{user}"
        today = day.isoformat()
        first: dict[str, Any] = {"day": today, "calls": 0}
        with self._database.begin_transaction() as connection:
            # The row exists before it is read, so that simultaneous calls wait for one another at its lock.
            connection.execute(
                self._database.insert(app_settings, {"key": key, "value": first}).on_conflict_do_nothing()
            )
            reading = select(app_settings.c.value).where(app_settings.c.key == key).with_for_update()
            counted = connection.execute(reading).scalar_one()
            calls = counted["calls"] if counted["day"] == today else 0
            if calls >= most:
                return False
            connection.execute(
                app_settings.update()
                .where(app_settings.c.key == key)
                .values(value={"day": today, "calls": calls + 1}, updated_at=datetime.now(UTC))
            )
        return True
