/** The HTTP API as the page uses it; what goes wrong comes as a Refusal, with words to show. */

import createClient from "openapi-fetch";
import { getToken } from "./session";
import type { components, paths } from "./types";

export type Schemas = components["schemas"];
export type Widget = Schemas["Widget"];
export type Problem = Schemas["Problem"];
export type Entry = Schemas["WidgetEntry"];
export type Catalog = Schemas["WidgetCatalog"];
export type DashboardMeta = Schemas["DashboardMeta"];
export type Layout = Schemas["Layout"];
export type NewLayout = Schemas["NewLayout"];
export type Connection = Schemas["ConnectionEntry"];
export type SyncJob = Schemas["SyncJob"];
export type InsightList = Schemas["InsightList"];
export type BatchQuestion = Schemas["BatchQuestion"];
export type Explanation = Schemas["Explanation"];
export type Member = Schemas["MemberEntry"];

/** What a widget can be asked: the parameters of a batch, and those of a table. */
export type Question = Omit<BatchQuestion, "keys">;

/** The document names the shipped sources; an installation may declare others. */
type Source = paths["/v1/connections/{source}"]["put"]["parameters"]["path"]["source"];

const MAX_KEYS = 50;
const DEFAULT_WAIT = 5;

/** An answer that is no success: `status` is 0 where none came, `wait` the seconds until it is worth another try. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly wait: number | null,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

const client = createClient<paths>({ baseUrl: new URL(".", document.baseURI).href.replace(/\/$/, "") });
client.use({
  onRequest({ request }) {
    const token = getToken();
    if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
});

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function take<T>(request: Promise<Reply<T>>): Promise<T> {
  let reply: Reply<T>;
  try {
    reply = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer.", DEFAULT_WAIT);
  }
  if (!reply.response.ok) throw readRefusal(reply.response, reply.error);
  return reply.data as T;
}

function readRefusal(response: Response, error: unknown): Refusal {
  const body = typeof error === "object" && error !== null ? (error as Record<string, unknown>) : {};
  const passes = response.status === 429 || response.status >= 500;
  const seconds = Number(response.headers.get("Retry-After"));
  return new Refusal(response.status, describeProblem(body, response.status), passes ? seconds || DEFAULT_WAIT : null, body);
}

/** A problem document as a sentence. */
export function describeProblem(body: Record<string, unknown>, status: number): string {
  const faults = Array.isArray(body["errors"]) ? (body["errors"] as { detail?: unknown }[]) : [];
  const details = faults.map(({ detail }) => detail).filter((detail) => typeof detail === "string");
  if (details.length > 0) return `${details.join("; ")}.`;
  if (typeof body["detail"] === "string" && body["detail"] !== "") return body["detail"];
  return typeof body["title"] === "string" ? body["title"] : `The server answered ${status}.`;
}

type Signal = AbortSignal | undefined;
const setOf = (signal: Signal) => (signal ? { signal } : {});

export const fetchCatalog = (signal?: Signal): Promise<Catalog> => take(client.GET("/v1/widgets", setOf(signal)));
export const fetchMeta = (signal?: Signal): Promise<DashboardMeta> => take(client.GET("/v1/dashboard/meta", setOf(signal)));
export const fetchLayout = (signal?: Signal): Promise<Layout> => take(client.GET("/v1/dashboard/layout", setOf(signal)));
export const saveLayout = (body: NewLayout): Promise<Layout> => take(client.POST("/v1/dashboard/layout", { body }));
export const fetchConnections = async (): Promise<Connection[]> => (await take(client.GET("/v1/connections"))).connections;
export const connectAccount = (source: string, body: Schemas["NewConnection"]): Promise<unknown> =>
  take(client.PUT("/v1/connections/{source}", { params: { path: { source: source as Source } }, body }));
export const disconnectAccount = (source: string, account: string): Promise<unknown> =>
  take(client.DELETE("/v1/connections/{source}", { params: { path: { source: source as Source }, query: { account_id: account } } }));
