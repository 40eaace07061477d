"""The accounts that users have connected, by source, and the credentials to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy import Connection as SQLConnection

from engine import SOURCES
from state.credentials import Credentials, Keyring
from state.database import StateDatabase
from state.errors import TooManyAccounts, UnreadableCredentials
from state.tables import connections

ACTIVE_STATUS = "active"
EXTERNAL = "external"
NEEDS_REAUTH = "needs_reauth"
# Of one user and source.
MAX_ACCOUNTS = 100


@dataclass(frozen=True, slots=True)
class Connection:
    """A connected account, without its credentials.

    `status` is `active`, `external` (its rows come from elsewhere, a sync skips it), or `needs_reauth`.
    """

    source: str
    account_id: str
    status: str
    last_success_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class SyncedAccount:
    """An account that a sync reads.

    `credentials_at` is when its credentials were given or last renewed. `last_error` is the last sync's, or None.
    """

    source: str
    account_id: str
    status: str
    credentials_at: datetime
    options: Mapping[str, Any]
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many accounts' credentials were encrypted anew, and how many no key decrypts."""

    rotated: int
    unreadable: int


class Connections:
    """The connections of every user; credentials are stored encrypted.

    Only `get_credentials` returns them.
    """

    __slots__ = ("_database", "_keyring")

    def __init__(self, database: StateDatabase, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def list_connections(self, user: str) -> tuple[Connection, ...]:
        """List the user's connections, by source and account."""
        columns = connections.c
        statement = (
            select(
                columns.source,
                columns.account_id,
                columns.status,
                columns.last_success_at,
                columns.last_error,
            )
            .where(columns.user_id == user)
            .order_by(columns.source, columns.account_id)
        )
        with self._database.connect() as connection:
            return tuple(Connection(*row) for row in connection.execute(statement))

    def put(
        self,
        user: str,
        source: str,
        account_id: str,
        credentials: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Connect an account or replace its connection; without credentials it is `external`.

        Clears the last error and keeps the last success. Keeps the options, unless others are given; those that a sync
        has added stay in any case.
        Raises `NoEncryptionKey`, or `TooManyAccounts` for one more than MAX_ACCOUNTS.
        """
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "status": EXTERNAL if credentials is None else ACTIVE_STATUS,
            "credentials": None if credentials is None else self._keyring.encrypt(credentials),
            "credentials_at": None if credentials is None else now,
            "last_error": None,
            "updated_at": now,
        }
        key = {"user_id": user, "source": source, "account_id": account_id}
        columns = connections.c
        returned = (
            columns.source,
            columns.account_id,
            columns.status,
            columns.last_success_at,
            columns.last_error,
        )
        with self._database.begin_transaction() as connection:
            self._check_account_count(connection, user, source, account_id)
            if options is not None:
                matching = _match_account(user, source, account_id)
                current = connection.execute(select(connections.c.options).where(matching).with_for_update()).scalar()
                # What a sync has learnt of the account stays.
                given = SOURCES[source].options if source in SOURCES else ()
                own = {name: value for name, value in (current or {}).items() if name not in given}
                values["options"] = own | dict(options)
            statement = self._database.upsert(connections, key=key, values=values).returning(*returned)
            return Connection(*connection.execute(statement).one())

    def _check_account_count(self, connection: SQLConnection, user: str, source: str, account_id: str) -> None:
        if self._database.dialect == "postgresql":
            # Two requests at once would both find the last place free.
            turn = func.hashtextextended(f"{user}:{source}".lower(), 0)
            connection.execute(select(func.pg_advisory_xact_lock(turn)))
        ids = connection.execute(select(connections.c.account_id).where(_match_account(user, source, None))).scalars()
        connected = frozenset(ids)
        if len(connected) >= MAX_ACCOUNTS and account_id not in connected:
            raise TooManyAccounts(source, MAX_ACCOUNTS)

    def mark_external(self, user: str, source: str, account_id: str = "") -> None:
        """Connect an account whose rows come from elsewhere; an existing connection is kept."""
        values = {"user_id": user, "source": source, "account_id": account_id, "status": EXTERNAL}
        with self._database.connect() as connection:
            connection.execute(self._database.insert(connections, values).on_conflict_do_nothing())

    def delete(self, user: str, source: str, account_id: str | None = None) -> int:
        """Delete an account, or all of the source's, and return their number; their facts stay."""
        with self._database.connect() as connection:
            return connection.execute(delete(connections).where(_match_account(user, source, account_id))).rowcount

    def get_credentials(self, user: str, source: str, account_id: str) -> Credentials | None:
        """Return the account's credentials; None if it is external or not connected.

        Raises `NoEncryptionKey` or `UnreadableCredentials`.
        """
        statement = select(connections.c.credentials).where(_match_account(user, source, account_id))
        with self._database.connect() as connection:
            stored = connection.execute(statement).scalar()
        return None if stored is None else self._keyring.decrypt(stored)

    def list_users(self) -> tuple[str, ...]:
        """List the users with an account that a sync can read."""
        statement = (
            select(connections.c.user_id).where(connections.c.status == ACTIVE_STATUS).distinct().order_by("user_id")
        )
        with self._database.connect() as connection:
            return tuple(connection.execute(statement).scalars())

    def list_synced_accounts(self, user: str) -> tuple[SyncedAccount, ...]:
        """List the user's accounts that have credentials, by source and account."""
        columns = connections.c
        statement = (
            select(
                columns.source,
                columns.account_id,
                columns.status,
                columns.credentials_at,
                columns.options,
                columns.last_error,
            )
            .where(columns.user_id == user, columns.credentials.is_not(None))
            .order_by(columns.source, columns.account_id)
        )
        with self._database.connect() as connection:
            return tuple(SyncedAccount(*row) for row in connection.execute(statement))

    def is_synced(self, user: str, source: str, account_id: str) -> bool:
        """Whether the account is connected with credentials at this moment."""
        columns = connections.c
        statement = select(columns.account_id).where(
            _match_account(user, source, account_id), columns.credentials.is_not(None)
        )
        with self._database.connect() as connection:
            return connection.execute(statement).scalar() is not None

    def mark_succeeded(self, user: str, source: str, account_id: str, at: datetime) -> None:
        """Record that the account was read completely; clears its last error."""
        self._update(_match_account(user, source, account_id), last_success_at=at, last_error=None)

    def mark_failed(self, user: str, source: str, account_id: str, error: str) -> None:
        """Record why the account could not be read, in words for its user."""
        self._update(_match_account(user, source, account_id), last_error=error)

    def mark_refused(self, user: str, source: str, account_id: str, error: str, *, credentials_at: datetime) -> None:
        """Record that the provider rejects the credentials of `credentials_at`.

        Does nothing if the user has given others since.
        """
        same = and_(_match_account(user, source, account_id), connections.c.credentials_at == credentials_at)
        self._update(same, status=NEEDS_REAUTH, last_error=error)

    def renew_credentials(
        self, user: str, source: str, account_id: str, credentials: Mapping[str, Any], *, credentials_at: datetime
    ) -> datetime:
        """Replace the credentials of `credentials_at`, unless the user has given others since.

        Returns when the new ones were issued. Raises `NoEncryptionKey`.
        """
        now = datetime.now(UTC)
        same = and_(_match_account(user, source, account_id), connections.c.credentials_at == credentials_at)
        self._update(same, credentials=self._keyring.encrypt(credentials), credentials_at=now)
        return now

    def add_options(self, user: str, source: str, account_id: str, options: Mapping[str, Any]) -> None:
        """Add to the connection's options; equal names are overwritten."""
        matching = _match_account(user, source, account_id)
        with self._database.begin_transaction() as connection:
            current = connection.execute(select(connections.c.options).where(matching).with_for_update()).scalar()
            if current is not None:
                connection.execute(update(connections).where(matching).values(options={**current, **options}))

    def _update(self, matching: ColumnElement[bool], **values: Any) -> None:
        statement = update(connections).where(matching).values(**values, updated_at=datetime.now(UTC))
        with self._database.connect() as connection:
            connection.execute(statement)

    def rotate(self) -> Rotation:
        """Encrypt all credentials under the first key, so that the others may be removed from `ENCRYPTION_KEY`.

        Credentials that no key decrypts stay as they are. Safe in any number of processes at once, beside syncs that
        renew credentials. Raises `NoEncryptionKey`.
        """
        columns = connections.c
        key = (columns.user_id, columns.source, columns.account_id)
        stored = select(*key, columns.credentials).where(columns.credentials.is_not(None)).order_by(*key)
        rotated = unreadable = 0
        with self._database.connect() as connection:
            for user, source, account_id, ciphertext in connection.execute(stored).all():
                try:
                    renewed = self._keyring.rotate(ciphertext)
                except UnreadableCredentials:
                    unreadable += 1
                    continue
                if renewed is not None:
                    same = and_(_match_account(user, source, account_id), columns.credentials == ciphertext)
                    statement = update(connections).where(same).values(credentials=renewed)
                    rotated += connection.execute(statement).rowcount
        return Rotation(rotated, unreadable)

    @property
    def has_former_keys(self) -> bool:
        """Whether `ENCRYPTION_KEY` lists keys that only decrypt."""
        return self._keyring.has_former_keys


def _match_account(user: str, source: str, account_id: str | None) -> ColumnElement[bool]:
    columns = connections.c
    account = () if account_id is None else (columns.account_id == account_id,)
    return and_(columns.user_id == user, columns.source == source, *account)
