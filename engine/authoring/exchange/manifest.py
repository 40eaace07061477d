"""The shape of a dbt semantic manifest, as `semantic_manifest.json` has it.

What a later version adds stays in `model_extra`, so that it can be named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.files.document import KeyPath

# Where the definition stands in the project, and what dbt derives from the rest.
DERIVED_KEYS = frozenset(("metadata", "input_measures", "input_metrics"))


def accept_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def fold_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def parse_time_window(value: object) -> object:
    """Parse a window such as `7 days`, which a compiled manifest has as a mapping."""
    if isinstance(value, str):
        count, _, granularity = value.partition(" ")
        return {"count": int(count), "granularity": granularity} if count.isdecimal() and granularity else value
    return value


def list_filters(value: object) -> object:
    """List the templates of a filter, in whichever of its forms it is written."""
    if isinstance(value, dict) and "where_filters" in value:
        value = value["where_filters"]
    given = value if isinstance(value, list) else [value]
    return [each.get("where_sql_template", each) if isinstance(each, dict) else each for each in given]


class ManifestPart(BaseModel):
    """A mapping of the manifest."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


Word = Annotated[str, BeforeValidator(fold_case)]
Filters = Annotated[list[str] | None, BeforeValidator(lambda value: None if value is None else list_filters(value))]
# A name of SQL that YAML may have written as a number.
SqlText = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class TimeWindow(ManifestPart):
    count: int
    granularity: Word

    @property
    def unit(self) -> str:
        return self.granularity.removesuffix("s")


GivenWindow = Annotated[TimeWindow | None, BeforeValidator(parse_time_window)]


class NodeRelation(ManifestPart):
    alias: str
    schema_name: str
    database: str | None = None
    relation_name: str | None = None


class NonAdditive(ManifestPart):
    name: str
    window_choice: Word = "min"
    window_groupings: list[str] = Field(default_factory=list)


class ManifestMeasure(ManifestPart):
    name: str
    agg: Word
    expr: SqlText | None = None
    description: str | None = None
    label: str | None = None
    create_metric: bool | None = None
    agg_params: dict[str, Any] | None = None
    agg_time_dimension: str | None = None
    non_additive_dimension: NonAdditive | None = None


class ManifestEntity(ManifestPart):
    name: str
    type: Word
    expr: SqlText | None = None
    role: str | None = None
    description: str | None = None
    label: str | None = None


class DimensionParameters(ManifestPart):
    time_granularity: Word
    validity_params: dict[str, Any] | None = None


class ManifestDimension(ManifestPart):
    name: str
    type: Word
    expr: SqlText | None = None
    is_partition: bool = False
    type_params: DimensionParameters | None = None
    description: str | None = None
    label: str | None = None


class ModelDefaults(ManifestPart):
    agg_time_dimension: str | None = None


class SemanticModel(ManifestPart):
    name: str
    node_relation: NodeRelation
    defaults: ModelDefaults | None = None
    description: str | None = None
    label: str | None = None
    primary_entity: str | None = None
    entities: list[ManifestEntity] = Field(default_factory=list)
    measures: list[ManifestMeasure] = Field(default_factory=list)
    dimensions: list[ManifestDimension] = Field(default_factory=list)

    @property
    def primary(self) -> str | None:
        """The entity by which its own dimensions are named."""
        return self.primary_entity or next((each.name for each in self.entities if each.type == "primary"), None)

    @property
    def default_time(self) -> str | None:
        return self.defaults.agg_time_dimension if self.defaults else None


class InputMeasure(ManifestPart):
    name: str
    filter: Filters = None
    alias: str | None = None
    join_to_timespine: bool = False
    fill_nulls_with: int | None = None


class InputMetric(ManifestPart):
    name: str
    filter: Filters = None
    alias: str | None = None
    offset_window: GivenWindow = None
    offset_to_grain: str | None = None


class Aggregation(ManifestPart):
    semantic_model: str
    agg: Word
    expr: SqlText | None = None
    agg_params: dict[str, Any] | None = None
    agg_time_dimension: str | None = None
    non_additive_dimension: NonAdditive | None = None


class CumulativeParameters(ManifestPart):
    window: GivenWindow = None
    grain_to_date: Word | None = None
    period_agg: Word = "first"
    metric: Annotated[InputMetric | None, BeforeValidator(accept_name)] = None


class TypeParameters(ManifestPart):
    measure: Annotated[InputMeasure | None, BeforeValidator(accept_name)] = None
    numerator: Annotated[InputMetric | None, BeforeValidator(accept_name)] = None
    denominator: Annotated[InputMetric | None, BeforeValidator(accept_name)] = None
    expr: SqlText | None = None
    window: GivenWindow = None
    grain_to_date: Word | None = None
    metrics: list[Annotated[InputMetric, BeforeValidator(accept_name)]] | None = None
    conversion_type_params: dict[str, Any] | None = None
    cumulative_type_params: CumulativeParameters | None = None
    metric_aggregation_params: Aggregation | None = None
    join_to_timespine: bool = False
    fill_nulls_with: int | None = None
    is_private: bool | None = None


class ManifestMetric(ManifestPart):
    name: str
    type: Word
    type_params: TypeParameters
    filter: Filters = None
    description: str | None = None
    label: str | None = None
    time_granularity: str | None = None


class TimeSpine(ManifestPart):
    custom_granularities: list[dict[str, Any]] = Field(default_factory=list)
    node_relation: dict[str, Any] | None = None
    primary_column: dict[str, Any] | None = None


class PackageVersion(ManifestPart):
    major_version: str | None = None
    minor_version: str | None = None
    patch_version: str | None = None


class ProjectConfiguration(ManifestPart):
    time_spine_table_configurations: list[dict[str, Any]] = Field(default_factory=list)
    time_spines: list[TimeSpine] = Field(default_factory=list)
    dsi_package_version: PackageVersion | None = None


class SavedQuery(ManifestPart):
    model_config = ConfigDict(extra="ignore")

    name: str


class SemanticManifest(ManifestPart):
    semantic_models: list[SemanticModel]
    metrics: list[ManifestMetric]
    project_configuration: ProjectConfiguration | None = None
    saved_queries: list[SavedQuery] = Field(default_factory=list)


def find_unread_keys(part: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Find the keys with a value that no shape above has."""
    if isinstance(part, ManifestPart):
        for key, value in (part.model_extra or {}).items():
            if key not in DERIVED_KEYS and has_content(value):
                yield (*path, key)
        for key in type(part).model_fields:
            yield from find_unread_keys(getattr(part, key), (*path, key))
    elif isinstance(part, list):
        for index, each in enumerate(part):
            yield from find_unread_keys(each, (*path, index))


def has_content(value: object) -> bool:
    """Whether a value says anything: dbt writes empty mappings and nulls for what nobody has given."""
    if isinstance(value, dict):
        return any(map(has_content, value.values()))
    return value not in (None, "", [], False)
