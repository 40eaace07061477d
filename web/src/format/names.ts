/** Names that came from outside, made safe to stand in a sentence: no control of direction leaks out of them. */

// Embeddings, overrides and isolates (a name with U+202E reads as another name), and controls such as a line break.
const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu;

const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";
const ELLIPSIS = "…";

/** The name without controls of direction, as a title or a label reads it. */
export function cleanName(name: string): string {
  return name.replace(DIRECTION_CONTROLS, "").replace(CONTROLS, " ").trim() || "(no name)";
}

/** The clean name, isolated: its direction does not touch what stands beside it. */
export function isolateName(name: string): string {
  return `${FIRST_STRONG_ISOLATE}${cleanName(name)}${POP_ISOLATE}`;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const splitGraphemes = (text: string): string[] => Array.from(segmenter.segment(text), ({ segment }) => segment);

/** The longest beginning of the name that `measure` lets into `room`, isolated; whole characters only. */
export function ellipseName(name: string, room: number, measure: (text: string) => number): string {
  const clean = cleanName(name);
  if (measure(clean) <= room) return isolateName(clean);
  const graphemes = splitGraphemes(clean);
  let [low, high] = [0, graphemes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(graphemes.slice(0, middle).join("") + ELLIPSIS) <= room) low = middle;
    else high = middle - 1;
  }
  return isolateName(graphemes.slice(0, low).join("").trimEnd() + ELLIPSIS);
}

/** "media_type" and "CAROUSEL_ALBUM" as a person would write them. */
export function humanizeName(name: string): string {
  const words = cleanName(name).replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
