"""Liveness and readiness: counts and codes, without contents of files or rows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.metrics import ServerMetrics
from api.problems import RETRY_AFTER
from api.request_state import get_services
from engine import HealthCheck
from runtime.services import Services

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="The process lives")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Requests can be answered",
    response_model=None,
    responses={200: {"model": dict[str, Any]}, 503: {"model": dict[str, Any]}},
)
def readyz(request: Request) -> Response:
    health_checks: dict[str, HealthCheck] = request.app.state.health_checks
    checks: dict[str, Any] = {
        name: {"status": "ok" if health_check.is_up() else "unavailable"}
        for name, health_check in health_checks.items()
    }
    is_ready = all(check["status"] == "ok" for check in checks.values())
    checks["catalog"] = describe_catalog(get_services(request))
    checks["scheduler"] = describe_scheduler(get_services(request))
    body = {"status": "ready" if is_ready else "not ready", "checks": checks}
    if is_ready:
        return JSONResponse(body)
    return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE, headers=RETRY_AFTER)


@router.get("/metrics", summary="Counts and times for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    server_metrics: ServerMetrics = request.app.state.server_metrics
    return Response(
        server_metrics.render_exposition(get_services(request)), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


def describe_catalog(services: Services) -> dict[str, Any]:
    """Describe the catalog being served; it is `stale` while the newest files are invalid.

    `problems` counts the problems of the newest files by code.
    """
    served = services.engine.catalog
    return {
        "status": "stale" if services.problem_counts else "ok",
        "version": served.version,
        "widgets": len(served.widgets),
        "tables": len(served.tables),
        "problems": dict(services.problem_counts),
    }


def describe_scheduler(services: Services) -> dict[str, Any]:
    """Tell whether this process does the daily run and its jobs; `off` where others do."""
    worker = services.worker
    if worker is None:
        return {"status": "off"}
    return {"status": "ok" if worker.is_alive else "stopped", "jobs": len(worker.running_tasks)}
