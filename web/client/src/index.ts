/** A small typed client of the HTTP API: what a page asks most, and the whole of it under `http`. */

import createFetchClient, { type Client } from "openapi-fetch";
import { type Question, buildAddress, omitEmpty } from "./address.js";
import { type EventListeners, readEvents } from "./events.js";
import { readProblem } from "./problem.js";
import { type ClientOptions, Transport } from "./transport.js";
import type { components, paths } from "./types.js";

export { type Question, buildAddress } from "./address.js";
export type { EventListeners } from "./events.js";
export { type Fault, ProblemError, describeProblem } from "./problem.js";
export type { ClientOptions } from "./transport.js";
export type { components, paths } from "./types.js";

export type Schemas = components["schemas"];
export type Widget = Schemas["Widget"];
export type Problem = Schemas["Problem"];
export type Catalog = Schemas["WidgetCatalog"];
export type Dashboard = Schemas["Dashboard"];
export type DashboardMeta = Schemas["DashboardMeta"];
export type Layout = Schemas["Layout"];
export type NewLayout = Schemas["NewLayout"];
export type InsightList = Schemas["InsightList"];
export type Member = Schemas["MemberEntry"];

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

type Signal = AbortSignal | undefined;

const MAX_KEYS = 50;

/** Whether the answer of a batch is a widget, and not a problem in its place. */
export const isWidget = (answer: Widget | Problem): answer is Widget => "series" in answer;

/** Every method raises ProblemError. */
export class MetricClient {
  /** Every path of the API, typed; `take` makes of its reply an answer or an error. */
  readonly http: Client<paths>;
  private readonly transport: Transport;

  constructor(options: ClientOptions) {
    this.transport = new Transport(options);
    this.http = createFetchClient<paths>({ baseUrl: this.transport.baseUrl(), fetch: this.transport.send });
  }

  async take<T>(request: Promise<Reply<T>>): Promise<T> {
    const { response, data, error } = await request;
    if (!response.ok) throw readProblem(response, error);
    return data as T;
  }

  /** Fetch a path that the types cannot have, since its parameters have any name. */
  fetch(path: string, headers: Record<string, string>, signal?: Signal): Promise<Response> {
    return this.transport.fetch(path, headers, signal);
  }

  getCatalog(signal?: Signal): Promise<Catalog> {
    return this.take(this.http.GET("/v1/widgets", setOf(signal)));
  }

  /** What a page needs beside the catalog before it asks for numbers. */
  getDashboard(signal?: Signal): Promise<Dashboard> {
    return this.take(this.http.GET("/v1/dashboard", setOf(signal)));
  }

  getMeta(signal?: Signal): Promise<DashboardMeta> {
    return this.take(this.http.GET("/v1/dashboard/meta", setOf(signal)));
  }

  getLayout(signal?: Signal): Promise<Layout> {
    return this.take(this.http.GET("/v1/dashboard/layout", setOf(signal)));
  }

  /** Save an arrangement; one that somebody has changed since is a ProblemError of 409, whose body has theirs. */
  saveLayout(body: NewLayout): Promise<Layout> {
    return this.take(this.http.POST("/v1/dashboard/layout", { body }));
  }

  async getWidget(key: string, question: Question = {}, signal?: Signal): Promise<Widget> {
    const response = await this.fetch(buildAddress(key, question), { Accept: "application/json" }, signal);
    return (await response.json()) as Widget;
  }

  /** The answers by key: one request, or as few as the server's limit on keys allows. */
  async getWidgets(keys: readonly string[], question: Question = {}, signal?: Signal): Promise<Record<string, Widget | Problem>> {
    const requests = [];
    for (let first = 0; first < keys.length; first += MAX_KEYS) {
      const body = { ...question, keys: keys.slice(first, first + MAX_KEYS) };
      requests.push(this.take(this.http.POST("/v1/widgets/batch", { body, ...setOf(signal) })));
    }
    const answers = await Promise.all(requests);
    return Object.assign({}, ...answers.map((answer) => (answer as Schemas["Batch"]).widgets)) as Record<string, Widget | Problem>;
  }

  /** The members of a dimension, the largest first; those of the filters of the other dimensions. */
  async getMembers(key: string, dimension: string, question: Question = {}, search = ""): Promise<Member[]> {
    const { start, end, sources, filter, exclude } = question;
    const wanted = omitEmpty({ start, end, sources, filter, exclude }) as Question;
    const address = buildAddress(key, wanted, `/members/${encodeURIComponent(dimension)}`, { search });
    const response = await this.fetch(address, { Accept: "application/json" });
    return ((await response.json()) as Schemas["MemberList"]).members;
  }

  /** What happened, in sentences. */
  getInsights({ start, end, compare, compare_start, sources }: Question = {}, signal?: Signal): Promise<InsightList> {
    const query = omitEmpty({ start, end, compare: compare === "off" ? null : compare, compare_start, sources });
    return this.take(this.http.GET("/v1/insights", { params: { query }, ...setOf(signal) }));
  }

  /** Listen to what changes until the signal says no; it connects again by itself. */
  followEvents(listeners: EventListeners, signal: AbortSignal): Promise<void> {
    return readEvents(this.transport, listeners, signal);
  }
}

const setOf = (signal: Signal): { signal?: AbortSignal } => (signal ? { signal } : {});
