"""How often the language model was asked today for each user: counted by all processes together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from state.database import StateDatabase
from state.tables import app_settings


class ModelCalls:
    """A count a user, in `app_settings`: a new day begins it anew, so that none has more than one row."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def spend(self, user: str, day: date, *, most: int) -> bool:
        """Count a call of the user's on this day, unless `most` are counted; whether it was.

        Raises StateUnavailable.
        """
        key = f"llm_calls/{user}"
        today = day.isoformat()
        first: dict[str, Any] = {"day": today, "calls": 0}
        with self._database.begin_transaction() as connection:
            # The row is there before it is read: calls at the same time wait for one another at it.
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
