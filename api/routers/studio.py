"""The studio's routes: only where `serve --reload` listens on a loopback address, in no published document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.middleware.authentication import get_tenant
from api.problems import build_problem, build_problem_response
from api.request_state import get_services
from api.responses import encode_json
from api.routers.widgets import describe_entry
from api.widget_query import build_query
from engine import MISSING, Body, Diagnostic, InvalidCatalog, InvalidSetting, Metric, TestResult, WidgetPreview
from runtime.studio import ChangedFile, Studio, UneditableFile, UnknownFile

User = Annotated[str, Depends(get_tenant)]
MAX_FILES = 200


class Draft(BaseModel):
    """Unsaved texts by the names of their files."""

    model_config = ConfigDict(extra="forbid")

    drafts: dict[str, str] = Field(max_length=MAX_FILES)


class DraftQuestion(Draft):
    """The same, and the days to try them on."""

    start: str | None = None
    end: str | None = None
    compare: str | None = None
    compare_start: str | None = None
    grain: str | None = None


class NewText(BaseModel):
    """The text to save, and the version of the file that it was made of."""

    model_config = ConfigDict(extra="forbid")

    text: str
    version: str


def refuse_foreign_requests(request: Request) -> None:
    """Refuse what comes by another name than this machine's own, or from another site's page.

    A page whose name its owner lets point to this machine has that name in `Host`.
    """
    headers = request.headers
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or not is_own_name(host):
        raise HTTPException(403, "the studio answers on this machine's own name alone; open it at http://127.0.0.1")
    origin = headers.get("origin")
    is_foreign = origin is not None and origin not in (f"http://{host}", f"https://{host}")
    if is_foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "the studio answers its own page alone, and this comes from another site")


def is_own_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, reached by no other."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


router = APIRouter(prefix="/studio", include_in_schema=False, dependencies=[Depends(refuse_foreign_requests)])


def get_studio(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


@router.get("")
def studio_files(request: Request) -> Response:
    """Answer the files with their texts, and what an editor completes."""
    studio = get_studio(request)
    body = {"files": [asdict(each) for each in studio.list_files()], **studio.describe_language()}
    return Response(encode_json(body), media_type="application/json")


@router.post("/check")
def check_draft(request: Request, draft: DraftQuestion, user: User) -> Response:
    """Answer the problems of unsaved texts, or the widgets that they change, before and after."""
    services, studio = get_services(request), get_studio(request)
    try:
        catalog = studio.load_draft(draft.drafts)
    except UnknownFile as unknown:
        raise HTTPException(404, str(unknown)) from None
    except (InvalidCatalog, InvalidSetting) as invalid:
        problems = invalid.diagnostics if isinstance(invalid, InvalidCatalog) else ()
        found = [describe_diagnostic(each, studio.folder) for each in problems]
        return build_check(found, is_valid=False, reason=None if found else str(invalid))
    query = build_query(draft.model_dump(exclude={"drafts"}), today=services.get_today(), known_sources=catalog.sources)
    previews, left_out = studio.preview_draft(services, catalog, query, user)
    return build_check(
        [describe_diagnostic(each, studio.folder) for each in catalog.warnings],
        is_valid=True,
        changes=map(describe_preview, previews),
        left_out=left_out,
    )


@router.post("/test")
def test_draft(request: Request, draft: Draft) -> Response:
    """Answer what the changed metrics' own tests say of unsaved texts; nothing of texts with problems."""
    studio = get_studio(request)
    try:
        catalog = studio.load_draft(draft.drafts)
    except UnknownFile as unknown:
        raise HTTPException(404, str(unknown)) from None
    except (InvalidCatalog, InvalidSetting):
        results = []
    else:
        results = [describe_result(each) for each in studio.test_draft(get_services(request), catalog)]
    return Response(encode_json({"results": results}), media_type="application/json")


@router.put("/files/{name}")
def save_file(request: Request, name: str, new: NewText) -> Response:
    """Save a file that is still as it was read; the server's own reload takes it in."""
    try:
        saved = get_studio(request).save_file(name, new.text, new.version)
    except UnknownFile as unknown:
        raise HTTPException(404, str(unknown)) from None
    except UneditableFile as refused:
        return build_problem_response(build_problem(HTTPStatus.CONFLICT, str(refused), code="uneditable-file"))
    except ChangedFile as changed:
        problem = build_problem(HTTPStatus.CONFLICT, str(changed), code="changed-file", file=asdict(changed.current))
        return build_problem_response(problem)
    return Response(encode_json(asdict(saved)), media_type="application/json")


def build_check(
    diagnostics: list[dict[str, Any]],
    *,
    is_valid: bool,
    reason: str | None = None,
    changes: Iterable[Mapping[str, Any]] = (),
    left_out: Iterable[str] = (),
) -> Response:
    body = {
        "valid": is_valid,
        "reason": reason,
        "diagnostics": diagnostics,
        "changes": list(changes),
        "left_out": list(left_out),
    }
    return Response(encode_json(body), media_type="application/json")


def describe_diagnostic(found: Diagnostic, folder: Path) -> dict[str, Any]:
    """Describe a problem, its file by the name within the folder."""
    path = Path(found.file)
    return asdict(found) | {"file": str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name}


def describe_preview(preview: WidgetPreview) -> dict[str, Any]:
    change = preview.change
    return {
        "key": change.key,
        "status": change.status,
        "before": describe_side(change.base, preview.before),
        "after": describe_side(change.head, preview.after),
        "changed_values": sum(len(each.values) for each in change.answers),
        "sql": change.sql,
    }


def describe_result(result: TestResult) -> dict[str, Any]:
    """Describe a test's result; its faults are sentences."""
    faults = [
        f"{each.path} is {write_value(each.actual)}, not {write_value(each.expected)}" for each in result.mismatches
    ]
    return {"metric": result.metric, "test": result.test, "faults": [result.error] if result.error else faults}


def write_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False)


def describe_side(metric: Metric | None, answer: Body | str | None) -> dict[str, Any] | None:
    """Describe one side's widget: its entry of the catalog, and its answer or why there is none."""
    if metric is None or answer is None:
        return None
    is_text = isinstance(answer, str)
    return {
        "entry": describe_entry(metric),
        "widget": None if is_text else answer,
        "problem": answer if is_text else None,
    }
