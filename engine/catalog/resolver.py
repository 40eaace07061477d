"""Definitions → sources, tables and metrics, whose names are resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from engine.catalog.dimensions import make_title_from_name
from engine.catalog.metric_resolver import MetricResolver
from engine.catalog.metrics import Metric
from engine.catalog.reporter import AlreadyReported
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics, make_error_at_offset
from engine.faults import TextFaults
from engine.files.folder import MetricFolder
from engine.language.jinja import Sandbox, find_macro_names
from engine.sources import SOURCE_PATTERN, SOURCES, Source, find_source_of_key
from engine.suggestions import suggest_name
from engine.tables import Table


def resolve_folder(
    folder: MetricFolder, diagnostics: Diagnostics
) -> tuple[Mapping[str, Source], Mapping[str, Table], Mapping[str, Metric]]:
    """Resolve a folder's sources, tables and metrics; those with errors are reported and left out."""
    sources = resolve_sources(folder, diagnostics)
    folder = drop_unknown_sources(folder, sources, diagnostics)
    sections = [file.document.data.get("vars", {}) for file in folder.files]
    sandbox = Sandbox(whole=folder.complete and all(isinstance(section, dict) for section in sections))
    values = collect_variables(folder, diagnostics)
    names = dict(values)
    with diagnostics.catch_unforeseen(folder.macros_file):
        names |= compile_folder_macros(folder, sandbox, values, diagnostics)
    tables = TableResolver(folder, sandbox, names, diagnostics)
    tables.check_shared_tables()
    metrics = MetricResolver(folder, sandbox, names, tables, sources, diagnostics)
    return sources, tables.resolve_all(), metrics.resolve_all()


def resolve_sources(folder: MetricFolder, diagnostics: Diagnostics) -> Mapping[str, Source]:
    """Resolve the sources that the files declare, and add the built-in ones."""
    declared: dict[str, Source] = {}
    file_names: dict[str, str] = {}
    for file in folder.files:
        for name, definition in file.definition.sources.items():
            fault = find_name_fault(name)
            if fault is None and name in declared:
                message = f"the source {name!r} is declared in {file_names[name]} already; remove one of them"
                fault = ("duplicate-source", message)
            if fault is not None:
                diagnostics.add(file.document.diagnose_key(("sources", name), *fault))
                continue
            title = definition.title or make_title_from_name(name)
            declared[name], file_names[name] = Source(name, title, key_prefix=name), file.name
    return dict(sorted({**SOURCES, **declared}.items()))


def find_name_fault(name: str) -> tuple[str, str] | None:
    """Return the code and the message of what is wrong with a declared source's name; None for a sound one."""
    if not re.fullmatch(SOURCE_PATTERN, name, re.ASCII):
        return "bad-name", f"{name!r} is not a source's name; use small letters, digits and _, such as google_ads"
    built_in = find_source_of_key(name, SOURCES)
    if built_in is None:
        return None
    fault = "is a built-in source" if name == built_in else f"begins the keys of the source {built_in}"
    return "duplicate-source", f"{name!r} {fault}; use another name"


def drop_unknown_sources(folder: MetricFolder, sources: Mapping[str, Source], diagnostics: Diagnostics) -> MetricFolder:
    """Report each file's `source:` that is no source, and return the folder without it.

    If a file or a declaration could not be read, the name may be declared there, so it is not reported.
    """
    sections = [file.document.data.get("sources", {}) for file in folder.files]
    is_known = folder.complete and all(isinstance(section, dict) for section in sections)
    attempted = {name for file in folder.files for name in file.list_declared("sources")}
    files = []
    for file in folder.files:
        name = file.definition.source
        if name is not None and name not in sources:
            if is_known and name not in attempted:
                hint = suggest_name(name, sources, f"; there are {', '.join(sources)}, or declare it under `sources:`")
                message = f"no source {name!r} is declared{hint}"
                diagnostics.add(file.document.diagnose_value(("source",), "unknown-source", message))
            file = replace(file, definition=file.definition.model_copy(update={"source": None}))
        files.append(file)
    return replace(folder, files=tuple(files))


def collect_variables(folder: MetricFolder, diagnostics: Diagnostics) -> dict[str, Any]:
    """Collect the variables of all files; each name may be given once in the folder."""
    variables: dict[str, Any] = {}
    file_names: dict[str, str] = {}
    for file in folder.files:
        for name, value in file.definition.vars.items():
            if name in variables:
                message = f"the variable {name!r} is given in {file_names[name]} already; rename one of them"
                diagnostics.add(file.document.diagnose_key(("vars", name), "duplicate-key", message))
            else:
                variables[name], file_names[name] = value, file.name
    return variables


def compile_folder_macros(
    folder: MetricFolder, sandbox: Sandbox, values: Mapping[str, Any], diagnostics: Diagnostics
) -> Mapping[str, Any]:
    """Compile the macros of the folder's `macros.j2`, which see the variables."""

    def raise_already_reported(*arguments: object, **named: object) -> NoReturn:
        raise AlreadyReported

    try:
        return sandbox.compile_macros(folder.macros, values)
    except TextFaults as faults:
        for fault in faults.faults:
            diagnostics.add(make_error_at_offset(folder.macros_file, folder.macros, fault))
    return dict.fromkeys(find_macro_names(folder.macros), raise_already_reported)
