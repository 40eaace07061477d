/** A line without axes, beside a number. */

import { line as lineOf } from "d3-shape";
import { html, nothing, svg, type TemplateResult } from "lit";
import { findExtent } from "./domain.js";
import { round } from "./marks.js";
import type { Point } from "./types.js";

const INSET = 3;

/** The points as a line, decorative to one who hears it. That of a rate (`cuts`) may leave zero, that of an amount not. */
export function drawSparkline(
  points: readonly Point[],
  width: number,
  height: number,
  { cuts = false } = {},
): TemplateResult {
  const [low, high] = findExtent(
    points.map(({ v }) => v),
    cuts,
  );
  const x = (index: number): number =>
    INSET + (index / Math.max(1, points.length - 1)) * Math.max(0, width - 2 * INSET);
  const y = (value: number): number =>
    height - INSET - ((value - low) / (high - low)) * Math.max(0, height - 2 * INSET);
  const drawn = (point: Point): boolean => point.v !== null && !point.partial;
  const path = lineOf<Point>()
    .defined(drawn)
    .x((_, index) => x(index))
    .y(({ v }) => y(v ?? 0))
    .digits(1)([...points]);
  const last = points.findLastIndex(drawn);
  const value = points[last]?.v ?? null;
  return html`<svg class="sparkline" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}
    aria-hidden="true">
    ${path ? svg`<path class="line s1" d=${path} />` : nothing}
    ${value === null || points.length < 2 ? nothing : svg`<circle class="dot s1" cx=${round(x(last))} cy=${round(y(value))} r="2.5" />`}
  </svg>`;
}
