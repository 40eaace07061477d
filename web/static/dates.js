/** Days as ISO text, reckoned in UTC so that no clock change moves them. */

const DAY = 86_400_000;

const moment = (day) => Date.parse(`${day}T00:00:00Z`);
const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

/** Whether the text is a day that the calendar has. */
export function isDay(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = moment(text);
  return !Number.isNaN(time) && isoDay(time) === text;
}

export const addDays = (day, count) => isoDay(moment(day) + count * DAY);

/** The reader's own yesterday: a stand-in until the server has told its last complete day. */
export function yesterday() {
  const now = new Date();
  return isoDay(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate() - 1));
}

/** The last day of the calendar bucket that begins on `day`. */
export function lastOfBucket(day, grain) {
  if (grain === "week") return addDays(day, 6);
  if (grain === "month") return isoDay(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0));
  return day;
}

/** The days of a bucket that lie within start and end. */
export function covered(day, { grain, start, end }) {
  const last = lastOfBucket(day, grain);
  return { start: day < start ? start : day, end: last > end ? end : last };
}

// The page is in English, so a reader with another language sees its dates in English too.
export const LOCALE = navigator.language.startsWith("en") ? navigator.language : "en";

const format = (options) => {
  const formatter = new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });
  return { one: (day) => formatter.format(moment(day)), span: (a, b) => formatter.formatRange(moment(a), moment(b)) };
};
const short = format({ month: "short", day: "numeric" });
const weekday = format({ weekday: "short", month: "short", day: "numeric", year: "numeric" });
const full = format({ month: "short", day: "numeric", year: "numeric" });
const month = format({ month: "short" });
const monthAndYear = format({ month: "short", year: "2-digit" });

export const fullDay = full.one;
export const shortDay = short.one;

/** "Nov 2 – 8, 2026", or one day with its weekday. */
export const span = (start, end) => (start === end ? weekday.one(start) : full.span(start, end));

/** What stands under an axis; `years` when the range holds more than one. */
export function tickLabel(day, grain, years) {
  if (grain === "month") return years ? monthAndYear.one(day) : month.one(day);
  return years && day.endsWith("-01-01") ? full.one(day) : short.one(day);
}

/** A moment of these days in the reader's own time zone: of today its time alone. */
export function clock(iso) {
  const moment = new Date(iso);
  const day = moment.toDateString() === new Date().toDateString() ? {} : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(LOCALE, { ...day, hour: "numeric", minute: "2-digit" }).format(moment);
}
