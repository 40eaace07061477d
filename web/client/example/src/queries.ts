/** The API as hooks: the client tries again by itself, so that TanStack Query need not. */

import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type MetricClient, type Problem, type Question, type Widget } from "metric-engine-client";

/** An answer is good until the server says that the data, or the definitions, are others. */
const ALWAYS = { retry: false, staleTime: Infinity } as const;

export const widgetsQuery = (client: MetricClient, keys: readonly string[], question: Question) =>
  queryOptions<Record<string, Widget | Problem>>({
    queryKey: ["widgets", keys, question],
    queryFn: ({ signal }) => client.getWidgets(keys, question, signal),
    ...ALWAYS,
  });

export const useWidgets = (client: MetricClient, keys: readonly string[], question: Question) =>
  useQuery(widgetsQuery(client, keys, question));

/** Ask again what is on the screen when a sync, or an edit of the metric files, has changed it. */
export function useLiveData(client: MetricClient): void {
  const queries = useQueryClient();
  useEffect(() => {
    const following = new AbortController();
    const seen = new Map<string, unknown>();
    const renew = (kind: string, version: unknown): void => {
      const isFirst = !seen.has(kind);
      if (seen.get(kind) === version) return;
      seen.set(kind, version);
      if (!isFirst) void queries.invalidateQueries({ queryKey: ["widgets"] });
    };
    void client.followEvents(
      { catalog: ({ version }) => renew("catalog", version), data: ({ version }) => renew("data", version) },
      following.signal,
    );
    return () => following.abort();
  }, [client, queries]);
}
