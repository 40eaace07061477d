/** The HTTP API as the page uses it, over the client that others use too; what goes wrong is a ProblemError. */

import { type Dashboard, MetricClient, type Question, type Schemas, buildAddress } from "../../client/src/index.js";
import { getToken } from "./session";
import type { paths } from "./types";

export {
  type Catalog,
  type Dashboard,
  type InsightList,
  type Layout,
  type Member,
  type NewLayout,
  type Problem,
  ProblemError,
  type Question,
  type Schemas,
  type Widget,
} from "../../client/src/index.js";
/** The state of the data; the layout beside it has a place of its own in the page's state. */
export type DataState = Omit<Dashboard, "layout">;
export type Entry = Schemas["WidgetEntry"];
export type Connection = Schemas["ConnectionEntry"];
export type SyncJob = Schemas["SyncJob"];
export type Explanation = Schemas["Explanation"];

/** The document names the shipped sources; an installation may declare others. */
type Source = paths["/v1/connections/{source}"]["put"]["parameters"]["path"]["source"];

/** It tries nothing again by itself: the page says what is wrong, and when it tries again. */
export const client = new MetricClient({ baseUrl: new URL(".", document.baseURI).href, token: getToken, retries: 0 });

export const fetchConnections = async (): Promise<Connection[]> => (await client.take(client.http.GET("/v1/connections"))).connections;
export const connectAccount = (source: string, body: Schemas["NewConnection"]): Promise<unknown> =>
  client.take(client.http.PUT("/v1/connections/{source}", { params: { path: { source: source as Source } }, body }));
export const disconnectAccount = (source: string, account: string): Promise<unknown> =>
  client.take(
    client.http.DELETE("/v1/connections/{source}", { params: { path: { source: source as Source }, query: { account_id: account } } }),
  );
export const startSync = (): Promise<{ job_id: string }> => client.take(client.http.POST("/v1/sync/all/run"));
export const fetchSync = (id: string): Promise<SyncJob> => client.take(client.http.GET("/v1/sync/job/{id}", { params: { path: { id } } }));
export const cancelSync = (id: string): Promise<unknown> =>
  client.take(client.http.DELETE("/v1/sync/job/{id}", { params: { path: { id } } }));

export const fetchCsv = (key: string, question: Question): Promise<Blob> =>
  fetchAddress(buildAddress(key, question), "text/csv").then((response) => response.blob());

export const fetchExplanation = (key: string, question: Question): Promise<Explanation> =>
  fetchAddress(buildAddress(key, question, "/explain"), "application/json").then(
    (response) => response.json() as Promise<Explanation>,
  );

/** Fetch what has parameters of any name, which the types cannot have. */
export const fetchAddress = (address: string, accept: string, signal?: AbortSignal): Promise<Response> =>
  client.fetch(address, { Accept: accept }, signal);
