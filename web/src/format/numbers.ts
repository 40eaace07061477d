/** Values and changes as a reader of `locale` writes them. */

export type Format = "integer" | "decimal" | "percent" | "currency" | "duration";
export type Better = "up" | "down" | "neutral";
export type Tone = "good" | "bad" | "neutral";
export type Direction = "up" | "down" | "flat";

export interface ValueOptions {
  locale: string;
  currency?: string | null;
  /** Digits after the separator; those of the format unless said. */
  decimals?: number;
  /** As short as it can be read at a glance: 1.2M, $12.3K. */
  compact?: boolean;
  /** A value that is so many times another, as the return on ad spend: 3.1×. */
  multiple?: boolean;
}

/** How the values of a series are written. */
export interface Unit {
  format: Format;
  currency: string | null;
  multiple: boolean;
}

/** Stands where there is no value: missing is not zero. */
export const NO_VALUE = "–";

/** The currency of amounts in several of them; there is no value then. */
export const MIXED_CURRENCY = "mixed";

/** A relative change smaller than this says nothing: it is not coloured as good or bad. */
export const NOISE_THRESHOLD = 0.02;

const formatters = new Map<string, Intl.NumberFormat>();

function formatNumber(value: number, locale: string, options: Intl.NumberFormatOptions): string {
  const name = `${locale} ${JSON.stringify(options)}`;
  let formatter = formatters.get(name);
  if (formatter === undefined) formatters.set(name, (formatter = new Intl.NumberFormat(locale, options)));
  return formatter.format(value);
}

const MULTIPLE_WORDS = new Set(["roas", "mer"]);

/** The unit of a series or column: a decimal of money over money, which its name tells, is a multiple. */
export function unitOf(series: { name: string; key?: string; format: Format; currency: string | null }): Unit {
  const words = `${series.key ?? ""} ${series.name}`.toLowerCase().split(/[^a-z]+/);
  const multiple =
    series.format === "decimal" &&
    series.currency !== null &&
    (words.some((word) => MULTIPLE_WORDS.has(word)) || /\breturn on\b/i.test(series.name));
  return { format: series.format, currency: series.currency, multiple };
}

/** A value in its format, or a dash without one. */
export function formatValue(value: number | null | undefined, format: Format, options: ValueOptions): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  // Minus zero, and what rounding makes of it, has no sign.
  const sign: Intl.NumberFormatOptions = { signDisplay: "negative" };
  const { locale } = options;
  if (format === "duration") return formatDuration(value, options);
  if (format === "percent") {
    const decimals = options.decimals ?? percentDecimals(value);
    return formatNumber(value, locale, { ...sign, style: "percent", ...exactly(decimals) });
  }
  if (format === "currency" && isCurrency(options.currency)) {
    const style = { ...sign, style: "currency", currency: options.currency } as const;
    return formatNumber(value, locale, { ...style, ...digitsOf(value, options, undefined) });
  }
  const text = formatNumber(value, locale, { ...sign, ...digitsOf(value, options, format === "integer" ? 0 : 2) });
  return options.multiple ? `${text}×` : text;
}

/** A value of the unit. */
export function formatUnit(value: number | null | undefined, unit: Unit, options: ValueOptions): string {
  return formatValue(value, unit.format, { ...options, currency: unit.currency, multiple: unit.multiple });
}

/** A value to be read at a glance: a large amount loses its cents, then its thousands. */
export function formatHeadline(value: number | null | undefined, unit: Unit, locale: string): string {
  if (value === null || value === undefined) return NO_VALUE;
  const size = Math.abs(value);
  if (unit.format === "percent" || unit.format === "duration") return formatUnit(value, unit, { locale });
  if (size >= 1e6) return formatUnit(value, unit, { locale, compact: true });
  return formatUnit(value, unit, { locale, ...(size >= 1e4 ? { decimals: 0 } : {}) });
}

const isCurrency = (code: string | null | undefined): code is string => /^[A-Z]{3}$/.test(code ?? "");

const exactly = (decimals: number): Intl.NumberFormatOptions => ({
  minimumFractionDigits: decimals,
  maximumFractionDigits: decimals,
});

// Without decimals of its own a currency has those that its users write: cents, or none.
function digitsOf(value: number, options: ValueOptions, decimals: number | undefined): Intl.NumberFormatOptions {
  const wanted = options.decimals ?? decimals;
  if (options.compact && Math.abs(value) >= 1000) {
    if (options.decimals !== undefined) return { notation: "compact", maximumFractionDigits: options.decimals };
    return { notation: "compact", maximumSignificantDigits: 3 };
  }
  return wanted === undefined ? {} : exactly(wanted);
}

