/** Days as ISO texts: what orders as text orders in time, and no time zone can move them. */

const DAY = 86_400_000;

export const toDate = (day: string): Date => new Date(`${day}T00:00:00Z`);
const toDay = (date: Date): string => date.toISOString().slice(0, 10);

export const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(toDate(text).getTime()) && toDay(toDate(text)) === text;

export const addDays = (day: string, count: number): string => toDay(new Date(toDate(day).getTime() + count * DAY));

/** The days from one to the other, both included. */
export const countDays = (start: string, end: string): number =>
  Math.round((toDate(end).getTime() - toDate(start).getTime()) / DAY) + 1;

export const firstOfMonth = (day: string): string => `${day.slice(0, 8)}01`;

/** The first day of the month that is `count` months from the day's. */
export function addMonths(day: string, count: number): string {
  const date = toDate(firstOfMonth(day));
  date.setUTCMonth(date.getUTCMonth() + count);
  return toDay(date);
}

export const firstOfQuarter = (day: string): string => addMonths(day, -((Number(day.slice(5, 7)) - 1) % 3));

export const firstOfYear = (day: string): string => `${day.slice(0, 5)}01-01`;

/** The same day a year before; of 29 February the one before. */
export function takeYear(day: string): string {
  const before = `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`;
  return isDay(before) ? before : `${before.slice(0, 8)}28`;
}

/** The last complete day as this browser's calendar has it; the server's own comes with what is connected. */
export function guessLastDay(): string {
  const now = new Date();
  return addDays(toDay(new Date(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()))), -1);
}
