/** `<metric-widget>`: one widget as a card, with its figures and its chart or table. */

import { type PropertyValues, type TemplateResult, html, nothing } from "lit";
import type { Schemas, Widget } from "../../client/src/index.js";
import { drawItems, drawTable } from "../charts/chart";
import { cleanName, humanizeName } from "../format/names";
import "../parts/chartbox";
import { figure, glance, target } from "../parts/figures";
import { LOCALE } from "../parts/text";
import { MetricElement, QUESTION } from "./base";
import type { Connection } from "./connection";

type Entry = Schemas["WidgetEntry"];

const MAX_ROWS = 50;

export class MetricWidget extends MetricElement {
  static override properties = {
    ...MetricElement.properties,
    key: { reflect: true },
    metric: {},
    compact: { type: Boolean, reflect: true },
    sort: {},
    widget: { state: true },
    entry: { state: true },
  };

  declare key: string | null;
  /** The same as `key`, for frameworks that keep that name for themselves. */
  declare metric: string | null;
  /** Whether a line of the days is enough, in the place of a chart. */
  declare compact: boolean;
  /** The column by which a table stands, with a `-` before it for descending. */
  declare sort: string | null;
  declare widget: Widget | null;
  private declare entry: Entry | null;
  protected override readonly asked = [...QUESTION, "key", "metric", "sort"];

  constructor() {
    super();
    this.key = this.metric = this.sort = this.widget = this.entry = null;
    this.compact = false;
  }

  protected override describeSelf(): Record<string, unknown> {
    return { key: this.metric ?? this.key };
  }

  protected override async load(connection: Connection, isCurrent: () => boolean): Promise<void> {
    const key = this.metric ?? this.key;
    if (key === null) return;
    const [entry, widget] = await Promise.all([connection.findEntry(key), this.ask(connection, key)]);
    if (!isCurrent()) return;
    [this.entry, this.widget] = [entry ?? null, widget];
    await this.updateComplete;
    this.tell("metric-load", { key, widget });
  }

  private async ask(connection: Connection, key: string): Promise<Widget> {
    const question = await this.buildQuestion(connection);
    return this.sort === null ? connection.ask(key, question) : connection.client.getWidget(key, { ...question, sort: this.sort });
  }

  protected override willUpdate(changed: PropertyValues): void {
    // The numbers of another widget are not this one's.
    if (changed.has("key") || changed.has("metric")) this.widget = null;
  }

  protected override render(): TemplateResult {
    const { widget, entry, problem } = this;
    const title = cleanName(widget?.meta.title ?? entry?.title ?? this.metric ?? this.key ?? "");
    return html`<article class="card ${this.compact ? "headline" : ""} ${widget !== null && this.isLoading ? "old" : ""}" part="card"
      aria-label=${title} aria-busy=${this.isLoading}>
      <header part="header"><h3 class="clip" part="title" title=${entry?.description ?? nothing}>${title}</h3></header>
      ${problem !== null
        ? html`<p class="empty" part="message" role="alert">${problem.status === 401 ? "Your access has ended." : problem.message}
            ${problem.wait === null ? nothing : html`<button type="button" class="link" part="retry" @click=${() => this.reload()}>Try again</button>`}</p>`
        : widget === null
          ? html`<div class="bone" part="loading" aria-hidden="true"></div>`
          : widget.series.length === 0
            ? html`<p class="empty" part="message">Needs ${widget.meta.missing_sources.join(" and ")}.</p>`
            : this.drawWidget(widget, entry)}
    </article>`;
  }

  private drawWidget(widget: Widget, entry: Entry | null): TemplateResult {
    if (this.compact) return glance(widget);
    if (widget.table) return this.drawRows(widget, widget.table, entry);
    const by = entry?.by ?? null;
    const isDimension = by !== null && entry?.dimensions.some(({ name }) => name === by);
    const input = {
      widget,
      kind: entry?.chart ?? null,
      locale: LOCALE,
      ...(isDimension ? { by, onPick: (_: string, member: string) => this.select(by, member) } : {}),
      onRange: (start: string, end: string) => this.tell("metric-range", { ...this.describeSelf(), start, end }),
    };
    return html`${figure(widget)}${target(widget)}<chart-box part="chart" .input=${input}></chart-box>
      ${widget.items.length === 0 ? nothing : drawItems({ items: widget.items, title: widget.meta.title, locale: LOCALE })}`;
  }

  private drawRows({ meta }: Widget, table: NonNullable<Widget["table"]>, entry: Entry | null): TemplateResult {
    const rows = entry?.rows ?? "";
    const found = entry?.dimensions.find(({ name }) => name === rows);
    return drawTable({
      table,
      meta,
      locale: LOCALE,
      heading: found?.title ?? humanizeName(rows),
      sort: this.sort ?? entry?.sort ?? null,
      limit: MAX_ROWS,
      offset: 0,
      onSort: (sort) => (this.sort = sort),
      ...(found ? { by: rows, onPick: (_: string, member: string) => this.select(rows, member) } : {}),
    });
  }

  private select(dimension: string, member: string): void {
    this.tell("metric-select", { ...this.describeSelf(), dimension, member });
  }
}
