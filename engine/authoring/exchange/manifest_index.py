"""The measures and metrics of a dbt manifest by name, and what it has beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.authoring.exchange.imported_files import ImportDraft, NotCarried
from engine.authoring.exchange.manifest import (
    Aggregation,
    InputMeasure,
    InputMetric,
    ManifestMeasure,
    ManifestMetric,
    SemanticManifest,
    SemanticModel,
    find_unread_keys,
    has_content,
)
from engine.files.document import KeyPath
from engine.suggestions import suggest_name


@dataclass(frozen=True, slots=True)
class PlacedFilter:
    """A filter's template, and where it stands."""

    template: str
    path: KeyPath


@dataclass(frozen=True, slots=True)
class PlacedMetric:
    """A metric of the manifest, and where it stands."""

    metric: ManifestMetric
    path: KeyPath


@dataclass(frozen=True, slots=True)
class PlacedMeasure:
    """What a simple metric aggregates, over which model, and where that stands."""

    model: int
    aggregation: ManifestMeasure | Aggregation
    expression: str
    path: KeyPath
    # Keys of the metric's reference to it.
    filters: tuple[PlacedFilter, ...] = ()
    fills_nulls_with: int | None = None


@dataclass(slots=True)
class ManifestIndex:
    """The measures and metrics of a manifest, by name."""

    manifest: SemanticManifest
    draft: ImportDraft
    measures: dict[str, tuple[int, int]] = field(default_factory=dict)
    metrics: dict[str, PlacedMetric] = field(default_factory=dict)

    def index_names(self) -> None:
        """Index measures and metrics by name; a name that is given twice is refused."""
        for index, metric in enumerate(self.manifest.metrics):
            path: KeyPath = ("metrics", index)
            if metric.name in self.metrics:
                self.draft.refuse((*path, "name"), "duplicate-metric", f"a second metric {metric.name!r}")
            self.metrics.setdefault(metric.name, PlacedMetric(metric, path))
        for model_index, model in enumerate(self.manifest.semantic_models):
            for index, measure in enumerate(model.measures):
                path = ("semantic_models", model_index, "measures", index)
                if measure.name in self.measures:
                    self.draft.refuse((*path, "name"), "duplicate-measure", f"a second measure {measure.name!r}")
                self.measures.setdefault(measure.name, (model_index, index))
                if measure.create_metric:
                    self.metrics.setdefault(measure.name, PlacedMetric(make_measure_metric(measure), path))

    def check_references(self) -> None:
        """Refuse references to measures, metrics and models that the manifest lacks."""
        models = {each.name for each in self.manifest.semantic_models}
        for index, metric in enumerate(self.manifest.metrics):
            path: KeyPath = ("metrics", index, "type_params")
            given = metric.type_params
            if given.measure is not None and given.measure.name not in self.measures:
                hint = suggest_name(given.measure.name, self.measures)
                message = f"no semantic model has the measure {given.measure.name!r}{hint}"
                self.draft.refuse((*path, "measure"), "unknown-measure", message)
            for inner, each in iter_inputs(metric):
                if each.name not in self.metrics:
                    hint = suggest_name(each.name, self.metrics)
                    self.draft.refuse((*path, *inner), "unknown-metric", f"there is no metric {each.name!r}{hint}")
            params = given.metric_aggregation_params
            if params is not None and params.semantic_model not in models:
                hint = suggest_name(params.semantic_model, models)
                message = f"there is no semantic model {params.semantic_model!r}{hint}"
                self.draft.refuse((*path, "metric_aggregation_params"), "unknown-model", message)

    def name_other_constructs(self) -> None:
        """Name what is no metric: saved queries, granularities of one's own, and keys that are not known here."""
        for path in find_unread_keys(self.manifest):
            self.draft.omit(path, "this key is not carried over")
        for index, query in enumerate(self.manifest.saved_queries):
            self.draft.omit(("saved_queries", index), f"the saved query {query.name!r} is not carried over")
        project = self.manifest.project_configuration
        for number, spine in enumerate(project.time_spines if project else ()):
            for index, _ in enumerate(spine.custom_granularities):
                path = ("project_configuration", "time_spines", number, "custom_granularities", index)
                self.draft.omit(path, "a granularity of one's own; grains are day, week, month, quarter and year")
        given = [each.metric.type_params.measure for each in self.metrics.values()]
        used = {each.name for each in given if each is not None}
        for model_index, model in enumerate(self.manifest.semantic_models):
            place: KeyPath = ("semantic_models", model_index)
            for index, measure in enumerate(model.measures):
                if measure.name not in used and measure.name not in self.metrics:
                    self.draft.omit((*place, "measures", index), f"no metric is made of the measure {measure.name!r}")
            self.name_descriptions(model, place)
            for index, dimension in enumerate(model.dimensions):
                if dimension.is_partition:
                    path = (*place, "dimensions", index, "is_partition")
                    self.draft.omit(path, "a partition serves joins, which are not carried over")
                if dimension.type_params and has_content(dimension.type_params.validity_params):
                    path = (*place, "dimensions", index, "type_params", "validity_params")
                    self.draft.omit(path, "validity serves joins, which are not carried over")

    def name_descriptions(self, model: SemanticModel, place: KeyPath) -> None:
        """Name the words that only metrics have a place for."""
        for key in ("label", "description"):
            if getattr(model, key) not in (None, "", model.name):
                self.draft.omit((*place, key), f"only metrics have a {key} here")
        for section in ("entities", "dimensions"):
            for index, each in enumerate(getattr(model, section)):
                if each.description:
                    self.draft.omit((*place, section, index, "description"), "only metrics have a description here")
        for index, entity in enumerate(model.entities):
            if entity.role:
                self.draft.omit((*place, "entities", index, "role"), "a role serves joins, which are not carried over")

    def find_measure(self, metric: ManifestMetric, path: KeyPath) -> PlacedMeasure:
        """Find what a simple or cumulative metric aggregates. Raises NotCarried."""
        given, place = metric.type_params, (*path, "type_params")
        if given.measure is not None:
            return self.place_measure(given.measure, (*place, "measure"))
        if given.metric_aggregation_params is None:
            raise NotCarried(place, "has neither a measure nor metric_aggregation_params")
        params = given.metric_aggregation_params
        names = [each.name for each in self.manifest.semantic_models]
        expression = params.expr or given.expr or metric.name
        inner = (*place, "metric_aggregation_params")
        return PlacedMeasure(
            names.index(params.semantic_model), params, expression, inner, fills_nulls_with=given.fill_nulls_with
        )

    def place_measure(self, reference: InputMeasure, path: KeyPath) -> PlacedMeasure:
        model_index, index = self.measures[reference.name]
        measure = self.manifest.semantic_models[model_index].measures[index]
        place: KeyPath = ("semantic_models", model_index, "measures", index)
        filters = place_filters(reference.filter, (*path, "filter"))
        return PlacedMeasure(
            model_index, measure, measure.expr or measure.name, place, filters, reference.fill_nulls_with
        )


def make_measure_metric(measure: ManifestMeasure) -> ManifestMetric:
    """Return the metric that a measure with `create_metric` stands for."""
    given = {key: getattr(measure, key) for key in ("name", "description", "label")}
    return ManifestMetric.model_validate(given | {"type": "simple", "type_params": {"measure": measure.name}})


def iter_inputs(metric: ManifestMetric) -> Iterator[tuple[KeyPath, InputMetric]]:
    """Yield the metrics that a metric is made of, each with its place within `type_params`."""
    given = metric.type_params
    if metric.type == "ratio":
        for name in ("numerator", "denominator"):
            each = getattr(given, name)
            if each is not None:
                yield (name,), each
    if metric.type == "derived":
        for index, each in enumerate(given.metrics or ()):
            yield ("metrics", index), each
    if metric.type == "cumulative" and given.cumulative_type_params and given.cumulative_type_params.metric:
        yield ("cumulative_type_params", "metric"), given.cumulative_type_params.metric


def place_filters(templates: list[str] | None, path: KeyPath) -> tuple[PlacedFilter, ...]:
    return tuple(PlacedFilter(each, path) for each in templates or ())
