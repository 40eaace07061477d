/** Three figures of the last 28 days. The server is `?server=…`, the token `#token=…` of this page's address. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { MetricClient, ProblemError, isWidget } from "metric-engine-client";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { useLiveData, useWidgets } from "./queries";

const KEYS = ["ga4.sessions", "ga4.conv_rate", "meta.roas"];
const FORMATS = { integer: 0, decimal: 2, currency: 2, percent: 4, duration: 0 } as const;

const client = new MetricClient({
  baseUrl: new URLSearchParams(location.search).get("server") ?? location.origin,
  token: () => new URLSearchParams(location.hash.slice(1)).get("token"),
});

function Figures() {
  const [compare, setCompare] = useState<"previous_period" | "previous_year">("previous_period");
  useLiveData(client);
  const { data, error, isPending } = useWidgets(client, KEYS, { compare });
  if (isPending) return <p>Asking…</p>;
  if (error !== null) return <p role="alert">{error instanceof ProblemError ? `${error.code}: ${error.message}` : String(error)}</p>;
  return (
    <>
      <label>
        Compared with{" "}
        <select value={compare} onChange={({ target }) => setCompare(target.value === "previous_year" ? "previous_year" : "previous_period")}>
          <option value="previous_period">the 28 days before</option>
          <option value="previous_year">a year before</option>
        </select>
      </label>
      <dl>
        {Object.entries(data).map(([key, answer]) =>
          isWidget(answer) ? (
            <div key={key}>
              <dt>{answer.meta.title}</dt>
              <dd data-key={key}>{answer.stats.value?.toFixed(FORMATS[answer.meta.format]) ?? "no data"}</dd>
            </div>
          ) : (
            <p key={key} role="alert">{answer.detail}</p>
          ),
        )}
      </dl>
    </>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("The document has no place for the figures.");
createRoot(root).render(
  <QueryClientProvider client={new QueryClient()}>
    <Figures />
  </QueryClientProvider>,
);
