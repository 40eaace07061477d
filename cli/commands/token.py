"""`metric-engine token`."""

from __future__ import annotations

from datetime import timedelta

import click

from api.tokens import create_token
from cli.options import unread_metrics_option, user_option
from engine import InvalidSetting
from runtime.settings import Settings


@click.command()
@user_option
@click.option("--days", type=click.IntRange(1, 3650), default=1, show_default=True, help="How long it is valid.")
@click.option("--name", help="Whose figures they are, as the dashboard says it.")
@unread_metrics_option
def token(user: str, days: int, name: str | None) -> None:
    """Print a signed token.

    Signs with JWT_SECRET, the secret that the server verifies with; JWT_AUDIENCE and JWT_ISSUER go into the token
    where they are set.

    \b
    Example:
      curl -H "Authorization: Bearer $(metric-engine token --user UUID)" http://127.0.0.1:8000/v1/widgets
    """
    click.echo(sign_token(Settings.from_environment(), user, timedelta(days=days), name))


def sign_token(settings: Settings, user: str, lifetime: timedelta, name: str | None = None) -> str:
    """Sign a token that a server with these settings accepts. Raises InvalidSetting."""
    if settings.jwt_secret is None:
        raise InvalidSetting("JWT_SECRET: is not set; a token is signed with the secret that the server verifies with")
    return create_token(
        user,
        secret=settings.jwt_secret,
        lifetime=lifetime,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        name=name,
    )
