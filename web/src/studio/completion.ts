/** Completion in metric files: keys and values by the JSON schema, names by the folder's tables. */

import { type Completion, type CompletionContext, type CompletionResult, snippetCompletion } from "@codemirror/autocomplete";
import { ITEM, type Place, findPlace, findTable } from "./place";
import type { FileKind, Language, Schema } from "./server";

/** Keys of a metric whose value is an expression over its table's columns. */
const EXPRESSIONS = new Set(["value", "where", "having", "order"]);
/** Those of a table whose value is one of its columns, or a list of them. */
const COLUMN_KEYS = new Set(["time", "tenant", "currency", "account", "key", "column", "label"]);

export const completeYaml =
  (language: Language, kind: FileKind) =>
  (context: CompletionContext): CompletionResult | null => {
    if (kind === "macros") return null;
    const place = findPlace(context.state.doc, context.pos);
    if (place === null) return null;
    if (!context.explicit && place.from === context.pos && !isAfterColon(context)) return null;
    const schema = language.schemas[kind];
    const options = place.isKey ? listKeys(schema, place) : listValues(schema, place, language, kind, context);
    return options.length === 0 ? null : { from: place.from, options, validFor: /^[\w.$-]*$/ };
  };

const isAfterColon = ({ state, pos }: CompletionContext): boolean => /[:,[{(]\s*$/.test(state.doc.lineAt(pos).text.slice(0, pos - state.doc.lineAt(pos).from));

/** All that a schema may be, with what it refers to. */
function* unfold(root: Schema, schema: Schema | boolean | undefined): Generator<Schema> {
  if (schema === undefined || typeof schema === "boolean") return;
  yield schema;
  if (schema.$ref !== undefined) yield* unfold(root, root.$defs?.[schema.$ref.replace("#/$defs/", "")]);
  for (const each of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) yield* unfold(root, each);
}

function descend(root: Schema, path: readonly string[]): Schema[] {
  let found: Schema[] = [...unfold(root, root)];
  for (const step of path) {
    found = found.flatMap((schema) => {
      const inner = step === ITEM ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
      return [...unfold(root, inner)];
    });
  }
  return found;
}

function listKeys(root: Schema, { path, beside }: Place): Completion[] {
  const keys = new Map<string, Completion>();
  for (const schema of descend(root, path)) {
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      if (typeof inner === "boolean" || beside.has(name) || keys.has(name)) continue;
      keys.set(name, { label: name, apply: `${name}: `, type: "property", ...(inner.description ? { info: inner.description } : {}) });
    }
  }
  return [...keys.values()];
}

function listValues(root: Schema, place: Place, language: Language, kind: FileKind, { state }: CompletionContext): Completion[] {
  const { path } = place;
  const choices = [...new Set(descend(root, path).flatMap(listChoices))].map((label) => ({ label, type: "enum" }));
  if (kind !== "metrics") return choices;
  if (path[0] === "tables") {
    const columns = language.tables.find(({ name }) => name === path[1])?.columns ?? [];
    const last = path.filter((step) => step !== ITEM).at(-1) ?? "";
    return path.length > 2 && COLUMN_KEYS.has(last) ? columns.map(describeColumn) : choices;
  }
  if (path[0] !== "metrics" || path.length < 2) return choices;
  const key = path.findLast((step) => step !== ITEM) ?? "";
  const inner = path.slice(2);
  if (inner[0] === "tests") return choices;
  if (inner[0] === "derive" || inner[0] === "combine") return language.keys.map((label) => ({ label, type: "variable", detail: "metric" }));
  const table = language.tables.find(({ name }) => name === findTable(state.doc, path));
  if (inner[0] === "by" || inner[0] === "rows") {
    const dimensions = (table?.dimensions ?? []).map((label) => ({ label, type: "variable", detail: "dimension", boost: 1 }));
    const names = new Set(dimensions.map(({ label }) => label));
    return table === undefined ? choices : [...dimensions, ...table.columns.filter(({ name }) => !names.has(name)).map(describeColumn)];
  }
  const isExpression = inner.length === 0 || EXPRESSIONS.has(key) || (inner.length === 2 && ["series", "columns"].includes(inner[0] ?? "")) || inner[1] === "values";
  if (!isExpression || choices.length > 0) return choices;
  return [...(table?.columns ?? []).map(describeColumn), ...language.functions.map(describeFunction)];
}

function listChoices(schema: Schema): string[] {
  if (schema.enum !== undefined) return schema.enum.map(String);
  if (schema.const !== undefined) return [String(schema.const)];
  return schema.type === "boolean" ? ["true", "false"] : [];
}

const describeColumn = ({ name, type }: { name: string; type: string }): Completion => ({ label: name, type: "variable", detail: type, boost: 2 });

/** In the order of their documentation: `sum` before `substring`. */
function describeFunction({ usage, documentation }: Language["functions"][number], place: number, { length }: Language["functions"]): Completion {
  const [name = usage, ...rest] = usage.split("(");
  const info = documentation.replaceAll("`", "");
  const completion = { label: name, detail: `(${rest.join("(")}`, type: "function", info, boost: 1 - place / length };
  return rest.length === 0 ? completion : snippetCompletion(`${name}(\${})`, completion);
}
