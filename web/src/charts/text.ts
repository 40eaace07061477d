/** The width of text in the charts' font, so that labels can be laid out before they are drawn. */

// Must match the sizes in charts.css.
export const TICK_SIZE = 11;
export const LABEL_SIZE = 12;

const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const MAX_KEPT = 5000;

let context: CanvasRenderingContext2D | null | undefined;
const kept = new Map<string, number>();

/** The width of `text` in pixels; without a canvas a close guess. */
export function measureText(text: string, size: number, weight = 400): number {
  const name = `${size} ${weight} ${text}`;
  let width = kept.get(name);
  if (width === undefined) {
    if (kept.size > MAX_KEPT) kept.clear();
    kept.set(name, (width = measureAnew(text, size, weight)));
  }
  return width;
}

function measureAnew(text: string, size: number, weight: number): number {
  if (context === undefined) {
    context = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
  }
  if (!context) return Array.from(text).length * size * (weight > 500 ? 0.6 : 0.56);
  context.font = `${weight} ${size}px ${FAMILY}`;
  return context.measureText(text).width;
}

/** The width of the widest of the texts. */
export const measureWidest = (texts: readonly string[], size: number): number =>
  texts.reduce((most, text) => Math.max(most, measureText(text, size)), 0);
