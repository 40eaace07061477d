import assert from "node:assert/strict";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { MetricClient, ProblemError, isWidget } from "../client/src/index.js";

interface Asked {
  method: string;
  url: string;
  token: string;
  body: { keys?: string[] };
}

type Answer = (asked: Asked, response: ServerResponse, count: number) => void;

/** A server that answers as told, and the list of what it was asked. */
async function serve(answer: Answer, act: (baseUrl: string, asked: Asked[]) => Promise<void>): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
      const one = { method: request.method ?? "", url: request.url ?? "", token, body: text === "" ? {} : JSON.parse(text) };
      asked.push(one);
      answer(one, response, asked.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function reply(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

const PROBLEM = { type: "/problems/unknown-widget", title: "Not Found", status: 404, detail: "There is no ga4.sesions; did you mean ga4.sessions?" };

test("filters and sources become parameters of the address", () =>
  serve(
    (_, response) => reply(response, 200, { series: [] }),
    async (baseUrl, asked) => {
      const client = new MetricClient({ baseUrl, token: "t" });
      await client.getWidget("ga4.sessions", { start: "2026-11-01", end: "2026-11-28", sources: "", filter: { channel: ["Email", "a&b"] } });
      assert.equal(
        asked[0]?.url,
        "/v1/widgets/ga4.sessions?start=2026-11-01&end=2026-11-28&sources=&filter.channel=Email&filter.channel=a%26b",
      );
      assert.equal(asked[0]?.token, "t");
    },
  ));

test("a problem is an error with its code, and is not asked again", () =>
  serve(
    (_, response) => reply(response, 404, PROBLEM),
    async (baseUrl, asked) => {
      const client = new MetricClient({ baseUrl, token: "t" });
      const error = await client.getWidget("ga4.sesions").catch((found: unknown) => found);
      assert.ok(error instanceof ProblemError);
      assert.deepEqual([error.status, error.code, error.message, error.wait], [404, "unknown-widget", PROBLEM.detail, null]);
      assert.equal(asked.length, 1);
    },
  ));

test("what is away is asked again after Retry-After, with its body", () =>
  serve(
    ({ body }, response, count) =>
      count < 2
        ? reply(response, 503, { title: "away", status: 503, detail: "The database is away." }, { "Retry-After": "0.05" })
        : reply(response, 200, { widgets: Object.fromEntries((body.keys ?? []).map((key) => [key, key === "b" ? PROBLEM : { series: [] }])) }),
    async (baseUrl, asked) => {
      const answers = await new MetricClient({ baseUrl, token: "t" }).getWidgets(["a", "b"]);
      assert.deepEqual(Object.values(answers).map(isWidget), [true, false]);
      assert.deepEqual(asked.map(({ body }) => body), [{ keys: ["a", "b"] }, { keys: ["a", "b"] }]);
    },
  ));

test("it gives up after as many tries as were said", () =>
  serve(
    (_, response) => reply(response, 503, { title: "away", status: 503, detail: "Away." }, { "Retry-After": "0.01" }),
    async (baseUrl, asked) => {
      const client = new MetricClient({ baseUrl, token: "t", retries: 1 });
      const error = await client.getLayout().catch((found: unknown) => found);
      assert.ok(error instanceof ProblemError);
      assert.equal(error.message, "Away.");
      assert.equal(asked.length, 2);
    },
  ));

test("a token that has expired is asked for once more", () =>
  serve(
    ({ token }, response) => (token === "new" ? reply(response, 200, { widgets: [] }) : reply(response, 401, { title: "no", status: 401 })),
    async (baseUrl, asked) => {
      const tokens = ["old", "new"];
      const client = new MetricClient({ baseUrl, token: () => tokens.shift() ?? "new" });
      await client.getLayout();
      assert.deepEqual(asked.map(({ token }) => token), ["old", "new"]);
      const refused = new MetricClient({ baseUrl, token: "of nobody" });
      await assert.rejects(refused.getLayout(), { status: 401 });
      assert.equal(asked.length, 3);
    },
  ));

test("more keys than a request may have become several", () =>
  serve(
    ({ body }, response) => reply(response, 200, { widgets: Object.fromEntries((body.keys ?? []).map((key) => [key, PROBLEM])) }),
    async (baseUrl, asked) => {
      const keys = Array.from({ length: 51 }, (_, index) => `k${index}`);
      const answers = await new MetricClient({ baseUrl, token: "t" }).getWidgets(keys);
      assert.deepEqual(Object.keys(answers), keys);
      assert.deepEqual(asked.map(({ body }) => body.keys?.length).sort(), [1, 50]);
    },
  ));

test("silence is an error too, and a caller may stop waiting", async () => {
  await assert.rejects(new MetricClient({ baseUrl: "http://127.0.0.1:9/", token: null, retries: 0 }).getLayout(), { status: 0 });
  await serve(
    (_, response) => reply(response, 503, {}, { "Retry-After": "30" }),
    async (baseUrl) => {
      const waiting = new AbortController();
      const asking = new MetricClient({ baseUrl, token: "t" }).getCatalog(waiting.signal);
      setTimeout(() => waiting.abort(), 20);
      await assert.rejects(asking, { name: "AbortError" });
    },
  );
});

test("events come by name, and a new connection tells the last one", () => {
  const seen: unknown[] = [];
  const done = new AbortController();
  return serve(
    (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(': hello\n\nid: 7\nevent: data\ndata: {"version": 3}\n\nid: 8\nevent: data\nda');
      response.write('ta: {"version": 4}\n\n');
    },
    async (baseUrl) => {
      const client = new MetricClient({ baseUrl, token: "t" });
      await client.followEvents(
        {
          data: ({ version }) => {
            seen.push(version);
            if (version === 4) done.abort();
          },
        },
        done.signal,
      );
      assert.deepEqual(seen, [3, 4]);
    },
  );
});
