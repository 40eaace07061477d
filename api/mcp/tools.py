"""The tools: few, for every metric of the catalog, and answered by what answers the routes."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.answers import (
    INSIGHT_DEFAULTS,
    INSIGHT_PARAMETERS,
    MEMBER_PARAMETERS,
    answer_explanation,
    answer_insights,
    answer_members,
)
from api.mcp.arguments import ToolArguments, read_arguments
from api.mcp.brief import LISTED_ROWS, WARNING, mark_text, shorten_answer, shorten_explanation, shorten_insights
from api.mcp.search import describe_in_brief, find_widgets
from api.middleware.admission import Places
from api.openapi.parameters import describe_by, describe_parameter, describe_parameters
from api.problems import build_internal_error, build_problem, report_error
from api.schemas.widgets import MAX_KEYS
from api.widget_query import FILTERS, MAX_MEMBER_LIMIT, read_member_limit
from engine import (
    MAX_FILTER_VALUES,
    MAX_OFFSET,
    MAX_ROWS,
    NOT_SET,
    Body,
    Catalog,
    MetricEngineError,
    ParameterProblem,
    WidgetAnswer,
    did_you_mean,
    find_nearest_names,
    parse_count,
)
from runtime.logging import log_event
from runtime.services import Services

Parameters = list[dict[str, Any]]

LISTED_METRICS, MAX_LISTED_METRICS = 20, 200
LISTED_MEMBERS = 20

logger = logging.getLogger("metric_engine.api.mcp")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answers: a body, or a problem object."""

    body: Body
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool: whose, and with which arguments."""

    runner: ToolRunner
    user: str
    arguments: ToolArguments


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it is for, which arguments it takes, and what answers it."""

    title: str
    description: str
    describe: Callable[[Catalog], Parameters]
    run: Callable[[ToolCall], Awaitable[Body]]
    required: Sequence[str] = ()

    def build_schema(self, catalog: Catalog) -> dict[str, Any]:
        """Build the JSON Schema of the arguments."""
        return {
            "type": "object",
            "properties": {
                each["name"]: {**each["schema"], "description": each["description"]} for each in self.describe(catalog)
            },
            "required": list(self.required),
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class ToolRunner:
    """Runs tools, each call in a place of the warehouse that its user has."""

    services: Services
    places: Places
    pool: ThreadPoolExecutor

    async def call_tool(self, name: str, given: Mapping[str, Any], user: str) -> ToolResult:
        """Call a tool; whatever goes wrong is a problem object, as the API has it."""
        began = time.perf_counter()
        result = await self.run_tool(name, given, user)
        fields = {
            "tool": name if name in TOOLS else None,
            "status": result.body["status"] if result.is_error else HTTPStatus.OK.value,
            "milliseconds": round((time.perf_counter() - began) * 1000, 2),
        }
        log_event(logger, "tool", fields)
        return result

    async def run_tool(self, name: str, given: Mapping[str, Any], user: str) -> ToolResult:
        tool = TOOLS.get(name)
        if tool is None:
            hint = did_you_mean(find_nearest_names(name, TOOLS)) or f"; there are {', '.join(TOOLS)}"
            problem = build_problem(HTTPStatus.NOT_FOUND, f"no tool {name[:40]!r}{hint}", code="unknown-tool")
            return ToolResult(problem, is_error=True)
        try:
            arguments = read_arguments(given, tool.build_schema(self.services.engine.catalog))
            return ToolResult(await tool.run(ToolCall(self, user, arguments)))
        except MetricEngineError as error:
            return ToolResult(report_error(error), is_error=True)
        except Exception:
            logger.exception("unexpected error")
            return ToolResult(build_internal_error(), is_error=True)

    async def run_in_place(self, user: str, work: Callable[[], Body]) -> Body:
        """Return the result of work that runs in a thread. Raises NoFreePlace."""
        async with self.places.hold_place(user):
            return await run_in_threadpool(work)


async def list_metrics(call: ToolCall) -> Body:
    return await call.runner.run_in_place(call.user, partial(list_found_metrics, call))


def list_found_metrics(call: ToolCall) -> Body:
    services, given = call.runner.services, call.arguments
    limit = parse_count("limit", given.texts.get("limit"), MAX_LISTED_METRICS, given.problems) or LISTED_METRICS
    given.raise_if_invalid()
    catalog = services.engine.catalog
    found = find_widgets(catalog, given.texts.get("search", ""))
    shown = found[:limit]
    connected = services.run_for_user(call.user, lambda _, context: context.connected)
    names = dict.fromkeys(name for metric in shown for name in metric.dimensions)
    return {
        "today": services.get_today().isoformat(),
        "connected_sources": sorted(connected),
        "count": len(found),
        "metrics": [describe_in_brief(metric, connected) for metric in shown],
        "dimensions": {name: catalog.dimensions[name].title for name in names},
    }


async def query_metrics(call: ToolCall) -> Body:
    return await call.runner.run_in_place(call.user, partial(query_found_metrics, call))


def query_found_metrics(call: ToolCall) -> Body:
    """Answer all keys from one plan; one without an answer gets its problem, unless there is no other."""
    services, given = call.runner.services, call.arguments
    keys = list(dict.fromkeys(given.lists.get("keys", ())))
    if "keys" in given.lists and not 1 <= len(keys) <= MAX_KEYS:
        given.problems.append(ParameterProblem("keys", f"has {len(keys)} keys; 1 to {MAX_KEYS} are allowed"))
    query = given.build_query(services)
    found = services.query_many(keys, query, user=call.user)
    errors = [each for each in found.values() if not isinstance(each, WidgetAnswer)]
    if len(errors) == len(found):
        raise errors[0]
    points = given.switches.get("points", False)
    return {
        "warning": WARNING,
        "widgets": {
            key: shorten_answer(each.body, points=points, rows=query.limit or LISTED_ROWS)
            if isinstance(each, WidgetAnswer)
            else report_error(each)
            for key, each in found.items()
        },
    }


async def list_members(call: ToolCall) -> Body:
    return await call.runner.run_in_place(call.user, partial(list_found_members, call))


def list_found_members(call: ToolCall) -> Body:
    services, texts = call.runner.services, call.arguments.texts
    query = call.arguments.build_query(services, others=("key", "dimension", "search", "limit"))
    members, answer = answer_members(
        services,
        call.user,
        texts["key"],
        texts["dimension"],
        query,
        search=texts.get("search", ""),
        limit=read_member_limit(texts.get("limit", str(LISTED_MEMBERS))),
    )
    return {
        "warning": WARNING,
        "start": query.start.isoformat(),
        "end": query.end.isoformat(),
        "data_through": None if answer is None else answer.body["meta"]["data_through"],
        "members": [
            {**each, "id": mark_text(each["id"]), "label": mark_text(each["label"])}
            if each["id"] != each["label"]
            else {"id": mark_text(each["id"]), "value": each["value"]}
            for each in members
        ],
    }


async def explain_number(call: ToolCall) -> Body:
    return await call.runner.run_in_place(call.user, partial(explain_found_number, call))


def explain_found_number(call: ToolCall) -> Body:
    services, given = call.runner.services, call.arguments
    others = ("key", "receipt")
    if given.problems:
        given.build_query(services, others=others)
    explained, answer = answer_explanation(
        services,
        call.user,
        given.texts["key"],
        lambda days: given.build_query(services, others=others, defaults=days),
        receipt=given.texts.get("receipt"),
        given=given.texts,
    )
    statements = given.switches.get("statements", False)
    return shorten_explanation(explained, answer.body["meta"], statements=statements)


async def get_insights(call: ToolCall) -> Body:
    runner = call.runner
    query = call.arguments.build_query(runner.services, defaults=INSIGHT_DEFAULTS)
    answer = await answer_insights(runner.services, call.user, query, places=runner.places, pool=runner.pool)
    return {"warning": WARNING, **shorten_insights(answer.body)}


def describe_query(catalog: Catalog) -> Parameters:
    """Describe what a GET of a widget takes, with lists for sources and members."""
    filters = {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}, "maxItems": MAX_FILTER_VALUES},
    }
    rows = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": LISTED_ROWS}
    words = {"filter": "Only rows of any of these members", "exclude": "No rows of any of these members"}
    return [
        *describe_days(catalog),
        *(
            describe_parameter(
                name, filters, f'{words[name]}, by dimension: {{"channel": ["Email"]}}; `{NOT_SET}` is NULL.'
            )
            for name in FILTERS
        ),
        *describe_by(sorted(catalog.dimensions), is_broken_down=True),
        describe_parameter("sort", {"type": "string"}, "Of a table: a column; `-` before it for descending."),
        describe_parameter("limit", rows, "Of a table: how many rows."),
        describe_parameter(
            "offset", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}, "Of a table: rows left out before."
        ),
    ]


