"""An Apache Ossie document → metric files; what an export has put into `custom_extensions` comes back as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlglot import exp

from engine.authoring.exchange.imported_files import ImportDraft, ImportedEntry, ImportedFiles, NotCarried
from engine.authoring.exchange.json_text import parse_json
from engine.authoring.exchange.ossie_document import (
    COLUMN_TYPES,
    VENDOR,
    VERSION,
    OssieDataset,
    OssieDescribed,
    OssieDocument,
    OssieField,
    OssieMetric,
)
from engine.authoring.exchange.portable_sql import parse_portable, read_dataset_sql
from engine.catalog.dimensions import DIMENSION_NAME, make_title_from_name
from engine.catalog.rules import KEY_PATTERN
from engine.catalog.table_resolver import DEFAULT_TENANT, PHYSICAL_NAME_PATTERN
from engine.diagnostics import Diagnostic, Diagnostics
from engine.errors import InvalidImport
from engine.files.document import KeyPath, parse_document
from engine.files.schema_errors import find_existing_path, simplify_message
from engine.language.queries.names import NAME_PATTERN
from engine.sources import SOURCES

SOURCES_FILE = "sources.yaml"
FILE_NAME = re.compile(r"(?!insights\b)[\w-][\w.-]*\.yaml", re.ASCII)
QUOTED_IDENTIFIER = re.compile(r'"([^"]+)"')
SERIES_KEYS = ("series", "columns")


class OssieImport:
    """An import under way: `columns` are the columns of each dataset that is carried over, by their fields' names."""

    def __init__(self, document: OssieDocument, draft: ImportDraft, source: str, tenant: str) -> None:
        self.document = document
        self.draft = draft
        self.source = source
        self.tenant = tenant
        slug = re.sub(r"[^a-z0-9_]+", "_", document.name.lower()).strip("_") or "model"
        self.file = f"{slug}_model.yaml" if slug in ("sources", "insights") else f"{slug}.yaml"
        self.columns: dict[str, dict[str, str]] = {}
        # What an export has put into each part, by its place, and the widgets whose definitions are among that.
        self.extensions = {
            path: extension
            for path, part in iter_described_parts(document)
            if (extension := self.read_extension(part, path)) is not None
        }
        self.defined_keys = frozenset(each["key"] for each in self.extensions.values() if is_definition(each))

    def run(self) -> ImportedFiles:
        """Import all that can be carried over. Raises InvalidImport."""
        self.draft.raise_if_refused()
        own = self.extensions.get((), {})
        self.read_heads(own)
        self.name_other_constructs()
        for index, dataset in enumerate(self.document.datasets):
            self.attempt(self.read_dataset, dataset, ("datasets", index))
        for index, metric in enumerate(self.document.metrics):
            if not self.find_own_key(("metrics", index)):
                self.attempt(self.read_metric, metric, ("metrics", index))
        for key, parts in self.group_own_metrics().items():
            place = parts[0][1]
            try:
                self.restore_metric(key, parts)
            except (NotCarried, ValueError) as reason:
                path = reason.path if isinstance(reason, NotCarried) else place
                self.draft.omit(path, str(reason), key)
        for key, each in own.get("metrics", {}).items():
            path = ("custom_extensions",)
            self.add_entry("metrics", key, self.check_file(each["file"], path), dict(each["definition"]), path)
        return self.draft.finish()

    def attempt(self, read: Any, part: OssieDescribed, path: KeyPath) -> None:
        """Read a part, or name why it is not carried over."""
        try:
            read(part, path)
        except NotCarried as reason:
            self.draft.omit(reason.path, f"{part.name}: {reason.message}")
        except ValueError as reason:
            self.draft.omit(path, f"{part.name}: {reason}")

    def read_extension(self, part: OssieDescribed, path: KeyPath) -> dict[str, Any] | None:
        """Return what an export has put into a part; what is no such thing is refused."""
        try:
            return part.find_extension()
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            place = ".".join(map(str, fault["loc"]))
            message = f"{place}: {simplify_message(fault['msg'])}"
        except ValueError as error:
            message = f"this is not JSON: {error}"
        self.draft.refuse((*path, "custom_extensions"), "bad-extension", f"{VENDOR}: {message}")
        return None

    def read_heads(self, own: Mapping[str, Any]) -> None:
        """Read what stands above the tables of each file."""
        for name, head in own.get("files", {}).items():
            self.draft.heads[self.check_file(name, ("custom_extensions",))] = dict(head)
        self.draft.macros = own.get("macros", "")
        if "files" not in own:
            self.draft.heads[self.file] = {"source": self.source}
            if self.source not in SOURCES:
                self.draft.heads[SOURCES_FILE] = {"sources": {self.source: make_title_from_name(self.source)}}

    def check_file(self, name: str, path: KeyPath) -> str:
        """Check the name of a file: a document may name none elsewhere. Raises InvalidImport."""
        if not FILE_NAME.fullmatch(name):
            self.draft.refuse(path, "bad-extension", f"{name!r} is no name of a metric file")
            self.draft.raise_if_refused()
        return name

    def name_other_constructs(self) -> None:
        """Name what has no place in metric files."""
        for index, relationship in enumerate(self.document.relationships):
            message = f"the relationship {relationship.name!r}: joins are not carried over"
            self.draft.omit(("relationships", index), message)
        for path, part in iter_described_parts(self.document):
            extension = self.extensions.get(path, {})
            for index, each in enumerate(part.custom_extensions):
                if each.vendor_name != VENDOR:
                    message = f"the extension of {each.vendor_name} is not carried over"
                    self.draft.omit((*path, "custom_extensions", index), message)
            context = self.find_value((*path, "ai_context"))
            if context is not None and context != extension.get("ai_context"):
                self.draft.omit((*path, "ai_context"), "context for language models is not carried over")
            if part.description and not isinstance(part, OssieMetric):
                self.draft.omit((*path, "description"), "only metrics have descriptions here")
            if isinstance(part, OssieDataset) and part.unique_keys:
                self.draft.omit((*path, "unique_keys"), "a table has one key here")
        self.draft.raise_if_refused()

    def find_value(self, path: KeyPath) -> Any:
        value: Any = self.draft.document.data
        for segment in path:
            value = value.get(segment) if isinstance(value, dict) else value[int(segment)]
        return value

    def read_dataset(self, dataset: OssieDataset, path: KeyPath) -> None:
        """Read a dataset as a table. Raises NotCarried."""
        if not NAME_PATTERN.fullmatch(dataset.name):
            raise NotCarried((*path, "name"), "a table's name is of letters, digits and _")
        own = self.extensions.get(path)
        columns, names = {}, {}
        for index, field in enumerate(dataset.fields):
            place = (*path, "fields", index)
            try:
                columns[field.name] = self.read_field(field, place, is_own=own is not None)
                names[field.name] = field.name
            except NotCarried as reason:
                self.draft.omit(reason.path, f"{dataset.name}.{field.name}: {reason.message}")
        body = dict(own["definition"]) if own is not None else self.describe_foreign(dataset, columns, path)
        if "sql" in body:
            if own is not None and own.get("source") != dataset.source:
                raise NotCarried((*path, "source"), "the query has been changed; change `sql:` in the metric file")
        elif not PHYSICAL_NAME_PATTERN.fullmatch(dataset.source):
            raise NotCarried((*path, "source"), f"{dataset.source!r} is no table's name; make the query a view")
        elif dataset.source != dataset.name:
            body["name"] = dataset.source
        if dataset.primary_key:
            # Of another tool's rows nothing tells whose they are.
            whose = [] if own is not None or self.tenant in dataset.primary_key else [self.tenant]
            body["key"] = [*whose, *dataset.primary_key]
        body["columns"] = columns
        file = self.check_file(own["file"], path) if own is not None else self.file
        self.columns[dataset.name] = names
        self.add_entry("tables", dataset.name, file, body, path, is_helper=own is None)

    def read_field(self, field: OssieField, path: KeyPath, *, is_own: bool) -> Any:
        """Read a field as a column: a type, or a mapping. Raises NotCarried."""
        own = self.extensions.get(path, {})
        sql = field.expression.find_portable()
        if sql is None:
            raise NotCarried((*path, "expression"), "its expression is in no dialect that can be read here")
        if not NAME_PATTERN.fullmatch(field.name):
            raise NotCarried((*path, "name"), "a column's name is of letters, digits and _")
        quoted = QUOTED_IDENTIFIER.fullmatch(sql.strip())
        physical = quoted[1] if quoted else sql.strip()
        if not NAME_PATTERN.fullmatch(physical):
            raise NotCarried((*path, "expression"), f"{sql!r} is an expression; make it a column of a view")
        kind = own.get("type") or COLUMN_TYPES.get(field.datatype or "") or self.guess_type(field)
        if kind is None:
            raise NotCarried((*path, "datatype"), f"a column of type {field.datatype}")
        body = {"type": kind, **own}
        if physical != field.name:
            body["column"] = physical
        return kind if list(body) == ["type"] else body

    def guess_type(self, field: OssieField) -> str | None:
        """Guess the type of a field without one, by what metrics do with it."""
        if field.datatype is not None:
            return None
        for metric in self.document.metrics:
            sql = metric.expression.find_portable() or ""
            try:
                tree = parse_portable(sql)
            except ValueError:
                continue
            columns = [each for each in tree.find_all(exp.Column) if each.name == field.name]
            if any(each.find_ancestor(exp.Sum, exp.Avg) for each in columns):
                return "double"
        return "date" if field.is_time else "text"

    def describe_foreign(self, dataset: OssieDataset, columns: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        """Describe a table of another tool's document. Raises NotCarried."""
        dates = [each.name for each in dataset.fields if each.is_time and columns.get(each.name) == "date"]
        if not dates:
            raise NotCarried((*path, "fields"), "no field is a date that is marked as time")
        columns.setdefault(self.tenant, "uuid")
        columns[self.tenant] = "uuid"
        body: dict[str, Any] = {"time": dates[0]}
        if self.tenant != DEFAULT_TENANT:
            body["tenant"] = self.tenant
        dimensions = {
            each.name: {"title": each.label} if each.label else {}
            for each in dataset.fields
            if each.dimension is not None and not each.is_time and DIMENSION_NAME.fullmatch(each.name)
        }
        # A double names no member.
        kept = {name: each for name, each in dimensions.items() if columns.get(name) not in (None, "double", "numeric")}
        return body | ({"dimensions": kept} if kept else {})

    def find_own_key(self, path: KeyPath) -> str | None:
        """Return the key of the widget that a metric is a part of, if its definition is there."""
        key = self.extensions.get(path, {}).get("key")
        return key if key in self.defined_keys else None

    def group_own_metrics(self) -> Mapping[str, list[tuple[OssieMetric, KeyPath]]]:
        """Group the metrics that an export wrote by their widgets."""
        grouped: dict[str, list[tuple[OssieMetric, KeyPath]]] = {}
        for index, metric in enumerate(self.document.metrics):
            if key := self.find_own_key(("metrics", index)):
                grouped.setdefault(key, []).append((metric, ("metrics", index)))
        return grouped

    def restore_metric(self, key: str, parts: list[tuple[OssieMetric, KeyPath]]) -> None:
        """Restore a widget from its parts; an expression that has been changed since wins. Raises NotCarried."""
        extensions = [self.extensions[path] for _, path in parts]
        first = next(index for index, each in enumerate(extensions) if is_definition(each))
        own = extensions[first]
        body = order_keys({**own["definition"], "description": parts[first][0].description})
        given = [each.expression.find_portable() for each, _ in parts]
        names = [each.get("series") for each in extensions]
        section = next((name for name in SERIES_KEYS if isinstance(body.get(name), dict)), None)
        if section is not None:
            # A series that has been removed since does not come back.
            body[section] = {name: each for name, each in body[section].items() if name in names}
        if given != [each.get("expression") for each in extensions]:
            body = self.change_expressions(body, section, dict(zip(names, zip(given, parts, strict=True), strict=True)))
        self.add_entry("metrics", key, self.check_file(own["file"], parts[0][1]), body, parts[0][1])

    def change_expressions(
        self, body: dict[str, Any], section: str | None, given: Mapping[str | None, tuple[str | None, Any]]
    ) -> dict[str, Any]:
        """Return a definition with the expressions that stand in the document. Raises NotCarried."""
        if section is None and "value" not in body:
            path = given[None][1][1]
            raise NotCarried((*path, "expression"), "a metric made of metrics has been changed; change its `derive:`")
        # What `where` says is inside the expressions.
        body = {name: value for name, value in body.items() if name != "where"}
        for name, (sql, (_, path)) in given.items():
            if sql is None:
                raise NotCarried((*path, "expression"), "its expression is in no dialect that can be read here")
            value = read_dataset_sql(sql, self.columns)[1]
            if section is None:
                body["value"] = value
            else:
                before = body[section][name]
                body[section][name] = value if isinstance(before, str) else {**before, "value": value}
        return body

    def read_metric(self, metric: OssieMetric, path: KeyPath) -> None:
        """Read a metric of another tool's document. Raises NotCarried and ValueError."""
        sql = metric.expression.find_portable()
        if sql is None:
            raise NotCarried((*path, "expression"), "its expression is in no dialect that can be read here")
        table, value = read_dataset_sql(sql, self.columns)
        key = f"{self.source}.{metric.name}"
        if not KEY_PATTERN.fullmatch(key):
            raise NotCarried((*path, "name"), "a key is of letters, digits, _ and dots")
        body: dict[str, Any] = {"table": table, "value": value}
        if metric.description:
            body["description"] = metric.description
        if metric.datatype == "Integer":
            body["format"] = "integer"
        self.add_entry("metrics", key, self.file, body, path)

    def add_entry(
        self, section: str, name: str, file: str, body: dict[str, Any], path: KeyPath, *, is_helper: bool = False
    ) -> None:
        if (section, name) in self.draft.entries:
            self.draft.refuse(path, f"duplicate-{section[:-1]}", f"a second {section[:-1]} {name!r}")
        self.draft.entries[section, name] = ImportedEntry(file, body, path, is_helper=is_helper)


def is_definition(extension: Mapping[str, Any]) -> bool:
    return "key" in extension and "file" in extension and "definition" in extension


def order_keys(body: Mapping[str, Any]) -> dict[str, Any]:
    """Put title and description first; leave out a description that says nothing."""
    first = {name: body[name] for name in ("title", "description") if body.get(name)}
    return first | {name: value for name, value in body.items() if name != "description"}


def iter_described_parts(document: OssieDocument) -> Iterator[tuple[KeyPath, OssieDescribed]]:
    """Yield the document, its datasets with their fields, and its metrics, with their places."""
    yield (), document
    for number, dataset in enumerate(document.datasets):
        yield ("datasets", number), dataset
        for index, field in enumerate(dataset.fields):
            yield ("datasets", number, "fields", index), field
    for number, metric in enumerate(document.metrics):
        yield ("metrics", number), metric


def import_ossie_document(
    file: str, content: bytes, *, source: str, tenant: str = DEFAULT_TENANT, is_new_source: bool = True
) -> ImportedFiles:
    """Import the text of an Ossie document, JSON or YAML. Raises InvalidImport with all problems."""
    diagnostics = Diagnostics()
    parse = parse_json if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else parse_document
    document = parse(file, content, diagnostics)
    texts = {file: content.decode("utf-8-sig", "replace").split("\n")}
    if document is None or diagnostics.has_errors:
        raise InvalidImport([suggest_json(each) for each in diagnostics.list_in_file_order()], texts)
    draft = ImportDraft(document, texts)
    if not is_new_source:
        draft.undelivered = frozenset((SOURCES_FILE,))
    check_version(draft)
    draft.raise_if_refused()
    return OssieImport(validate_document(draft), draft, source, tenant).run()


def suggest_json(found: Diagnostic) -> Diagnostic:
    """Return a problem with the remedy for YAML that is too large: no document can be split."""
    if found.code != "yaml-limits":
        return found
    return replace(found, message=f"{found.message.partition(';')[0]}; write the document as JSON")


def check_version(draft: ImportDraft) -> None:
    """Refuse documents of another version, and the form in which models stood in a list."""
    version = draft.document.data.get("version")
    if "semantic_model" in draft.document.data:
        message = "models stood in a list in earlier drafts; put the one model's properties at the root, beside version"
        draft.refuse(("semantic_model",), "wrong-version", message)
    elif version != VERSION:
        draft.refuse(("version",), "wrong-version", f"a document of version {version}; {VERSION} can be read")


def validate_document(draft: ImportDraft) -> OssieDocument:
    """Validate the shape. Raises InvalidImport."""
    try:
        return OssieDocument.model_validate(draft.document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = find_existing_path(fault["loc"], draft.document.data)
            if fault["type"] == "missing":
                draft.refuse(path, "missing-key", f"the key {str(fault['loc'][-1])!r} is missing")
            elif fault["type"] == "extra_forbidden":
                draft.refuse(path, "unknown-key", "the specification has no such key")
            else:
                draft.refuse(path, "wrong-type", simplify_message(fault["msg"]))
        draft.raise_if_refused()
        raise
