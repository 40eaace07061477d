"""A dbt semantic manifest → metric files: what they cannot say is named with its place in the manifest."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from engine.authoring.exchange.imported_files import ImportDraft, ImportedFiles
from engine.authoring.exchange.json_text import parse_json
from engine.authoring.exchange.manifest import SemanticManifest
from engine.authoring.exchange.manifest_index import ManifestIndex
from engine.authoring.exchange.manifest_metrics import MetricBuilder
from engine.authoring.exchange.manifest_tables import ManifestTables
from engine.catalog.dimensions import make_title_from_name
from engine.catalog.table_resolver import DEFAULT_TENANT
from engine.diagnostics import Diagnostics
from engine.errors import InvalidImport
from engine.files.document import KeyPath
from engine.files.schema_errors import find_existing_path, simplify_message
from engine.sources import SOURCES

MAJOR_VERSION = "0"
SOURCES_FILE = "sources.yaml"
COMMENTS = (
    "Imported from a dbt semantic manifest, which knows no types: compare them with the live tables by",
    "`metric-engine validate --database`, and say in `better:` and `format:` what the manifest does not.",
)


def import_dbt_manifest(
    file: str, content: bytes, *, source: str, tenant: str = DEFAULT_TENANT, is_new_source: bool = True
) -> ImportedFiles:
    """Import the text of a semantic manifest. Raises InvalidImport with all problems."""
    diagnostics = Diagnostics()
    document = parse_json(file, content, diagnostics)
    texts = {file: content.decode("utf-8-sig", "replace").split("\n")}
    if document is None:
        raise InvalidImport(diagnostics.list_in_file_order(), texts)
    draft = ImportDraft(document, texts, comments=COMMENTS)
    check_version(draft)
    draft.raise_if_refused()
    manifest = validate_manifest(draft)
    index = ManifestIndex(manifest, draft)
    index.index_names()
    index.check_references()
    draft.raise_if_refused()
    index.name_other_constructs()
    tables = ManifestTables(manifest, draft, source, tenant)
    MetricBuilder(index, tables, draft, source).build_all()
    tables.write_tables()
    if not is_new_source:
        draft.undelivered = frozenset((SOURCES_FILE,))
    if source not in SOURCES:
        draft.heads[SOURCES_FILE] = {"sources": {source: make_title_from_name(source)}}
    return draft.finish()


def check_version(draft: ImportDraft) -> None:
    """Refuse dbt's other artifacts, and semantic manifests of another version."""
    data = draft.document.data
    if "nodes" in data:
        draft.refuse((), "wrong-version", "this is dbt's manifest.json; give its target/semantic_manifest.json")
    elif "data_sources" in data:
        draft.refuse(
            ("data_sources",), "wrong-version", "a manifest of data sources, from before dbt 1.6; compile it anew"
        )
    path: KeyPath = ("project_configuration", "dsi_package_version", "major_version")
    found: Any = data
    for segment in path:
        found = found.get(segment) if isinstance(found, dict) else None
    if found is not None and str(found) != MAJOR_VERSION:
        message = f"a manifest of version {found} of dbt's semantic interfaces; version {MAJOR_VERSION}.x can be read"
        draft.refuse(path, "wrong-version", message)


def validate_manifest(draft: ImportDraft) -> SemanticManifest:
    """Validate the shape. Raises InvalidImport."""
    try:
        return SemanticManifest.model_validate(draft.document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = find_existing_path(fault["loc"], draft.document.data)
            if fault["type"] == "missing":
                draft.refuse(path, "missing-key", f"the key {str(fault['loc'][-1])!r} is missing")
            else:
                draft.refuse(path, "wrong-type", simplify_message(fault["msg"]))
        draft.raise_if_refused()
        raise
