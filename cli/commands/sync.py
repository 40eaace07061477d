"""`metric-engine sync`."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import click
from click.exceptions import Exit

from cli.counts import format_count
from cli.demonstration import use_demo
from cli.options import metrics_option, uuid_to_text
from cli.services import open_services
from engine import SOURCES, StateUnavailable
from runtime.services import Services
from state.jobs.jobs import Job
from sync.report import FAILED, PARTIAL, SKIPPED, SUCCEEDED

LOOK_SECONDS = 0.2
STEPS = 1000


@click.command()
@click.option(
    "--user", type=click.UUID, metavar="UUID", callback=uuid_to_text, help="Whose accounts; all users' unless said."
)
@click.option("--source", type=click.Choice(SOURCES), help="Which source; all of them unless said.")
@click.option("--demo", is_flag=True, help="Sync the demo of this folder with stand-ins for the providers.")
@metrics_option
def sync(user: str | None, source: str | None, demo: bool, metrics: Path) -> None:
    """Bring the connected accounts up to date.

    Reads what Google Analytics, Meta Ads and Instagram have since the last time, and again the days that they may
    still have changed. The jobs are the same as the API's: one that is under way is gone on with, and a server on the
    same databases may do its part. Ends with 1 if an account could not be read.

    \b
    Examples:
      metric-engine sync
      metric-engine sync --user UUID --source meta
      metric-engine sync --demo
    """
    with use_demo(metrics) if demo else nullcontext(), open_services(metrics) as services:
        wanted = () if source is None else (source,)
        users = services.state.connections.list_users() if user is None else (user,)
        if not users:
            click.echo("no user has an account to sync; PUT /v1/connections/{source} connects one")
            return
        jobs = {each: services.state.jobs.start(each, wanted) for each in users}
        ended = run_jobs(services, jobs)
    for each, job in ended.items():
        print_job(job, each if user is None else None)
    if any(job.status != SUCCEEDED for job in ended.values()):
        raise Exit(1)


def run_jobs(services: Services, jobs: dict[str, str]) -> dict[str, Job]:
    """Run the jobs with a progress bar, and return them once all have ended, by user."""
    worker = services.open_worker(NullObserver())
    bar = click.progressbar(length=STEPS, label="Syncing", file=sys.stderr, hidden=not sys.stderr.isatty())
    with worker, bar:
        while True:
            rows = {user: services.state.jobs.get(user, job_id) for user, job_id in jobs.items()}
            current = {user: job for user, job in rows.items() if job is not None}
            done = sum(1.0 if job.has_ended else job.progress for job in current.values()) / max(len(current), 1)
            bar.update(max(0, int(done * STEPS) - bar.pos))
            if all(job.has_ended for job in current.values()):
                return current
            if not worker.is_alive:
                raise StateUnavailable("the sync has stopped; the log says why")
            time.sleep(LOOK_SECONDS)


def print_job(job: Job, user: str | None) -> None:
    """Print a line for the job, and one for each account."""
    click.echo(f"{f'{user}: ' if user else ''}{job.status}{f': {job.detail}' if job.detail else ''}")
    for source, part in job.sources.items():
        for account, report in part["accounts"].items():
            words = "comes from elsewhere" if report["status"] == SKIPPED else format_count(report["rows"], "row")
            words += "".join(f"; {count} {what} passed over" for what, count in report["skipped"].items())
            error = f"; {report['error']}" if report["status"] in (FAILED, PARTIAL) else ""
            click.echo(f"  {source} {account}: {words}{error}")
            for note in report.get("notes", ()):
                click.echo(f"    {note}")


class NullObserver:
    """An observer that counts nothing: a command has no metrics page."""

    def count_account(self, source: str, status: str, rows: int, seconds: float) -> None: ...

    def count_job(self, status: str) -> None: ...
