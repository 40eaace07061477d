"""The shapes of connected accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from engine import MAX_ACCOUNT_LENGTH


class ConnectionOptions(BaseModel):
    """How an account is read: which action of Meta's counts as a conversion, and in which zone a post has its day."""

    model_config = ConfigDict(extra="forbid")

    conversion_action: str | None = Field(None, pattern=r"^[A-Za-z0-9_.]{1,100}$", examples=["lead"])
    time_zone: str | None = Field(None, max_length=64, examples=["Pacific/Auckland"])


class NewConnection(BaseModel):
    """An account to connect; without credentials its rows come from elsewhere."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account_id: Annotated[
        str,
        WithJsonSchema(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_ACCOUNT_LENGTH,
                "description": "Digits, of Meta with `act_` before them; of a declared source any text.",
                "examples": ["123456789", "act_123456789"],
            }
        ),
    ]
    credentials: dict[str, Any] | None = None
    options: ConnectionOptions | None = None


class ConnectionEntry(BaseModel):
    """A connected account. Credentials never come out."""

    source: str
    account_id: str
    status: str
    last_success_at: datetime | None
    last_error: str | None


class ConnectionList(BaseModel):
    """The user's connected accounts."""

    connections: list[ConnectionEntry]