def describe_days(catalog: Catalog) -> Parameters:
    """Describe the parameters of all widgets; the sources are a list, as the filters are."""
    sources = {"type": "array", "items": {"type": "string", "enum": list(catalog.sources)}}
    return [
        {**each, "schema": sources, "description": "The sources that are switched on; every connected one by default."}
        if each["name"] == "sources"
        else each
        for each in describe_parameters()
    ]


def describe_key() -> dict[str, Any]:
    return describe_parameter("key", {"type": "string"}, "A metric's key, as list_metrics gives it.")


def describe_list(catalog: Catalog) -> Parameters:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LISTED_METRICS, "default": LISTED_METRICS}
    words = "Words of the key, title, description, columns or dimensions; all metrics without it."
    return [
        describe_parameter("search", {"type": "string"}, words),
        describe_parameter("limit", limit, "How many metrics are listed."),
    ]


def describe_several(catalog: Catalog) -> Parameters:
    keys = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_KEYS}
    points = {"type": "boolean", "default": False}
    return [
        describe_parameter("keys", keys, "The keys of one or several metrics, as list_metrics gives them."),
        *describe_query(catalog),
        describe_parameter("points", points, "Whether to give the value of each bucket too; totals alone are small."),
    ]


def describe_member_list(catalog: Catalog) -> Parameters:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_MEMBER_LIMIT, "default": LISTED_MEMBERS}
    names = (*MEMBER_PARAMETERS, *FILTERS)
    return [
        describe_key(),
        describe_parameter("dimension", {"type": "string"}, "A dimension of the metric."),
        describe_parameter("search", {"type": "string"}, "A part of the id or of the label, blind to case."),
        describe_parameter("limit", limit, "How many members are listed, the largest first."),
        *(each for each in describe_query(catalog) if each["name"] in names),
    ]


