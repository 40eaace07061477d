/** What the studio asks of a server that has one: its files, what a draft changes, and to save. */

import { ProblemError, describeProblem } from "../../client/src/index.js";
import type { Entry, Question, Widget } from "../api/client";
import { getToken } from "../api/session";

export type FileKind = "metrics" | "insights" | "language" | "macros";

export interface EditedFile {
  readonly name: string;
  readonly kind: FileKind;
  readonly text: string;
  readonly version: string;
}

export interface TableNames {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly additive: boolean }[];
  readonly dimensions: readonly string[];
}

/** A part of a JSON schema, as far as an editor completes by it. */
export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema | boolean>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** What can be completed in the files. */
export interface Language {
  readonly schemas: Readonly<Record<Exclude<FileKind, "macros">, Schema>>;
  readonly tables: readonly TableNames[];
  readonly keys: readonly string[];
  readonly functions: readonly { readonly usage: string; readonly documentation: string }[];
}

export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly metric: string | null;
  readonly message: string;
}

export interface Side {
  readonly entry: Entry;
  readonly widget: Widget | null;
  readonly problem: string | null;
}

export interface WidgetChange {
  readonly key: string;
  readonly status: "added" | "removed" | "renamed" | "changed";
  readonly before: Side | null;
  readonly after: Side | null;
  readonly changed_values: number;
  readonly sql: readonly string[];
}

export interface Check {
  readonly valid: boolean;
  readonly reason: string | null;
  readonly diagnostics: readonly Fault[];
  readonly changes: readonly WidgetChange[];
  readonly left_out: readonly string[];
}

/** One of a metric's own tests; without faults it passes. */
export interface TestResult {
  readonly metric: string;
  readonly test: string;
  readonly faults: readonly string[];
}

const RETRY_SECONDS = 3;

export type Drafts = Readonly<Record<string, string>>;

/** The published document does not know these paths, so that no client is made of it for them. */
async function sendJson<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = { Authorization: `Bearer ${getToken()}`, "Content-Type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(new URL(`v1/studio${path}`, document.baseURI), { method, headers, ...sent }).catch(() => null);
  if (response === null) throw new ProblemError(0, "The server does not answer.", RETRY_SECONDS);
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as T;
  throw new ProblemError(response.status, describeProblem(answer, response.status), response.status >= 500 ? RETRY_SECONDS : null, answer);
}

export const fetchStudio = (): Promise<Language & { files: EditedFile[] }> => sendJson("GET", "");

export const checkDrafts = (drafts: Drafts, { start, end, compare, compare_start, grain }: Question): Promise<Check> =>
  sendJson("POST", "/check", { drafts, start, end, compare, compare_start, grain });

export const testDrafts = async (drafts: Drafts): Promise<TestResult[]> =>
  (await sendJson<{ results: TestResult[] }>("POST", "/test", { drafts })).results;

/** Save a text over the version that it was made of; where the file is another by now, that one comes back. */
export async function saveText({ name, version }: EditedFile, text: string): Promise<{ saved: EditedFile } | { theirs: EditedFile }> {
  try {
    return { saved: await sendJson("PUT", `/files/${encodeURIComponent(name)}`, { text, version }) };
  } catch (error) {
    const theirs = error instanceof ProblemError ? (error.body["file"] as EditedFile | undefined) : undefined;
    if (theirs === undefined) throw error;
    return { theirs };
  }
}
