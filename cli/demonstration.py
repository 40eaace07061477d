"""The demo's installation: its own database and secrets, and the providers' stand-ins."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from cryptography.fernet import Fernet

from cli.services import open_services
from demo.database import DemoDatabase
from demo.providers.demo_world import DemoWorld
from demo.providers.stand_ins import StandIns
from demo.tenants import TENANTS

FOLDER = Path(".metric-engine")
DATABASE_VARIABLE = "DEMO_DATABASE_URL"
DATABASE = f"sqlite:///{FOLDER}/demo.db"


@contextmanager
def use_demo(metrics: Path) -> Iterator[None]:
    """Point the environment at the demo, which is created if it is missing or of another day.

    Inside the block, the providers' stand-ins run on this machine. DEMO_DATABASE_URL moves the demo's database;
    DATABASE_URL does not, as it may name an installation with real users. A WAREHOUSE_URL is kept: the demo's facts are
    then added to that warehouse.
    """
    own_warehouse = not os.environ.get("WAREHOUSE_URL", "").strip()
    os.environ["DATABASE_URL"] = os.environ.get(DATABASE_VARIABLE, "").strip() or DATABASE
    if own_warehouse:
        os.environ["WAREHOUSE_URL"] = os.environ["DATABASE_URL"]
    # Only the demo's own tokens open it, and no real provider may see its credentials.
    for name in ("JWKS_URL", "SYNC_PROVIDERS"):
        os.environ.pop(name, None)
    FOLDER.mkdir(exist_ok=True)
    os.environ["JWT_SECRET"] = os.environ.get("JWT_SECRET", "").strip() or read_or_make_secret(
        "jwt-secret", generate_secret
    )
    os.environ["ENCRYPTION_KEY"] = read_or_make_secret("encryption-key", generate_key)
    with StandIns(DemoWorld()) as providers:
        os.environ |= providers.build_environment()
        fill_demo(metrics, own_warehouse=own_warehouse)
        yield


def fill_demo(metrics: Path, *, own_warehouse: bool) -> None:
    """Bring the demo's database up to yesterday."""
    with open_services(metrics) as services:
        database = DemoDatabase(services.state, services.warehouse, services.catalog, own=own_warehouse)
        yesterday = services.get_today() - timedelta(days=1)
        if not database.is_current(yesterday):
            steps = database.fill(yesterday)
            with click.progressbar(
                steps, length=len(TENANTS), label=f"Demo data up to {yesterday}", file=sys.stderr
            ) as bar:
                for _ in bar:
                    pass


def read_or_make_secret(name: str, new: Callable[[], str]) -> str:
    """Return a secret of the demo; the first call creates it, readable only by its owner."""
    path = FOLDER / name
    if path.is_file() and (saved := path.read_text().strip()):
        return saved
    secret = new()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)
    return secret


def generate_secret() -> str:
    return secrets.token_urlsafe(48)


def generate_key() -> str:
    return Fernet.generate_key().decode()
