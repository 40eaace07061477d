"""The JSON Schemas of the files of a metrics folder, as an editor uses them (draft 2020-12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from engine import (
    ALLOWED_KEYS,
    CONTENT_KEYS,
    KEY_PATTERN,
    NAME_PATTERN,
    SOURCE_PATTERN,
    SOURCES,
    FileDefinition,
    MetricFile,
)
from insights.config.definitions import InsightsDefinition, LanguageDefinition


def build_insights_schema() -> dict[str, Any]:
    """Build the JSON Schema of insights.yaml (draft 2020-12)."""
    written = remove_titles(InsightsDefinition.model_json_schema())
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "insights.yaml", **written}


def build_language_schema() -> dict[str, Any]:
    """Build the JSON Schema of insights.de.yaml and the like (draft 2020-12)."""
    written = remove_titles(LanguageDefinition.model_json_schema())
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "A language of insights.yaml", **written}


def build_file_schema() -> dict[str, Any]:
    """Build the JSON Schema of a metric file, including shorthands (draft 2020-12)."""
    written = remove_titles(FileDefinition.model_json_schema())
    definitions, properties = written["$defs"], written["properties"]
    metric, table = definitions["MetricDefinition"], definitions["TableDefinition"]
    # The models convert a bare text to a mapping before validation, which pydantic's schema does not show.
    allow_shorthand(properties["metrics"], {"type": "string"}, "The value alone.")
    allow_shorthand(
        table["properties"]["columns"],
        {"type": "string", "enum": definitions["ColumnDefinition"]["properties"]["type"]["enum"]},
        "The type.",
    )
    allow_shorthand(table["properties"]["dimensions"], {"type": "string"}, "The column.")
    for key in ("series", "columns"):
        allow_shorthand(metric["properties"][key], {"type": "string"}, "The value alone.")
    # What rules check after the models.
    metric["oneOf"] = [build_kind_schema(kind, metric["properties"].keys()) for kind in CONTENT_KEYS]
    metric["dependentRequired"] = {"top": ["by"], "other": ["by"], "columns": ["rows"]}
    table["not"] = {"required": ["name", "sql"]}
    is_query = {"properties": {"tables": {"additionalProperties": {"required": ["sql"]}}}}
    written["anyOf"] = [{"required": ["source"]}, is_query]
    properties["source"]["pattern"] = f"^{SOURCE_PATTERN}$"
    allow_shorthand(properties["sources"], {"type": "string"}, "The title.")
    properties["sources"]["propertyNames"] = {"pattern": f"^{SOURCE_PATTERN}$"}
    properties["metrics"]["propertyNames"] = {"pattern": f"^{KEY_PATTERN.pattern}$"}
    for names in (properties["tables"], table["properties"]["columns"], table["properties"]["dimensions"]):
        names["propertyNames"] = {"pattern": f"^{NAME_PATTERN.pattern}$"}
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "A metric file", **written}


def build_kind_schema(kind: str, keys: Iterable[str]) -> dict[str, Any]:
    """Build the schema of one kind of metric: its own key is there, and none that does not go with it."""
    return {"required": [kind], "properties": {key: False for key in keys if key not in ALLOWED_KEYS[kind]}}


def add_names(written: dict[str, Any], files: Iterable[MetricFile]) -> None:
    """Add the names of a folder to the schema of its files: tables, columns and keys."""
    definitions = [file.definition for file in files]
    declared = [table for each in definitions for table in each.tables.values()]
    columns = {name for table in declared for name in table.columns}
    dimensions = {name for table in declared for name in table.dimensions}
    keys = {"enum": sorted(key for each in definitions for key in each.metrics)}
    sources = {"enum": sorted({*SOURCES, *(name for each in definitions for name in each.sources)})}
    tables = {"enum": sorted(name for each in definitions for name in each.tables)}
    metric, items = (written["$defs"][name]["properties"] for name in ("MetricDefinition", "ItemsDefinition"))
    written["properties"]["table"] |= tables
    written["properties"]["source"] |= sources
    metric["table"] |= tables
    for key in ("by", "rows"):
        metric[key] |= {"enum": sorted(columns | dimensions)}
    metric["combine"]["items"] |= keys
    items["by"] |= {"enum": sorted(columns)}
    items["show"]["items"] |= {"enum": sorted(columns)}


def allow_shorthand(members: dict[str, Any], shorthand: dict[str, Any], description: str) -> None:
    """Allow `shorthand` as an alternative for the members of a mapping."""
    members["additionalProperties"] = {
        "anyOf": [{**shorthand, "description": description}, members["additionalProperties"]]
    }


def remove_titles(part: Any) -> Any:
    """Remove pydantic's titles; a property named title is a mapping and stays."""
    if isinstance(part, dict):
        return {
            name: remove_titles(value)
            for name, value in part.items()
            if not (name == "title" and isinstance(value, str))
        }
    return [remove_titles(each) for each in part] if isinstance(part, list) else part
