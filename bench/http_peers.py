"""What our API is measured against over HTTP: applications that answer the same question, or the same bytes.

uvicorn runs each of them as `bench.http_peers:make_…`, with what it needs in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import Date, Numeric, String, Uuid, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PATH = "/v1/widgets/ga4.sessions"
MAX_CONNECTIONS = 8

# Points and exact totals of both windows in one statement, as an expert would write it.
HAND_WRITTEN = """
WITH days AS MATERIALIZED (
  SELECT date, SUM(sessions) AS v FROM ga4_daily
  WHERE user_id = :tenant AND date BETWEEN :before AND :end GROUP BY date
)
SELECT CAST(date AS text), v FROM days
UNION ALL SELECT 'total', SUM(v) FROM days WHERE date >= :start
UNION ALL SELECT 'previous', SUM(v) FROM days WHERE date < :start
"""

RunStatement = Callable[[str, Mapping[str, Any]], Any]


def read_bytes() -> bytes:
    return Path(os.environ["BENCH_BODY"]).read_bytes()


def make_bare_starlette() -> Starlette:
    """Make the least that an ASGI framework can do: a route that returns bytes."""
    body = read_bytes()

    async def widget(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/widgets/{key}", widget)])


def make_bare_fastapi() -> FastAPI:
    """Make the same of FastAPI, with the parameters of a widget."""
    app, body = FastAPI(), read_bytes()

    @app.get("/v1/widgets/{key}")
    async def widget(key: str, start: date, end: date, compare: str = "off") -> Response:
        return Response(body, media_type="application/json")

    return app


def verify_token(header: str) -> str:
    """Return the user of a bearer token. Raises jwt.PyJWTError."""
    secret = os.environ["JWT_SECRET"]
    subject: str = jwt.decode(header.removeprefix("Bearer "), secret, algorithms=["HS256"])["sub"]
    return subject


def make_by_hand() -> Starlette:
    """Make an asynchronous route of one statement, with a verified token, written for this one widget."""
    url = os.environ["DATABASE_URL"]
    run = open_sqlite(url) if url.startswith("sqlite") else open_postgres(url)

    async def widget(request: Request) -> Response:
        try:
            tenant = verify_token(request.headers["authorization"])
        except (KeyError, jwt.PyJWTError):
            return JSONResponse({"detail": "no valid token"}, 401)
        start, end = (date.fromisoformat(request.query_params[name]) for name in ("start", "end"))
        days = end - start + timedelta(days=1)
        bound = {"tenant": tenant, "start": start, "end": end, "before": start - days}
        found = dict(await run(HAND_WRITTEN, bound))
        value, previous = found.pop("total"), found.pop("previous")
        return JSONResponse(
            {
                "points": list_points(found, start, end),
                "comparison": list_points(found, start - days, start - timedelta(days=1)),
                "value": value and int(value),
                "previous": previous and int(previous),
                "delta": float((value - previous) / previous) if value is not None and previous else None,
            }
        )

    return Starlette(routes=[Route("/v1/widgets/{key}", widget)])


def list_points(found: Mapping[str, Any], first: date, last: date) -> list[dict[str, Any]]:
    days = [(first + timedelta(days=offset)).isoformat() for offset in range((last - first).days + 1)]
    return [{"t": day, "v": int(found.get(day, 0))} for day in days]


def open_sqlite(url: str) -> RunStatement:
    """Open the file; a statement of some dozen rows is run in the loop itself, which nothing beats."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)

    async def run(sql: str, bound: Mapping[str, Any]) -> Sequence[Any]:
        texts = {name: str(value) for name, value in bound.items()}
        return connection.execute(sql, texts).fetchall()

    return run


def open_postgres(url: str) -> RunStatement:
    """Open a small pool of asynchronous connections, with the driver's own prepared statements."""
    import psycopg

    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    opened = 0

    async def run(sql: str, bound: Mapping[str, Any]) -> Sequence[Any]:
        nonlocal opened
        if free.empty() and opened < MAX_CONNECTIONS:
            opened += 1
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        else:
            connection = await free.get()
        try:
            cursor = await connection.execute(to_postgres(sql), bound)
            return await cursor.fetchall()
        finally:
            free.put_nowait(connection)

    return run


def to_postgres(sql: str) -> Any:
    for name in ("tenant", "before", "start", "end"):
        sql = sql.replace(f":{name}", f"%({name})s")
    return sql.encode()


# SQLite has the identifier as text, with hyphens.
UserId = String().with_variant(Uuid(as_uuid=False), "postgresql")


class Base(DeclarativeBase):
    """The tables of the usual handler."""


class DailyRow(Base):
    """A row of ga4_daily, as an application maps it."""

    __tablename__ = "ga4_daily"

    user_id: Mapped[str] = mapped_column(UserId, primary_key=True)
    date: Mapped[date] = mapped_column(Date, primary_key=True)
    property_id: Mapped[str] = mapped_column(String, primary_key=True)
    sessions: Mapped[int] = mapped_column(Numeric)


class UsualPoint(BaseModel):
    """A point of the usual answer."""

    t: date
    v: int


class UsualAnswer(BaseModel):
    """The response model of the usual handler."""

    points: list[UsualPoint]
    comparison: list[UsualPoint]
    value: int | None
    previous: int | None
    delta: float | None


def open_session(request: Request) -> Iterator[Session]:
    with request.app.state.sessions() as session:
        yield session


def get_user(authorization: Annotated[str, Header()] = "") -> str:
    try:
        return verify_token(authorization)
    except jwt.PyJWTError:
        raise HTTPException(401) from None


def make_usual_handler() -> FastAPI:
    """Make what most would write: a session a request, three statements, a response model."""
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
    app = FastAPI()
    app.state.sessions = sessionmaker(engine)

    @app.get("/v1/widgets/{key}", response_model=UsualAnswer)
    def widget(
        key: str,
        start: date,
        end: date,
        session: Annotated[Session, Depends(open_session)],
        user: Annotated[str, Depends(get_user)],
    ) -> UsualAnswer:
        days = end - start + timedelta(days=1)
        own = DailyRow.user_id == user

        def list_days(first: date, last: date) -> list[UsualPoint]:
            statement = (
                select(DailyRow.date, func.sum(DailyRow.sessions))
                .where(own, DailyRow.date.between(first, last))
                .group_by(DailyRow.date)
                .order_by(DailyRow.date)
            )
            return [UsualPoint(t=day, v=int(value)) for day, value in session.execute(statement)]

        def get_total(first: date, last: date) -> int | None:
            total = session.scalar(select(func.sum(DailyRow.sessions)).where(own, DailyRow.date.between(first, last)))
            return None if total is None else int(total)

        current, before = list_days(start, end), list_days(start - days, start - timedelta(days=1))
        value, previous = get_total(start, end), sum(point.v for point in before)
        return UsualAnswer(
            points=current,
            comparison=before,
            value=value,
            previous=previous,
            delta=(value - previous) / previous if value is not None and previous else None,
        )

    return app