def describe_explained(catalog: Catalog) -> Parameters:
    receipt = "A `receipt` of this metric: is the number still that? Without `start` and `end`, its own days are meant."
    return [
        describe_key(),
        describe_parameter("receipt", {"type": "string"}, receipt),
        *describe_query(catalog),
        describe_parameter("statements", {"type": "boolean", "default": False}, "Whether to show the SQL too."),
    ]


def describe_insight_days(catalog: Catalog) -> Parameters:
    found = [each for each in describe_days(catalog) if each["name"] in INSIGHT_PARAMETERS]
    return [
        {**each, "schema": {**each["schema"], "default": INSIGHT_DEFAULTS[each["name"]]}}
        if each["name"] in INSIGHT_DEFAULTS
        else each
        for each in found
    ]


TOOLS: Mapping[str, Tool] = {
    "list_metrics": Tool(
        "Find metrics",
        "Lists or searches the metrics that can be queried: key, title, what it is, its columns and dimensions. "
        "It tells today's date and the connected sources too. Begin here.",
        describe_list,
        list_metrics,
    ),
    "query_metrics": Tool(
        "Query metrics",
        "Answers one or several metrics over days: the exact total, with the previous value and the change where "
        "`compare` is given, by member of a dimension (`by`, or a metric with `rows`), and by bucket with `points`. "
        "`meta` says how far the data goes (data_through), how many of the days may still be restated "
        "(provisional_days), and in `notes` what the source held back; `to_date` compares an unfinished window fairly.",
        describe_several,
        query_metrics,
        ("keys",),
    ),
    "list_members": Tool(
        "List members of a dimension",
        "Lists the members of a metric's dimension, such as its campaigns, the largest first; their ids are what "
        "`filter` and `exclude` take.",
        describe_member_list,
        list_members,
        ("key", "dimension"),
    ),
    "explain_number": Tool(
        "Explain a number",
        "Tells what a number rests on: its definition with file and line, the days that are known, the filters, and "
        "its receipt. Given a receipt, it says whether the number is still that, or what changed. It takes what "
        "query_metrics takes, for one metric.",
        describe_explained,
        explain_number,
        ("key",),
    ),
    "get_insights": Tool(
        "Tell what changed",
        "Tells in a few sentences what changed over all connected sources. Only what is more than chance is told.",
        describe_insight_days,
        get_insights,
    ),
}