const percentDecimals = (value: number): number => (Math.abs(value) < 0.1 && value !== 0 ? 2 : 1);

const DURATION_UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Seconds as the two largest units that they hold: "1h 5m", "48s". */
export function formatDuration(seconds: number, { locale, decimals }: ValueOptions): string {
  const write = (value: number, unit: string, digits: number): string =>
    formatNumber(value, locale, { style: "unit", unit, unitDisplay: "narrow", ...exactly(digits) });
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (Math.round(size) < 60) return sign + write(size, "second", decimals ?? (size < 10 && size % 1 !== 0 ? 1 : 0));
  const first = DURATION_UNITS.findIndex(([, length]) => Math.round(size) >= length);
  const [unit, length] = DURATION_UNITS[first] ?? DURATION_UNITS[2];
  const [smaller, part] = DURATION_UNITS[first + 1] ?? DURATION_UNITS[3];
  const parts = Math.round(size / part);
  const whole = Math.floor((parts * part) / length);
  const rest = parts - (whole * length) / part;
  return sign + [write(whole, unit, 0), ...(rest > 0 ? [write(rest, smaller, 0)] : [])].join(" ");
}

export interface StatsLike {
  value: number | null;
  previous: number | null;
  delta: number | null;
}

export interface DeltaOptions {
  unit: Unit;
  better: Better;
  /** `meta.delta` of the answer. */
  kind: "relative" | "absolute";
  locale: string;
}

export interface Delta {
  /** "6.5%", "0.12 pts": without a sign, which the arrow is. */
  text: string;
  direction: Direction;
  arrow: string;
  tone: Tone;
  /** For one who hears it: "up 6.5%, better". */
  spoken: string;
}

const POINTS = "pts";
const ZEROS = /[0٠۰०]/gu;
const ARROWS: Record<Direction, string> = { up: "↑", down: "↓", flat: "±" };

/** The change of that kind, or null where there is none. */
export function computeDelta(
  value: number | null,
  previous: number | null,
  kind: "relative" | "absolute",
): number | null {
  if (value === null || previous === null) return null;
  if (kind === "absolute") return value - previous;
  return previous === 0 ? null : (value - previous) / Math.abs(previous);
}

/** The change against the previous value, or null where there is none to tell. */
export function formatDelta(stats: StatsLike, options: DeltaOptions): Delta | null {
  const { better } = options;
  const { value, previous, delta } = stats;
  const difference = value !== null && previous !== null ? value - previous : null;
  const size = sizeOf(delta, difference, options);
  if (size === null) return null;
  const [amount, text] = size;
  const direction = !/\p{Nd}/u.test(text.replace(ZEROS, "")) ? "flat" : amount > 0 ? "up" : "down";
  const tone =
    direction === "flat" || better === "neutral" || isNoise(stats) ? "neutral" : direction === better ? "good" : "bad";
  const judgement = { good: ", better", bad: ", worse", neutral: "" }[tone];
  const spoken = direction === "flat" ? "unchanged" : `${direction} ${text.replace(POINTS, "points")}${judgement}`;
  return { text, direction, arrow: ARROWS[direction], tone, spoken };
}

/** Whether the change is too small to be called good or bad. */
export function isNoise({ value, previous, delta }: StatsLike): boolean {
  if (value === null || previous === null) return delta === null || delta === 0;
  if (previous === 0) return value === 0;
  return Math.abs(value - previous) < NOISE_THRESHOLD * Math.abs(previous);
}

// A rate's change is in points: "down 0.8 %" of a rate of 2 % would be read as a rate of 1.2 %.
function sizeOf(delta: number | null, difference: number | null, options: DeltaOptions): [number, string] | null {
  const { unit, kind, locale } = options;
  if (unit.format === "percent" && difference !== null) return [difference, formatPoints(difference, locale)];
  if (delta === null) return null;
  if (kind === "absolute") {
    if (unit.format === "percent") return [delta, formatPoints(delta, locale)];
    return [delta, formatUnit(Math.abs(delta), unit, { locale })];
  }
  const size = Math.abs(delta);
  return [delta, formatNumber(size, locale, { style: "percent", ...exactly(size < 1 ? 1 : 0) })];
}

function formatPoints(difference: number, locale: string): string {
  const points = Math.abs(difference) * 100;
  return `${formatNumber(points, locale, exactly(points < 1 ? 2 : 1))} ${POINTS}`;
}
