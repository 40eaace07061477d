"""What every mapping of a metric file has in common: its keys, their errors and its schema.

The shape of metric files is pydantic models of raw text, without resolved names. The descriptions and examples of their
fields are the language's reference: the JSON Schema is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError


def accept_shorthand(key: str) -> BeforeValidator:
    """Return a validator that accepts a bare text in place of a mapping with this one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class Definition(BaseModel):
    """A mapping of the file: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    # Keys that may be null. Any other key without a value is unfinished, and reported.
    nullable: ClassVar[frozenset[str]] = frozenset()
    # What a key means that is left out, where the model must tell that from the same value written out.
    defaults: ClassVar[Mapping[str, object]] = {}

    @field_validator("*", mode="before")
    @classmethod
    def require_value(cls, value: object, info: ValidationInfo) -> object:
        name = str(info.field_name)
        # The errors of the type report every other value.
        if value is None and cls.model_fields[name].default is None and name not in cls.nullable:
            raise PydanticCustomError("nothing", "needs a value")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema without the nulls that `require_value` refuses, and with the true defaults."""
        schema = handler.resolve_ref_schema(handler(core))
        for name, key in schema.get("properties", {}).items():
            if "default" in key and key["default"] is None:
                del key["default"]
                if name not in cls.nullable:
                    options = [option for option in key.pop("anyOf", ()) if option != {"type": "null"}]
                    key |= options[0] if len(options) == 1 else {"anyOf": options}
            if name in cls.defaults:
                key["default"] = cls.defaults[name]
        return schema
