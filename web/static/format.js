/** Values as words: by the widget's format and currency, or the dash that stands for no value. */

import { LOCALE } from "./dates.js";

export const NOTHING = "—";
export const MIXED = "mixed";

const kept = new Map();

function number(value, options) {
  const name = JSON.stringify(options);
  if (!kept.has(name)) kept.set(name, new Intl.NumberFormat(LOCALE, options));
  return kept.get(name).format(value);
}

/** A value in full: `unit` is `{format, currency}` of the widget or series. */
export function exact(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  return inUnit(value, unit, (digits) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

/** A value to be read at a glance: large ones without their cents. */
export function headline(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  if (size >= 1e7) return inUnit(value, unit, () => ({ notation: "compact", maximumSignificantDigits: 4 }));
  if (unit.format === "currency" && size >= 1e4) return inUnit(value, unit, () => ({ maximumFractionDigits: 0 }));
  return exact(value, unit);
}

/** The values of an axis, as short as their step allows, all in one notation. */
export function axis(values, unit, step) {
  const most = Math.max(...values.map(Math.abs));
  const thousands = most >= 1e4 ? 1000 ** Math.floor(Math.log10(most) / 3 + 1e-9) : 1;
  const needed = decimals((unit.format === "percent" ? step * 100 : step) / thousands);
  const digits = unit.format === "currency" && thousands === 1 && needed === 1 ? 2 : needed;
  const options = { minimumFractionDigits: thousands === 1 ? digits : 0, maximumFractionDigits: digits };
  const notation = thousands === 1 ? "standard" : "compact";
  return values.map((value) => inUnit(value, unit, () => ({ notation, ...options })));
}

/** How many decimals a step of 1, 2, 2.5 or 5 times a power of ten needs. */
function decimals(step) {
  let digits = 0;
  while (digits < 8 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  return digits;
}

function inUnit(value, { format, currency }, options) {
  if (format === "integer") return number(value, options(0));
  if (format === "percent") return number(value, { style: "percent", ...options(Math.abs(value) < 0.1 ? 2 : 1) });
  if (format === "currency" && /^[A-Z]{3}$/.test(currency ?? "")) {
    return number(value, { style: "currency", currency, ...options(2) });
  }
  return number(value, options(2));
}

/** A number that has no format of its own, such as a value of an item. */
export const plain = (value) => (value === null ? NOTHING : number(value, { maximumFractionDigits: 2 }));

/**
 * A change: its text and arrow, whether it is good, and the words for a reader who hears it.
 * Null where there is none.
 */
export function change({ value, previous, delta }, better, unit) {
  if (delta === null || delta === undefined) return null;
  const size = isAbsolute(value, previous, delta) ? difference(delta, unit) : fraction(delta);
  // What reads as zero has no direction.
  const direction = !/[1-9]/.test(size) ? "flat" : delta > 0 ? "up" : "down";
  const tone = direction === "flat" || better === "neutral" ? "neutral" : direction === better ? "good" : "bad";
  const judged = { good: ", better", bad: ", worse", neutral: "" }[tone];
  const spoken = direction === "flat" ? "unchanged" : `${direction} ${size}${judged}`;
  return { text: size, tone, spoken, arrow: { up: "▲", down: "▼", flat: "=" }[direction] };
}

// An answer does not say of which kind its delta is, but its three numbers do.
function isAbsolute(value, previous, delta) {
  if (value === null || previous === null) return false;
  if (previous === 0) return true;
  const asDifference = value - previous;
  return Math.abs(delta - asDifference) < Math.abs(delta - asDifference / Math.abs(previous));
}

const fraction = (delta) => {
  const digits = Math.abs(delta) < 1 ? 1 : 0;
  return number(Math.abs(delta), { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
};

const difference = (delta, unit) =>
  unit.format === "percent"
    ? `${number(Math.abs(delta) * 100, { maximumFractionDigits: 2 })} points`
    : exact(Math.abs(delta), unit);

/** "media_type" and "CAROUSEL_ALBUM" as a person would write them. */
export function humanized(name) {
  const words = name.replaceAll("_", " ").trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "a, b and c". */
export const listed = (names) => new Intl.ListFormat(LOCALE, { type: "conjunction" }).format(names);