export const startSync = (): Promise<{ job_id: string }> => take(client.POST("/v1/sync/all/run"));
export const fetchSync = (id: string): Promise<SyncJob> => take(client.GET("/v1/sync/job/{id}", { params: { path: { id } } }));
export const cancelSync = (id: string): Promise<unknown> => take(client.DELETE("/v1/sync/job/{id}", { params: { path: { id } } }));

/** The answers by key: one request, or as few as the server's limit on keys allows. */
export async function fetchAnswers(
  keys: readonly string[],
  question: Question,
  signal?: Signal,
): Promise<Record<string, Widget | Problem>> {
  const requests = [];
  for (let first = 0; first < keys.length; first += MAX_KEYS) {
    const body = { ...question, keys: keys.slice(first, first + MAX_KEYS) };
    requests.push(take(client.POST("/v1/widgets/batch", { body, ...setOf(signal) })));
  }
  const answers = await Promise.all(requests);
  return Object.assign({}, ...answers.map((answer) => (answer as Schemas["Batch"]).widgets)) as Record<string, Widget | Problem>;
}

/** What happened, in sentences. */
export function fetchInsights({ start, end, compare, compare_start, sources }: Question, signal?: Signal): Promise<InsightList> {
  const query = { start, end, compare: compare === "off" ? null : compare, compare_start, sources };
  return take(client.GET("/v1/insights", { params: { query: withoutEmpty(query) }, ...setOf(signal) }));
}

/** One widget by its own address, as a table's page needs it. */
export const fetchWidget = (key: string, question: Question, signal?: Signal): Promise<Widget> =>
  fetchAddress(buildAddress(key, question), "application/json", signal).then((response) => response.json() as Promise<Widget>);

export const fetchCsv = (key: string, question: Question): Promise<Blob> =>
  fetchAddress(buildAddress(key, question), "text/csv").then((response) => response.blob());

export const fetchExplanation = (key: string, question: Question): Promise<Explanation> =>
  fetchAddress(buildAddress(key, question, "/explain"), "application/json").then(
    (response) => response.json() as Promise<Explanation>,
  );

/** The members of a dimension, the largest first; those of the filters of the other dimensions. */
export async function fetchMembers(key: string, dimension: string, question: Question, search = ""): Promise<Member[]> {
  const { start, end, sources, filter, exclude } = question;
  const asked = withoutEmpty({ start, end, sources, filter, exclude }) as Question;
  const address = buildAddress(key, asked, `/members/${encodeURIComponent(dimension)}`, { search });
  const response = await fetchAddress(address, "application/json");
  return ((await response.json()) as Schemas["MemberList"]).members;
}

function withoutEmpty<T extends object>(parameters: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** The address of a widget with what it is asked, filters included. */
export function buildAddress(key: string, question: Question, under = "", more: Record<string, string> = {}): string {
  const query = new URLSearchParams();
  const { filter, exclude, ...rest } = question;
  for (const [name, value] of Object.entries({ ...rest, ...more })) {
    if (value !== null && value !== undefined && (value !== "" || name === "sources")) query.append(name, String(value));
  }
  for (const [kind, filters] of Object.entries({ filter, exclude })) {
    for (const [dimension, members] of Object.entries(filters ?? {})) {
      for (const member of members) query.append(`${kind}.${dimension}`, member);
    }
  }
  return `v1/widgets/${encodeURIComponent(key)}${under}?${query}`;
}

/** Fetch what has parameters of any name, which the types cannot have. */
export async function fetchAddress(address: string, accept: string, signal?: Signal): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept };
  const token = getToken();
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(new URL(address, document.baseURI), { headers, ...setOf(signal) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer.", DEFAULT_WAIT);
  }
  if (!response.ok) throw readRefusal(response, await response.json().catch(() => null));
  return response;
}
