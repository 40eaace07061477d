/** What all elements of one server and token share: the catalog, the last complete day, and requests for several widgets. */

import {
  type Catalog,
  type Dashboard,
  MetricClient,
  ProblemError,
  type Question,
  type Schemas,
  type Widget,
  isWidget,
} from "../../client/src/index.js";

export type Token = string | (() => string | null | Promise<string | null>);
type Entry = Schemas["WidgetEntry"];
type Answers = Awaited<ReturnType<MetricClient["getWidgets"]>>;

export interface Settings {
  server: string;
  token: Token | null;
}

export class Connection {
  readonly client: MetricClient;
  private readonly kept = new Map<string, Promise<unknown>>();
  private readonly batches = new Map<string, { keys: Set<string>; answers: Promise<Answers> }>();

  constructor({ server, token }: Settings) {
    this.client = new MetricClient({ baseUrl: server, token });
  }

  readonly getCatalog = (): Promise<Catalog> => this.keep("catalog", () => this.client.getCatalog());
  readonly getDashboard = (): Promise<Dashboard> => this.keep("dashboard", () => this.client.getDashboard());

  async findEntry(key: string): Promise<Entry | undefined> {
    return (await this.getCatalog()).widgets.find((entry) => entry.key === key);
  }

  /** The answer of a widget, in one request with whatever else is asked the same in this turn. Raises ProblemError. */
  async ask(key: string, question: Question): Promise<Widget> {
    const name = JSON.stringify(question);
    const batch = this.batches.get(name) ?? this.openBatch(name, question);
    batch.keys.add(key);
    const answer = (await batch.answers)[key];
    if (answer === undefined) throw new ProblemError(404, `There is no ${key}.`, null);
    if (!isWidget(answer)) throw new ProblemError(answer.status, answer.detail, null, answer);
    return answer;
  }

  private openBatch(name: string, question: Question): { keys: Set<string>; answers: Promise<Answers> } {
    const keys = new Set<string>();
    const answers = new Promise((resolve) => setTimeout(resolve)).then(() => {
      this.batches.delete(name);
      return this.client.getWidgets([...keys], question);
    });
    const batch = { keys, answers };
    this.batches.set(name, batch);
    return batch;
  }

  /** Ask once; what has failed is asked again the next time. */
  private keep<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const held = this.kept.get(name) as Promise<T> | undefined;
    if (held !== undefined) return held;
    const asking = ask();
    this.kept.set(name, asking);
    asking.catch(() => this.kept.delete(name));
    return asking;
  }
}

// The script stands in `assets/` of the server that it speaks with.
const defaults: Settings = { server: new URL("..", import.meta.url).href, token: null };
const configured = new Set<() => void>();
const connections = new Map<string, Map<Token, Connection>>();

/** Set the server and the token of all elements that have none of their own. */
export function configure(settings: Partial<Settings>): void {
  Object.assign(defaults, settings);
  for (const renew of configured) renew();
}

/** Call `renew` whenever the defaults change, until the function that comes back is called. */
export function onConfigure(renew: () => void): () => void {
  configured.add(renew);
  return () => configured.delete(renew);
}

/** The connection of an element with settings of its own, or the defaults; null while there is no token. */
export function openConnection(own: { server: string | null; token: Token | null }): Connection | null {
  const server = new URL(own.server ?? defaults.server, document.baseURI).href;
  const token = own.token ?? defaults.token;
  if (token === null || token === "") return null;
  const held = connections.get(server) ?? new Map<Token, Connection>();
  connections.set(server, held);
  let connection = held.get(token);
  if (connection === undefined) held.set(token, (connection = new Connection({ server, token })));
  return connection;
}

/** Forget what was learnt with a token that is refused. */
export function forgetConnection(gone: Connection): void {
  for (const held of connections.values()) {
    for (const [token, connection] of held) if (connection === gone) held.delete(token);
  }
}
