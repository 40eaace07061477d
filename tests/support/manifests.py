"""Small dbt semantic manifests, in the form in which dbt compiles them: every key is there, most of them null."""

from __future__ import annotations

import json
from typing import Any


def make_measure(name: str, agg: str, expr: str | None = None, **given: Any) -> dict[str, Any]:
    defaults = {"description": None, "create_metric": False, "agg_params": None, "metadata": None, "label": None}
    others = {"non_additive_dimension": None, "agg_time_dimension": None, "config": None}
    return {"name": name, "agg": agg, "expr": expr, **defaults, **others, **given}


def make_time(name: str, grain: str = "day", expr: str | None = None) -> dict[str, Any]:
    params = {"time_granularity": grain, "validity_params": None}
    return {"name": name, "type": "time", "type_params": params, "expr": expr, "is_partition": False, "label": None}


def make_category(name: str, expr: str | None = None) -> dict[str, Any]:
    return {"name": name, "type": "categorical", "type_params": None, "expr": expr, "is_partition": False}


def make_model(name: str, measures: list[dict[str, Any]], *dimensions: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Make a semantic model over `analytics.<name>`, whose time is `ordered_on` unless given."""
    entities = [
        {"name": name.removesuffix("s"), "type": "primary", "expr": "id", "role": None, "label": None},
        {"name": "customer", "type": "foreign", "expr": "customer_id", "role": None, "label": None},
    ]
    relation = {"alias": name, "schema_name": "analytics", "database": None, "relation_name": f"analytics.{name}"}
    return {
        "name": name,
        "defaults": {"agg_time_dimension": "ordered_on"},
        "description": None,
        "node_relation": relation,
        "primary_entity": None,
        "entities": entities,
        "measures": measures,
        "dimensions": [make_time("ordered_on"), *dimensions],
        "label": None,
        "metadata": None,
        "config": {"meta": {}},
        **given,
    }


def make_metric(name: str, kind: str, *, condition: str | None = None, **params: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("measure", "numerator", "denominator", "expr", "window", "grain_to_date", "metrics", "conversion_type_params")
    )
    return {
        "name": name,
        "description": None,
        "type": kind,
        "type_params": {**nothing, "cumulative_type_params": None, "input_measures": [], **params},
        "filter": make_filter(condition),
        "metadata": None,
        "label": None,
        "config": None,
        "time_granularity": None,
    }


def make_filter(condition: str | None) -> dict[str, Any] | None:
    return None if condition is None else {"where_filters": [{"where_sql_template": condition}]}


def use_measure(name: str, *, condition: str | None = None, fills_with: int | None = None) -> dict[str, Any]:
    given = {"alias": None, "join_to_timespine": fills_with is not None, "fill_nulls_with": fills_with}
    return {"name": name, "filter": make_filter(condition), **given}


def use_metric(name: str, *, condition: str | None = None, **given: Any) -> dict[str, Any]:
    others = {"alias": None, "offset_window": None, "offset_to_grain": None}
    return {"name": name, "filter": make_filter(condition), **others, **given}


def make_manifest(models: list[dict[str, Any]], metrics: list[dict[str, Any]], **given: Any) -> bytes:
    project: dict[str, Any] = {
        "time_spine_table_configurations": [],
        "metadata": None,
        "dsi_package_version": {"major_version": "0", "minor_version": "9", "patch_version": "0"},
        "time_spines": [],
    }
    manifest = {"semantic_models": models, "metrics": metrics, "project_configuration": project, "saved_queries": []}
    return json.dumps({**manifest, **given}).encode()
