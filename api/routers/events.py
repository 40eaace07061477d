"""The events: a stream that tells when the catalog, a sync or the data change."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.event_feed import EventFeed, EventStream
from api.middleware.authentication import get_tenant
from api.schemas.events import CatalogEvent, DataEvent
from api.schemas.sync import SyncJob

DESCRIPTION = """\
Events `catalog`, `data` and `sync`; the `data` of each is JSON, as described below. The first ones tell the current
state, also after `Last-Event-ID`; the ones that follow, each change of it. The stream ends when the token expires.
"""

router = APIRouter(tags=["events"])


class EventResponse(StreamingResponse):
    """A stream of events, which is closed however it ends."""

    media_type = "text/event-stream"

    def __init__(self, stream: EventStream) -> None:
        # Proxies that hold answers back let this one through.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(stream.iter_events(), headers=headers)
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.stream.close()


@router.get(
    "/events",
    summary="What changes, as it changes",
    description=DESCRIPTION,
    # The document is made from it: the class takes no status.
    status_code=HTTPStatus.OK,
    response_class=EventResponse,
    responses={200: {"model": CatalogEvent | DataEvent | SyncJob, "description": "The stream"}},
)
async def events(
    request: Request, user: Annotated[str, Depends(get_tenant)], last_event_id: Annotated[str, Header()] = ""
) -> EventResponse:
    feed: EventFeed = request.app.state.event_feed
    expires_at: float = request.state.token_expires_at
    return EventResponse(await feed.open_stream(user, last_id=last_event_id, expires_at=expires_at))
