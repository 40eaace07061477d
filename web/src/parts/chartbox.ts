/** A box that a chart fills: it knows its size, and draws again when that or the answer changes. */

import { render } from "lit";
import { drawChart } from "../charts/chart";
import type { ChartInput } from "../charts/types";

type Drawing = Omit<ChartInput, "width" | "height">;

const MIN_SIZE = 40;
/** Milliseconds of drawing after which the page may answer, before more is drawn. */
const SLICE = 10;

/** The boxes to be drawn, in the order in which they came. */
const waiting = new Set<ChartBox>();

function drawSoon(box: ChartBox): void {
  if (waiting.size === 0) setTimeout(drawSlice);
  waiting.add(box);
}

function drawSlice(): void {
  const began = performance.now();
  for (const box of waiting) {
    if (performance.now() - began > SLICE) {
      setTimeout(drawSlice);
      return;
    }
    waiting.delete(box);
    box.draw();
  }
}

class ChartBox extends HTMLElement {
  private drawing: Drawing | null = null;
  private width = 0;
  private height = 0;
  private readonly observer = new ResizeObserver(([entry]) => {
    if (entry === undefined) return;
    const width = Math.floor(entry.contentRect.width);
    const height = Math.floor(entry.contentRect.height);
    if (width === this.width && height === this.height) return;
    [this.width, this.height] = [width, height];
    // What is drawn already follows its size at once.
    if (this.childElementCount > 0) this.draw();
    else drawSoon(this);
  });

  set input(drawing: Drawing) {
    this.drawing = drawing;
    drawSoon(this);
  }

  connectedCallback(): void {
    this.observer.observe(this);
  }

  disconnectedCallback(): void {
    this.observer.disconnect();
  }

  draw(): void {
    if (this.drawing === null || this.width < MIN_SIZE || this.height < MIN_SIZE) return;
    render(drawChart({ ...this.drawing, width: this.width, height: this.height }), this);
  }
}

// The page of others that loads the elements may have it already.
if (customElements.get("chart-box") === undefined) customElements.define("chart-box", ChartBox);
