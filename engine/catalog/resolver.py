"""Definitions → tables and metrics in which every name has become the thing that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from engine.catalog.metric_resolver import MetricResolver
from engine.catalog.metrics import Metric
from engine.catalog.reporter import AlreadyReported
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics
from engine.files.document import START, advance_position
from engine.files.folder import MetricFolder
from engine.language.faults import TextFaults
from engine.language.jinja import Sandbox, find_macro_names
from engine.tables import Table


def resolve_folder(folder: MetricFolder, diagnostics: Diagnostics) -> tuple[Mapping[str, Table], Mapping[str, Metric]]:
    """Resolve what a folder declares; what cannot be resolved is reported and left out."""
    sandbox = Sandbox(whole=folder.complete)
    values = collect_variables(folder, diagnostics)
    names = {**values, **compile_folder_macros(folder, sandbox, values, diagnostics)}
    tables = TableResolver(folder, sandbox, names, diagnostics)
    metrics = MetricResolver(folder, sandbox, names, tables, diagnostics)
    return tables.resolve_all(), metrics.resolve_all()


def collect_variables(folder: MetricFolder, diagnostics: Diagnostics) -> dict[str, Any]:
    """The variables of all files; a name may be given once in the folder."""
    variables: dict[str, Any] = {}
    file_names: dict[str, str] = {}
    for file in folder.files:
        for name, value in file.definition.vars.items():
            if name in variables:
                position = file.document.locate_key(("vars", name))
                message = f"the variable {name!r} is given in {file_names[name]} already; rename one of them"
                diagnostics.add_error(file.name, position, "duplicate-key", message)
            else:
                variables[name], file_names[name] = value, file.name
    return variables


def compile_folder_macros(
    folder: MetricFolder, sandbox: Sandbox, values: Mapping[str, Any], diagnostics: Diagnostics
) -> Mapping[str, Any]:
    """The macros of the folder's `macros.j2`, which see the variables."""

    def raise_already_reported(*arguments: object, **named: object) -> NoReturn:
        raise AlreadyReported

    try:
        return sandbox.compile_macros(folder.macros, values)
    except TextFaults as faults:
        for offset, code, message in faults.faults:
            diagnostics.add_error(folder.macros_file, advance_position(START, folder.macros[:offset]), code, message)
    return dict.fromkeys(find_macro_names(folder.macros), raise_already_reported)
