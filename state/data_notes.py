"""What is known against the rows of some days: that they are sampled, thresholded or cut off."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import and_, delete, select

from engine import DAY, DataNote, Window, merge_windows
from state.database import StateDatabase
from state.tables import data_notes

SAMPLED, THRESHOLDED, TRUNCATED, OTHER_ROW = "sampled", "thresholded", "truncated", "other_row"


class DataNotes:
    """The notes of every user."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def list_notes(self, user: str) -> tuple[DataNote, ...]:
        """List the user's notes, by source, account, table, code and day."""
        columns = data_notes.c
        selected = (columns.code, columns.source, columns.account_id, columns.table_name)
        order = (columns.source, columns.account_id, columns.table_name, columns.code, columns.first_day)
        statement = (
            select(*selected, columns.first_day, columns.last_day).where(columns.user_id == user).order_by(*order)
        )
        with self._database.connect() as connection:
            return tuple(DataNote(*row[:4], Window(*row[4:])) for row in connection.execute(statement))

    def replace_notes(
        self,
        user: str,
        source: str,
        account_id: str,
        table: str,
        days: Window,
        notes: Mapping[str, Sequence[Window]],
    ) -> None:
        """Replace what was noted of these days by `notes`, windows by code; other days keep theirs."""
        key = {"user_id": user, "source": source, "account_id": account_id, "table_name": table}
        matching = and_(*(data_notes.c[name] == value for name, value in key.items()))
        columns = data_notes.c
        with self._database.begin_transaction() as connection:
            stored = connection.execute(select(columns.code, columns.first_day, columns.last_day).where(matching)).all()
            before: dict[str, list[Window]] = {}
            for code, first, last in stored:
                before.setdefault(code, []).append(Window(first, last))
            after = {
                code: list(merge_windows((*cut_windows(before.get(code, ()), days), *notes.get(code, ()))))
                for code in sorted({*before, *notes})
            }
            if {code: windows for code, windows in after.items() if windows} == before:
                return
            connection.execute(delete(data_notes).where(matching))
            for code, windows in after.items():
                for window in windows:
                    row = {**key, "code": code, "first_day": window.start, "last_day": window.end}
                    connection.execute(self._database.insert(data_notes, row))

    def delete_notes(self, user: str, source: str, accounts: Collection[str] | None = None) -> None:
        """Delete the notes of the user's source, or of its accounts."""
        statement = delete(data_notes).where(data_notes.c.user_id == user, data_notes.c.source == source)
        if accounts is not None:
            statement = statement.where(data_notes.c.account_id.in_(accounts))
        with self._database.begin_transaction() as connection:
            connection.execute(statement)


def cut_windows(windows: Iterable[Window], days: Window) -> list[Window]:
    """Return what is left of the windows outside of `days`."""
    pieces = [
        piece
        for each in windows
        for piece in (
            Window(each.start, min(each.end, days.start - DAY)),
            Window(max(each.start, days.end + DAY), each.end),
        )
    ]
    return [piece for piece in pieces if piece.start <= piece.end]


def group_days(days: Iterable[date]) -> Sequence[Window]:
    """Return the days as windows without a gap, in order."""
    return merge_windows(Window(day, day) for day in days)
