"""The dashboard's files as the API serves them, and what it says where there are none."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import web
from api.app import create_app
from engine import Engine
from runtime.services import Services
from state import State
from tests.api.conftest import make_settings


def build_app(engine: Engine, state: State, folder: Path) -> FastAPI:
    return create_app(Services(engine, state, make_settings(METRICS_DIR=str(folder))))


def test_a_page_that_could_not_be_built_says_why(
    engine: Engine, state: State, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "DIST", tmp_path)
    monkeypatch.setattr(web, "REASON", tmp_path / "reason.txt")
    (tmp_path / "reason.txt").write_text("There is no Node.js & no pip.", encoding="utf-8")
    with TestClient(build_app(engine, state, folder)) as client:
        answer = client.get("/")
        assert client.get("/healthz").status_code == HTTPStatus.OK
    assert answer.status_code == HTTPStatus.OK
    assert "There is no Node.js &amp; no pip." in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_files_named_by_their_content_are_kept_for_good(
    engine: Engine, state: State, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "main-ABC.js").write_text("1")
    (tmp_path / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(web, "DIST", tmp_path)
    with TestClient(build_app(engine, state, folder)) as client:
        asset, page, missing = (client.get(path) for path in ("/assets/main-ABC.js", "/", "/assets/main-OLD.js"))
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == "private, no-cache"
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert missing.headers["cache-control"] == "private, no-cache"
