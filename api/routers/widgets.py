"""The widgets: what there is, one answer, several answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.middleware.authentication import tenant
from api.problems import problem_of
from api.request_state import get_services
from api.responses import answer
from api.schemas import Batch, BatchQuestion, WidgetCatalog
from engine.answer.engine import Answer
from engine.calendar import Grain
from engine.catalog.metrics import TableMetric
from engine.errors import InvalidQuestion, Problem, UnknownMetric
from engine.query import Question, parse_question, shown
from engine.suggestions import did_you_mean, nearest_names

PARAMETERS = ("start", "end", "compare", "sources", "grain")

router = APIRouter(prefix="/widgets", tags=["widgets"])


@router.get("", summary="The widgets that are served", responses={200: {"model": WidgetCatalog}})
async def widgets(request: Request) -> Response:
    catalog = get_services(request).engine.catalog
    entries = [
        {
            "key": metric.key,
            "title": metric.title,
            "description": metric.description,
            "sources": metric.sources,
            "format": metric.format,
            "better": metric.better,
            "chart": metric.chart,
            "by": metric.by if isinstance(metric, TableMetric) else None,
            "grains": [grain.value for grain in Grain],
        }
        for metric in catalog.served.values()
    ]
    return answer(request, {"widgets": entries})


@router.post("/batch", summary="Several widgets at once", responses={200: {"model": Batch}})
def batch(request: Request, asked: BatchQuestion, user: Annotated[str, Depends(tenant)]) -> Response:
    services = get_services(request)
    question = ask(asked.model_dump(include=set(PARAMETERS)), asked.model_extra or (), today=services.today())
    found = services.ask(asked.keys, question, user=user)
    answers = [each for each in found.values() if isinstance(each, Answer)]
    return answer(
        request,
        {"widgets": {key: body_or_problem(each) for key, each in found.items()}},
        origin="hit" if answers and all(each.cached for each in answers) else "miss",
        stale_seconds=max((each.stale_seconds for each in answers if each.stale_seconds is not None), default=None),
    )


def widget(request: Request) -> Response:
    """A plain Starlette endpoint: this is the hot path, and its parameters are the engine's to read."""
    services = get_services(request)
    key = request.path_params["key"]
    found = services.ask([key], query(request, today=services.today()), user=request.state.tenant)[key]
    if isinstance(found, UnknownMetric):
        raise found
    return answer(request, found.body, origin="hit" if found.cached else "miss", stale_seconds=found.stale_seconds)


def body_or_problem(found: Answer | UnknownMetric) -> dict[str, Any]:
    return problem_of(found) if isinstance(found, UnknownMetric) else found.body


def query(
    request: Request,
    *,
    today: date,
    parameters: Sequence[str] = PARAMETERS,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Question:
    """The question in the query string; a parameter that is not known or given twice is a problem too."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    known = {name: text for name, text in given if name in parameters}
    problems = [Problem(name, "is given more than once") for name in known if names.count(name) > 1]
    unknown = dict.fromkeys(name for name in names if name not in parameters)
    problems += [unknown_parameter(name, parameters) for name in unknown]
    return ask({**defaults, **known}, (), today=today, problems=problems)


def ask(
    texts: Mapping[str, str | None], unknown: Iterable[str], *, today: date, problems: Iterable[Problem] = ()
) -> Question:
    """Read a question, with every problem of its parameters at once.

    Raises InvalidQuestion.
    """
    found = [*problems, *map(unknown_parameter, dict.fromkeys(unknown))]
    try:
        question = parse_question(today=today, **texts)
    except InvalidQuestion as invalid:
        found += invalid.problems
    if found:
        raise InvalidQuestion(found)
    return question


def unknown_parameter(name: str, parameters: Sequence[str] = PARAMETERS) -> Problem:
    hint = did_you_mean(nearest_names(name, parameters)) or f"; there are {', '.join(parameters)}"
    return Problem(name[:40], f"{shown(name)} is not a parameter{hint}")
