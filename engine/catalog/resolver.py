"""Definitions → tables and metrics, whose names are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from engine.catalog.metric_resolver import MetricResolver
from engine.catalog.metrics import Metric
from engine.catalog.reporter import AlreadyReported
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics, make_error_at_offset
from engine.faults import TextFaults
from engine.files.folder import MetricFolder
from engine.language.jinja import Sandbox, find_macro_names
from engine.tables import Table


def resolve_folder(folder: MetricFolder, diagnostics: Diagnostics) -> tuple[Mapping[str, Table], Mapping[str, Metric]]:
    """Resolve a folder's tables and metrics; those with errors are reported and left out."""
    sandbox = Sandbox(whole=folder.complete)
    values = collect_variables(folder, diagnostics)
    names = dict(values)
    with diagnostics.catch_unforeseen(folder.macros_file):
        names |= compile_folder_macros(folder, sandbox, values, diagnostics)
    tables = TableResolver(folder, sandbox, names, diagnostics)
    tables.check_shared_tables()
    metrics = MetricResolver(folder, sandbox, names, tables, diagnostics)
    return tables.resolve_all(), metrics.resolve_all()


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
