"""The words that several shapes of the API use, and its errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from engine import SOURCE_PATTERN

Format = Literal["integer", "decimal", "percent", "currency", "duration"]
Better = Literal["up", "down", "neutral"]
# What the engine itself reads and explains is documented here, not validated.
# The document of an installation has its catalog's sources in place of these two.
ONE_SOURCE = f"^{SOURCE_PATTERN}$"
SOURCE_LIST = f"^({SOURCE_PATTERN}(,{SOURCE_PATTERN})*)?$"


def describe_optional(kind: str, **keywords: Any) -> WithJsonSchema:
    """Return the JSON schema of an optional value of this type."""
    return WithJsonSchema({"type": [kind, "null"], **keywords})


Text = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[^\\x00]*$"})]
# A member that is left out where there is nothing to say; it is never null.
Absent = SkipJsonSchema[None]
FilterMembers = dict[str, list[Text]] | None
Day = Annotated[str | None, describe_optional("string", format="date")]


class Fault(BaseModel):
    """One of several things that are wrong: a parameter by its name, a place in the body by its JSON pointer."""

    detail: str
    parameter: str | Absent = None
    pointer: str | Absent = None


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | Absent = None
