"""The dashboard: its layout, and the state of its data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from api.middleware.authentication import get_tenant
from api.problems import InvalidBody
from api.request_state import get_services
from api.schemas.dashboard import Dashboard, DashboardMeta, Layout, NewLayout
from engine import UnknownMetric

User = Annotated[str, Depends(get_tenant)]

router = APIRouter(prefix="/dashboard", tags=["dashboard"])


@router.get("", summary="What a page begins with", response_model=None, responses={200: {"model": Dashboard}})
def dashboard(request: Request, user: User) -> dict[str, Any]:
    begun = {
        "last_complete_day": str(get_services(request).get_today() - timedelta(days=1)),
        "layout": layout(request, user),
    }
    # The published document does not know of the studio.
    studio = {} if request.app.state.studio is None else {"studio": True}
    return meta(request, user).model_dump(mode="json") | begun | studio


@router.get("/meta", summary="When the data came, and what is connected")
def meta(request: Request, user: User) -> DashboardMeta:
    services = get_services(request)
    state = services.state
    connected = state.tenants.get(user).sources
    return DashboardMeta(
        last_sync_at=state.jobs.get_last_success_at(user),
        next_scheduled_at=services.schedule.get_next_start(),
        connected_sources={source: source in connected for source in services.engine.catalog.sources},
    )


@router.get("/layout", summary="The saved layout", response_model=None, responses={200: {"model": Layout}})
def layout(request: Request, user: User) -> dict[str, Any]:
    services = get_services(request)
    return add_unknown(services.state.layouts.get(user), services.engine.catalog.widgets)


@router.post(
    "/layout",
    summary="Save the layout",
    response_model=None,
    responses={200: {"model": Layout}, 409: {"description": "saved elsewhere since; `layout` is the current one"}},
)
def save_layout(request: Request, new: NewLayout, user: User) -> dict[str, Any]:
    services = get_services(request)
    served = services.engine.catalog.widgets
    requested = new.model_dump(mode="json", exclude={"version", "unknown"})
    unknown = [(index, key) for index, key in enumerate(list_widget_ids(requested)) if key not in served]
    if unknown:
        # An id that was saved while it named a widget may be saved again.
        saved = set(list_widget_ids(services.state.layouts.get(user)))
        faults = [
            (f"#/widgets/{index}/id", str(UnknownMetric(key, served))) for index, key in unknown if key not in saved
        ]
        if faults:
            raise InvalidBody(faults)
    return add_unknown(services.state.layouts.save(user, requested, version=new.version), served)


def add_unknown(saved: dict[str, Any], served: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a layout, as `unknown`, those of its ids that no longer name a widget."""
    unknown = [key for key in dict.fromkeys(list_widget_ids(saved)) if key not in served]
    return saved | {"unknown": unknown} if unknown else saved


def list_widget_ids(saved: Mapping[str, Any]) -> list[str]:
    """List the widgets' ids; a table that existed before may hold other things too."""
    widgets = saved["widgets"] if isinstance(saved["widgets"], list) else []
    return [str(widget["id"]) for widget in widgets if isinstance(widget, dict) and "id" in widget]
