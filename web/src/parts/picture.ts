/** A chart as a picture: its drawing with the styles that the page gives it, on the page's ground. */

import type { Entry } from "../api/client";
import { saveFile } from "../state/actions";
import { say } from "../state/store";

const SCALE = 2;
const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "font-size", "font-family", "font-weight", "text-anchor", "dominant-baseline", "display"];

export async function downloadPng(entry: Entry): Promise<void> {
  const shown = document.querySelector<SVGSVGElement>(`.viewer [data-key="${CSS.escape(entry.key)}"] chart-box svg`)
    ?? document.querySelector<SVGSVGElement>(`[data-key="${CSS.escape(entry.key)}"] chart-box svg`);
  if (shown === null) return;
  const { width, height } = shown.getBoundingClientRect();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(serialize(shown, width, height))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, (height + TITLE) * SCALE];
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(document.body);
  context.scale(SCALE, SCALE);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--card") || "white";
  context.fillRect(0, 0, width, height + TITLE);
  context.fillStyle = style.color;
  context.font = `600 15px ${style.fontFamily}`;
  context.fillText(entry.title, 12, 24);
  context.drawImage(image, 0, TITLE, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) return say("The picture could not be made.");
  saveFile(blob, `${entry.key}.png`);
}

const TITLE = 36;

function serialize(shown: SVGSVGElement, width: number, height: number): string {
  const copy = shown.cloneNode(true) as SVGSVGElement;
  const from = [shown, ...shown.querySelectorAll<SVGElement>("*")];
  const to = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  for (const [index, element] of from.entries()) {
    const computed = getComputedStyle(element);
    for (const name of STYLES) to[index]?.setAttribute(name, computed.getPropertyValue(name));
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  return new XMLSerializer().serializeToString(copy);
}
