/** `<metric-dashboard>`: the user's arrangement, or the widgets that are named, with one range and one set of filters. */

import { type TemplateResult, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Catalog, Layout, Widget } from "../../client/src/index.js";
import { cleanName, isolateName } from "../format/names";
import { OVERVIEW, type Place, arrangeEntries, listSections, readPlaces, sortPlaces } from "../state/layout";
import { PRESETS, toggleMember } from "../state/view";
import { cross } from "../parts/icons";
import { range } from "../parts/text";
import { MetricElement } from "./base";
import type { Connection } from "./connection";
import type { MetricWidget } from "./widget";

export class MetricDashboard extends MetricElement {
  static override properties = {
    ...MetricElement.properties,
    keys: {},
    places: { state: true },
    catalog: { state: true },
    shown: { state: true },
  };

  /** The widgets to show, separated by blanks; the user's own arrangement unless said. */
  declare keys: string | null;
  private declare places: readonly Place[];
  private declare catalog: Catalog | null;
  private declare shown: string;
  protected override readonly asked = ["keys", "server", "token"];

  constructor() {
    super();
    this.keys = this.catalog = null;
    this.places = [];
    this.shown = "";
    this.addEventListener("metric-select", (event) => this.takeSelection(event));
    this.addEventListener("metric-range", (event) => this.takeRange(event));
    this.addEventListener("metric-load", (event) => this.takeAnswer(event));
  }

  protected override describeSelf(): Record<string, unknown> {
    return {};
  }

  protected override async load(connection: Connection, isCurrent: () => boolean): Promise<void> {
    const [catalog, meta] = await Promise.all([connection.getCatalog(), connection.getDashboard()]);
    if (!isCurrent()) return;
    const titles = new Map(catalog.sources.map(({ name, title }) => [name, title]));
    const wanted = this.keys === null ? meta.layout : nameWidgets(this.keys);
    const connected = catalog.widgets.filter(({ sources }) => sources.every((source) => meta.connected_sources[source] === true));
    this.places = readPlaces(wanted, catalog.widgets, titles) ?? arrangeEntries(connected, titles);
    this.catalog = catalog;
  }

  override async reload(): Promise<void> {
    // Those that come meanwhile ask by themselves.
    const held = [...(this.shadowRoot?.querySelectorAll<MetricWidget>("metric-widget") ?? [])];
    await Promise.all([this.renew(), ...held.map((widget) => widget.reload())]);
  }

  protected override render(): TemplateResult {
    const { problem } = this;
    if (problem !== null) {
      return html`<p class="empty" part="message" role="alert">${problem.status === 401 ? "Your access has ended." : problem.message}</p>`;
    }
    if (this.catalog === null) return html`<div class="bone" part="loading" aria-hidden="true"></div>`;
    return html`${this.drawHead()}
      ${listSections(this.places).map(
        (name) => html`<section part="section" aria-label=${name === OVERVIEW ? "At a glance" : cleanName(name)}>
          ${name === OVERVIEW ? nothing : html`<h2 part="heading">${cleanName(name)}</h2>`}
          <div class="tiles ${name === OVERVIEW ? "headlines" : ""}">${this.drawTiles(name)}</div>
        </section>`,
      )}`;
  }

  private drawTiles(section: string): unknown {
    const places = sortPlaces(this.places).filter((place) => place.section === section);
    return repeat(places, ({ id }) => id, ({ id, x, y, w, h }) => html`<div class="place" .style=${`--x:${x + 1};--y:${y + 1};--w:${w};--h:${h}`}>
      <metric-widget exportparts="card, header, title, figure, value, change, chart, message" .key=${id} .compact=${section === OVERVIEW}
        .range=${this.range} .start=${this.start} .end=${this.end} .compare=${this.compare} .compareStart=${this.compareStart}
        .grain=${this.grain} .sources=${this.sources} .filters=${this.filters} .server=${this.server} .token=${this.token}></metric-widget>
    </div>`);
  }

  /** What days are shown, with a choice of others, and the filters that hold. */
  private drawHead(): TemplateResult {
    const isOwn = this.start !== null && this.end !== null;
    return html`<div class="head" part="head">
      <p part="period">${this.shown}</p>
      <select part="range" aria-label="Days" @change=${(event: Event) => {
        this.start = this.end = null;
        this.range = (event.target as HTMLSelectElement).value;
      }}>
        ${isOwn ? html`<option selected>Custom</option>` : nothing}
        ${PRESETS.map(({ id, label }) => html`<option value=${id} ?selected=${!isOwn && (this.range ?? "28d") === id}>${label}</option>`)}
      </select>
      ${Object.entries(this.filters ?? {}).flatMap(([dimension, members]) =>
        members.map((member) => html`<button type="button" class="chip" part="chip" aria-label="Take off the filter ${member}"
          @click=${() => this.toggle(dimension, member)}>${isolateName(member)}${cross}</button>`),
      )}
    </div>`;
  }

  private toggle(dimension: string, member: string): void {
    this.filters = toggleMember(this.filters ?? {}, dimension, member);
  }

  /** Filter by what was picked, unless the page has something else in mind. */
  private takeSelection(event: Event): void {
    const { dimension, member } = (event as CustomEvent<{ dimension: string; member: string }>).detail;
    queueMicrotask(() => event.defaultPrevented || this.toggle(dimension, member));
  }

  private takeRange(event: Event): void {
    const { start, end } = (event as CustomEvent<{ start: string; end: string }>).detail;
    queueMicrotask(() => {
      if (!event.defaultPrevented) [this.start, this.end] = [start, end];
    });
  }

  private takeAnswer(event: Event): void {
    const { meta, comparison } = (event as CustomEvent<{ widget: Widget }>).detail.widget;
    const days = range(meta.start, meta.end);
    this.shown = comparison ? `${days} against ${range(comparison.start, comparison.end)}` : days;
  }
}

const nameWidgets = (keys: string): Layout => ({ version: 1, widgets: keys.split(/\s+/).filter(Boolean).map((id) => ({ id })) });
