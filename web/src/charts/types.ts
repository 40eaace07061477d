/** The parts of an answer that a chart is drawn from. */

import type { components } from "../api/types.js";

export type Widget = components["schemas"]["Widget"];
export type Meta = components["schemas"]["Meta"];
export type Series = components["schemas"]["Series"];
export type Point = components["schemas"]["Point"];
export type Stats = components["schemas"]["Stats"];
export type WidgetTable = components["schemas"]["WidgetTable"];
export type TableColumn = components["schemas"]["TableColumn"];
export type TableRow = components["schemas"]["TableRow"];
export type Item = components["schemas"]["Item"];

/** The chart of the catalog's entry; another word, or none, is drawn by the answer's shape. */
export type ChartKind = string | null;

export interface ChartInput {
  widget: Widget;
  kind: ChartKind;
  width: number;
  height: number;
  locale: string;
  /** The dimension by which the answer is broken down, as a filter names it. */
  by?: string | null;
  /** Colours by member, 1 to 12, so that a member has one colour on the whole page; by rank unless given. */
  colours?: ReadonlyMap<string, number>;
  /** Another answer whose values the axes have room for too, so that both charts can be compared. */
  reach?: Widget | null;
  onPick?: (dimension: string, member: string) => void;
  onRange?: (start: string, end: string) => void;
}
