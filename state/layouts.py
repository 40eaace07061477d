"""Dashboard layouts: one document per user, versioned so that two tabs cannot lose changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, text

from state.database import StateDatabase
from state.errors import StaleLayout
from state.tables import user_dashboard_layouts
from state.types import Json

MAX_VERSIONS = 2**63

# The version is part of the document, so that a table which another application created can be used unchanged. A
# layout without a version is at version 0, and so is a user without a layout.
_SAVE = {
    "sqlite": """
        INSERT INTO user_dashboard_layouts (user_id, layout, updated_at)
        SELECT :user, json_set(:layout, '$.version', 1), CURRENT_TIMESTAMP
        WHERE coalesce(:version, 0) = 0 OR EXISTS (SELECT 1 FROM user_dashboard_layouts WHERE user_id = :user)
        ON CONFLICT (user_id) DO UPDATE SET
            layout = json_set(excluded.layout, '$.version', 1 + {saved}),
            updated_at = excluded.updated_at
        WHERE coalesce(:version, {saved}) = {saved}
        RETURNING layout
    """,
    "postgresql": """
        INSERT INTO user_dashboard_layouts (user_id, layout, updated_at)
        SELECT CAST(:user AS uuid), jsonb_set(CAST(:layout AS jsonb), '{{version}}', '1'), now()
        WHERE coalesce(CAST(:version AS bigint), 0) = 0
           OR EXISTS (SELECT 1 FROM user_dashboard_layouts WHERE user_id = CAST(:user AS uuid))
        ON CONFLICT (user_id) DO UPDATE SET
            layout = jsonb_set(excluded.layout, '{{version}}', to_jsonb(1 + {saved})),
            updated_at = excluded.updated_at
        WHERE coalesce(CAST(:version AS bigint), {saved}) = {saved}
        RETURNING layout
    """,
}
_SAVED_VERSION = {
    "sqlite": """(
        CASE json_type(user_dashboard_layouts.layout, '$.version') WHEN 'integer'
        THEN json_extract(user_dashboard_layouts.layout, '$.version') ELSE 0 END
    )""",
    "postgresql": """(
        CASE WHEN CAST(user_dashboard_layouts.layout -> 'version' AS text) ~ '^[0-9]{1,18}$'
        THEN CAST(user_dashboard_layouts.layout ->> 'version' AS bigint) ELSE 0 END
    )""",
}


class Layouts:
    """The saved layouts: documents as of `json.loads`, without NUL and lone surrogates."""

    __slots__ = ("_database", "_save")

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        statement = _SAVE[database.dialect].format(saved=_SAVED_VERSION[database.dialect])
        self._save = text(statement).bindparams(bindparam("layout", type_=Json)).columns(layout=Json)

    def get(self, user: str) -> dict[str, Any]:
        """Return the user's layout with its `version`; `{"widgets": []}` if none was saved."""
        table = user_dashboard_layouts
        with self._database.connect() as connection:
            row = connection.execute(select(table.c.layout).where(table.c.user_id == user)).one_or_none()
        return {"widgets": []} if row is None else _to_document(row.layout)

    def save(self, user: str, layout: Mapping[str, Any], *, version: int | None = None) -> dict[str, Any]:
        """Save `layout` and return it with its new `version`, one more than the last.

        `version` is the one that the caller has read, 0 for none. Without a version the last write wins.
        Raises `StaleLayout` with the saved layout if another has been saved since; then nothing is saved.
        """
        if version is not None and not 0 <= version < MAX_VERSIONS:
            raise StaleLayout(self.get(user))
        parameters = {"user": user, "layout": dict(layout), "version": version}
        with self._database.connect() as connection:
            row = connection.execute(self._save, parameters).one_or_none()
        if row is None:
            raise StaleLayout(self.get(user))
        return _to_document(row.layout)


def _to_document(layout: Any) -> dict[str, Any]:
    # A table of another application may hold a bare list of widgets, or a `version` of another type.
    fields = {"widgets": layout} if isinstance(layout, list) else layout
    version = fields.get("version")
    return {"widgets": [], **fields, "version": version if isinstance(version, int) else 0}
