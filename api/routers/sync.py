"""The sync: start, progress, cancellation, and the daily run for an external scheduler."""

from __future__ import annotations

import hmac
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.middleware.authentication import get_tenant
from api.middleware.rate_limit import GuessLimit
from api.request_state import get_services
from api.schemas.shared import Problem
from api.schemas.sync import SyncJob, SyncRun, SyncStarted
from state.jobs.jobs import Job
from sync.schedule import to_local_date

User = Annotated[str, Depends(get_tenant)]
JobId = Annotated[str, Path(alias="id")]

UNKNOWN_JOB = "no sync job of that id"

router = APIRouter(prefix="/sync", tags=["sync"])


@router.post(
    "/all/run",
    summary="Sync now",
    description="Begins a sync of all connected accounts. While the user's job runs, it is the same job again.",
    status_code=HTTPStatus.ACCEPTED,
)
def sync_now(request: Request, user: User) -> SyncStarted:
    services = get_services(request)
    job_id = services.state.jobs.start(user)
    services.wake_worker()
    return SyncStarted(job_id=job_id)


@router.get(
    "/job/{id}",
    summary="How far a sync is",
    responses={404: {"description": UNKNOWN_JOB}},
)
def sync_job(request: Request, job_id: JobId, user: User) -> SyncJob:
    return build_sync_job(get_services(request).state.jobs.get(user, job_id))


@router.delete(
    "/job/{id}",
    summary="Cancel a sync",
    description="What has arrived stays. A job that has ended stays as it is.",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: {"description": UNKNOWN_JOB}},
)
def cancel_sync(request: Request, job_id: JobId, user: User) -> SyncJob:
    jobs = get_services(request).state.jobs
    jobs.cancel(user, job_id)
    return build_sync_job(jobs.get(user, job_id))


@router.post(
    "/cron",
    summary="The day's run for all users",
    description="A user is synced once per local date, whoever began it. Guarded by CRON_SECRET instead of a token.",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        401: {"model": Problem, "description": "the secret is missing or wrong"},
        404: {"model": Problem, "description": "CRON_SECRET is not set"},
        429: {"model": Problem, "description": "ten wrong secrets in a minute from one address"},
    },
)
def sync_cron(request: Request, x_cron_secret: Annotated[str, Header()] = "") -> SyncRun:
    services = get_services(request)
    secret = services.settings.cron_secret
    if secret is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "CRON_SECRET is not set, so nobody may start the day's run from here")
    guesses: GuessLimit = request.app.state.cron_guesses
    address = "" if request.client is None else request.client.host
    if seconds := guesses.get_seconds(address):
        detail = f"too many wrong secrets; try again in {seconds} seconds"
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(seconds)})
    if not hmac.compare_digest(x_cron_secret.encode(), secret.get_secret_value().encode()):
        guesses.count_wrong(address)
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "send the installation's CRON_SECRET in X-Cron-Secret")
    day = to_local_date(services.schedule.clock())
    run_id, new = services.state.runs.open_run(day)
    # The schedule may have opened the run before a user connected an account.
    late = 0 if new else services.state.runs.add_missing_jobs(run_id)
    services.wake_worker()
    return SyncRun(run_id=run_id, date=day, started=new or late > 0)


def build_sync_job(found: Job | None) -> SyncJob:
    """Build the API's form of a job. Raises HTTPException where there is none."""
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{UNKNOWN_JOB}; POST /v1/sync/all/run gives the id of yours")
    return SyncJob.model_validate(asdict(found))
