import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync("src/charts/charts.css", "utf-8");
const PAIR = /--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g;
const colours = new Map(
  [...css.matchAll(PAIR)].map(([, name = "", light = "", dark = ""]) => [name, [light, dark] as const]),
);

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((place) => {
    const part = parseInt(colour.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

// White and the page's own ground, of the dark scheme the tile and the ground.
const GROUNDS = [
  ["#ffffff", "#f6f6f3"],
  ["#1a1d20", "#121416"],
] as const;

const SERIES = [...Array.from({ length: 12 }, (_, index) => `series-${index + 1}`), "series-other"];

const atLeast = (names: readonly string[], least: number): void => {
  for (const name of names) {
    GROUNDS.forEach((grounds, scheme) =>
      grounds.forEach((ground) => {
        const colour = colours.get(name)?.[scheme];
        assert.ok(colour, `${name} is defined`);
        const found = contrast(colour, ground);
        assert.ok(found >= least, `${name} ${colour} on ${ground}: ${found.toFixed(2)}`);
      }),
    );
  }
};

test("every colour of a series can be told from its ground", () => atLeast(SERIES, 3));

test("what is written can be read", () => atLeast(["chart-ink", "chart-muted", "good", "bad", "neutral"], 4.5));

test("the line of the compared period can be seen", () => atLeast(["before"], 3));

test("the twelve colours differ", () => {
  for (const scheme of [0, 1]) {
    const used = SERIES.map((name) => colours.get(name)?.[scheme]);
    assert.equal(new Set(used).size, SERIES.length);
  }
});
