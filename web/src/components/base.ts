/** What both elements have: what to ask, of whom, and the events that tell how it went. */

import { LitElement, type PropertyValues, unsafeCSS } from "lit";
import { ProblemError, type Question } from "../../client/src/index.js";
import { type Filters, type Grain, PRESETS, type Preset, fitGrain, resolvePreset } from "../state/view";
import { type Connection, type Token, forgetConnection, onConfigure, openConnection } from "./connection";

/** The style sheet, which the build puts here. */
declare const STYLES: string;

const DEFAULT_RANGE: Preset = "28d";
const DEFAULT_COMPARE = "previous_period";

const parseFilters = (text: string | null): Filters | null => (text === null ? null : (JSON.parse(text) as Filters));

export abstract class MetricElement extends LitElement {
  static override properties = {
    range: { reflect: true },
    start: {},
    end: {},
    compare: {},
    compareStart: { attribute: "compare-start" },
    grain: {},
    sources: {},
    filters: { converter: { fromAttribute: parseFilters } },
    server: {},
    token: { attribute: false },
    problem: { state: true },
    isLoading: { state: true },
  };

  static override styles = unsafeCSS(STYLES);

  declare range: string | null;
  declare start: string | null;
  declare end: string | null;
  declare compare: string | null;
  declare compareStart: string | null;
  declare grain: string | null;
  declare sources: string | null;
  declare filters: Filters | null;
  declare server: string | null;
  declare token: Token | null;
  protected declare problem: ProblemError | null;
  protected declare isLoading: boolean;
  private running = 0;
  private release: (() => void) | null = null;

  constructor() {
    super();
    this.range = this.start = this.end = this.compare = this.compareStart = this.grain = this.sources = this.server = null;
    this.filters = this.token = this.problem = null;
    this.isLoading = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.release = onConfigure(() => void this.renew());
    if (this.hasUpdated) void this.renew();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.release?.();
    this.running += 1;
  }

  /** The properties that make another question. */
  protected abstract readonly asked: readonly string[];

  /** Ask, and keep what came. */
  protected abstract load(connection: Connection, isCurrent: () => boolean): Promise<void>;

  protected override updated(changed: PropertyValues): void {
    if (this.asked.some((name) => changed.has(name))) void this.renew();
  }

  /** Ask again, as after a sync. */
  reload(): Promise<void> {
    return this.renew();
  }

  protected async renew(): Promise<void> {
    const mine = (this.running += 1);
    const connection = openConnection(this);
    if (connection === null) return;
    const isCurrent = (): boolean => mine === this.running;
    this.isLoading = true;
    try {
      await this.load(connection, isCurrent);
      if (isCurrent()) this.problem = null;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (error.status === 401) forgetConnection(connection);
      if (!isCurrent()) return;
      this.problem = error;
      this.tell("metric-error", { ...this.describeSelf(), status: error.status, code: error.code, message: error.message });
    } finally {
      if (isCurrent()) this.isLoading = false;
    }
  }

  protected abstract describeSelf(): Record<string, unknown>;

  /** Tell the page, through every shadow root in between. */
  protected tell(name: string, detail: Record<string, unknown>): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** The properties as the API's parameters. Raises ProblemError. */
  protected async buildQuestion(connection: Connection): Promise<Question> {
    const { compareStart, sources, filters } = this;
    const compare = (this.compare ?? DEFAULT_COMPARE) as NonNullable<Question["compare"]>;
    const window = await this.resolveWindow(connection);
    // Without dates the server answers the default range at once, and knows itself which day was the last.
    const grain = (this.grain ?? (window === null ? "day" : fitGrain(window))) as Grain;
    return {
      ...window,
      compare,
      grain,
      ...(compareStart === null ? {} : { compare_start: compareStart }),
      ...(sources === null ? {} : { sources }),
      ...(filters === null || Object.keys(filters).length === 0 ? {} : { filter: mapFilters(filters) }),
    };
  }

  private async resolveWindow(connection: Connection): Promise<{ start: string; end: string } | null> {
    const { start, end } = this;
    if (start !== null && end !== null) return { start, end };
    const range = this.range ?? DEFAULT_RANGE;
    const preset = PRESETS.find(({ id }) => id === range)?.id;
    if (preset === undefined) {
      throw new ProblemError(422, `There is no range ${range}; write ${PRESETS.map(({ id }) => id).join(", ")}, or start and end.`, null);
    }
    if (preset === DEFAULT_RANGE) return null;
    return resolvePreset(preset, (await connection.getDashboard()).last_complete_day);
  }
}

const mapFilters = (filters: Filters): Record<string, string[]> =>
  Object.fromEntries(Object.entries(filters).map(([dimension, members]) => [dimension, [...members]]));

/** The names of the properties of which a question is made. */
export const QUESTION = ["range", "start", "end", "compare", "compareStart", "grain", "sources", "filters", "server", "token"] as const;
