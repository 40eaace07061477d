// Bundle the page into dist/: files named by their content, and the one document that names them.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

// What the dashboard may weigh before anybody asks for more of it.
const MAX_GZIP_BYTES = 90_000;

const options = {
  outdir: "dist/assets",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
};

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
const { metafile } = await build({ ...options, entryPoints: ["src/main.ts", "src/styles/page.css"], splitting: true });
const outputs = Object.entries(metafile.outputs);
const find = (source) => outputs.find(([, { entryPoint }]) => entryPoint === source)[0];
const script = find("src/main.ts");
const styles = find("src/styles/page.css");
const isStatic = ({ kind }) => kind === "import-statement";
const first = new Set([script]);
for (const name of first) for (const each of metafile.outputs[name].imports.filter(isStatic)) first.add(each.path);

let bytes = 0;
for (const name of [...first, styles]) bytes += gzipSync(await readFile(name), { level: 9 }).length;
const shell = await readFile("src/index.html", "utf-8");
const preloads = [...first].slice(1).map((name) => `<link rel="modulepreload" href="assets/${basename(name)}">`);
await writeFile(
  "dist/index.html",
  shell
    .replace("page.css", `assets/${basename(styles)}`)
    .replace("main.ts", `assets/${basename(script)}`)
    .replace("  <!-- preloads -->\n", preloads.map((line) => `  ${line}\n`).join("")),
);

// The elements for pages of others: one file, with their styles inside, and an address for it that stays.
const sheet = await build({ ...options, entryPoints: ["src/styles/components.css"], write: false, metafile: false });
const elements = await build({
  ...options,
  entryPoints: { components: "src/components/index.ts" },
  define: { STYLES: JSON.stringify(sheet.outputFiles[0].text) },
});
const [file] = Object.keys(elements.metafile.outputs);
await writeFile("dist/components.js", `export * from "./assets/${basename(file)}";\n`);
const weight = gzipSync(await readFile(file), { level: 9 }).length;

console.log(`The page is built: ${(bytes / 1000).toFixed(1)} kB compressed, and the elements for others, ${(weight / 1000).toFixed(1)} kB.`);
if (bytes > MAX_GZIP_BYTES) {
  console.error(`It may have ${MAX_GZIP_BYTES / 1000} kB.`);
  process.exit(1);
}
