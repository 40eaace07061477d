/** Addresses of widgets with what they are asked, whose filters have parameters of any name. */

import type { components } from "./types.js";

/** What a widget can be asked: the parameters of a batch, and those of a table. */
export type Question = Omit<components["schemas"]["BatchQuestion"], "keys">;

/** The path of a widget, or of what stands under it, with its query. */
export function buildAddress(key: string, question: Question, under = "", more: Record<string, string> = {}): string {
  const query = new URLSearchParams();
  const { filter, exclude, ...rest } = question;
  for (const [name, value] of Object.entries({ ...rest, ...more })) {
    // Sources that are empty are none; without them they are all.
    if (value !== null && value !== undefined && (value !== "" || name === "sources")) query.append(name, String(value));
  }
  for (const [kind, filters] of Object.entries({ filter, exclude })) {
    for (const [dimension, members] of Object.entries(filters ?? {})) {
      for (const member of members) query.append(`${kind}.${dimension}`, member);
    }
  }
  return `v1/widgets/${encodeURIComponent(key)}${under}?${query}`;
}

export function omitEmpty<T extends object>(parameters: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
