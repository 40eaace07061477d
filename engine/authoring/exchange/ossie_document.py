"""The shape of an Apache Ossie document, core specification 0.2.0.dev0: one semantic model at its root."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = "0.2.0.dev0"
VENDOR = "METRIC_ENGINE"
# The dialects that the language of metric files can be read from, the first one first.
PORTABLE_DIALECTS = ("ANSI_SQL", "OSSIE_SQL_2026")
Dialect = Literal[
    "ANSI_SQL",
    "SNOWFLAKE",
    "MDX",
    "TABLEAU",
    "DATABRICKS",
    "MAQL",
    "BIGQUERY",
    "SIGMA",
    "THOUGHTSPOT",
    "DAX",
    "OSSIE_SQL_2026",
]
DataType = Literal[
    "String", "Integer", "Decimal", "Float", "Boolean", "Date", "Time", "DateTime", "DateTimeTz", "Opaque"
]
# A column's type by the data type; only some say all that a column's type does.
COLUMN_TYPES: dict[str, str] = {
    "String": "text",
    "Integer": "bigint",
    "Decimal": "numeric",
    "Float": "double",
    "Boolean": "boolean",
    "Date": "date",
    "DateTime": "timestamp",
    "DateTimeTz": "timestamptz",
}
DATA_TYPES: dict[str, DataType] = {
    "text": "String",
    "integer": "Integer",
    "bigint": "Integer",
    "numeric": "Decimal",
    "double": "Float",
    "boolean": "Boolean",
    "date": "Date",
    "timestamp": "DateTime",
    "timestamptz": "DateTimeTz",
    "uuid": "Opaque",
}


class OssiePart(BaseModel):
    """A mapping of the document; the specification allows no other keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OssieExtension(OssiePart):
    vendor_name: str
    data: str


class OssieDialectExpression(OssiePart):
    dialect: Dialect
    expression: str


class OssieExpression(OssiePart):
    dialects: Annotated[list[OssieDialectExpression], Field(min_length=1)]

    def find_portable(self) -> str | None:
        """Return the expression in a dialect that can be read here."""
        texts = {each.dialect: each.expression for each in reversed(self.dialects)}
        return next((texts[name] for name in PORTABLE_DIALECTS if name in texts), None)


class OssieContext(OssiePart):
    model_config = ConfigDict(extra="allow")

    instructions: str | None = None
    synonyms: list[str] | None = None
    examples: list[str] | None = None


class OssieDescribed(OssiePart):
    """What datasets, fields and metrics have alike."""

    name: str
    description: str | None = None
    ai_context: str | OssieContext | None = None
    custom_extensions: list[OssieExtension] = Field(default_factory=list)

    def find_extension(self) -> dict[str, Any] | None:
        """Return what an export of metric files has put here. Raises ValueError."""
        shape = EXTENSIONS[type(self)]
        for each in self.custom_extensions:
            if each.vendor_name == VENDOR:
                return shape.model_validate(json.loads(each.data)).model_dump(exclude_unset=True)
        return None


class OssieDimension(OssiePart):
    is_time: bool | None = None


class OssieField(OssieDescribed):
    expression: OssieExpression
    dimension: OssieDimension | None = None
    label: str | None = None
    datatype: DataType | None = None

    @property
    def is_time(self) -> bool:
        if self.dimension is not None and self.dimension.is_time is not None:
            return self.dimension.is_time
        return self.datatype in ("Date", "Time", "DateTime", "DateTimeTz")


class OssieDataset(OssieDescribed):
    source: str
    primary_key: list[str] = Field(default_factory=list)
    unique_keys: list[list[str]] = Field(default_factory=list)
    fields: list[OssieField] = Field(default_factory=list)


class OssieRelationship(OssiePart):
    name: str
    from_dataset: str = Field(alias="from")
    to: str
    from_columns: Annotated[list[str], Field(min_length=1)]
    to_columns: Annotated[list[str], Field(min_length=1)]
    ai_context: str | OssieContext | None = None
    custom_extensions: list[OssieExtension] = Field(default_factory=list)


class OssieMetric(OssieDescribed):
    expression: OssieExpression
    datatype: DataType | None = None


class KeptMetric(OssiePart):
    """A metric that no expression over rows can say, as it is written."""

    file: str
    definition: dict[str, Any]


class DocumentExtension(OssiePart):
    """What stands above the tables of each file, the macros, and metrics that are none of the document's."""

    files: dict[str, dict[str, Any]] = Field(default_factory=dict)
    macros: str = ""
    metrics: dict[str, KeptMetric] = Field(default_factory=dict)


class DatasetExtension(KeptMetric):
    """What of a table's definition the dataset does not say; of a query, the source that was written for it."""

    source: str | None = None


class FieldExtension(OssiePart):
    type: str | None = None
    additive: bool | None = None
    money: bool | None = None


class MetricExtension(OssiePart):
    """A widget's key, and of its first part the definition; the rest is as it was written, to see what changed."""

    key: str
    series: str | None = None
    file: str | None = None
    definition: dict[str, Any] | None = None
    expression: str
    ai_context: Any = None


class OssieDocument(OssieDescribed):
    version: Literal["0.2.0.dev0"]
    datasets: Annotated[list[OssieDataset], Field(min_length=1)]
    relationships: list[OssieRelationship] = Field(default_factory=list)
    metrics: list[OssieMetric] = Field(default_factory=list)


EXTENSIONS: dict[type[OssieDescribed], type[OssiePart]] = {
    OssieDocument: DocumentExtension,
    OssieDataset: DatasetExtension,
    OssieField: FieldExtension,
    OssieMetric: MetricExtension,
}
