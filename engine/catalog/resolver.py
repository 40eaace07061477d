"""Definitions → tables and metrics in which every name has become the thing that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from engine.catalog.metric_resolver import MetricResolver
from engine.catalog.metrics import Metric
from engine.catalog.reporter import Reported
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics
from engine.files.document import START, advanced
from engine.files.folder import Folder
from engine.language.jinja import Sandbox, TemplateFaults, macro_names
from engine.tables import Table


def resolve(folder: Folder, diagnostics: Diagnostics) -> tuple[Mapping[str, Table], Mapping[str, Metric]]:
    """Resolve what a folder declares; what cannot be resolved is reported and left out."""
    sandbox = Sandbox(whole=folder.complete)
    values = declared_vars(folder, diagnostics)
    names = {**values, **macros(folder, sandbox, values, diagnostics)}
    tables = TableResolver(folder, sandbox, names, diagnostics)
    metrics = MetricResolver(folder, sandbox, names, tables, diagnostics)
    return tables.resolve_all(), metrics.resolve_all()


def declared_vars(folder: Folder, diagnostics: Diagnostics) -> dict[str, Any]:
    """The variables of all files; a name may be given once in the folder."""
    found: dict[str, Any] = {}
    places: dict[str, str] = {}
    for file in folder.files:
        for name, value in file.definition.vars.items():
            if name in found:
                position = file.document.key_position(("vars", name))
                message = f"the variable {name!r} is given in {places[name]} already; rename one of them"
                diagnostics.error(file.name, position, "duplicate-key", message)
            else:
                found[name], places[name] = value, file.name
    return found


def macros(folder: Folder, sandbox: Sandbox, values: Mapping[str, Any], diagnostics: Diagnostics) -> Mapping[str, Any]:
    """The macros of the folder's `macros.j2`, which see the variables."""

    def broken(*arguments: object, **named: object) -> NoReturn:
        raise Reported

    try:
        return sandbox.compile_macros(folder.macros, values)
    except TemplateFaults as faults:
        for offset, code, message in faults.faults:
            diagnostics.error(folder.macros_file, advanced(START, folder.macros[:offset]), code, message)
    return dict.fromkeys(macro_names(folder.macros), broken)
