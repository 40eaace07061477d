// Bundle the page into dist/: files named by their content, and the one document that names them.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

// What the dashboard may weigh before anybody asks for more of it.
const MAX_GZIP_BYTES = 90_000;

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
const { metafile } = await build({
  entryPoints: ["src/main.ts", "src/styles/page.css"],
  outdir: "dist/assets",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
});
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
console.log(`The page is built: ${(bytes / 1000).toFixed(1)} kB compressed.`);
if (bytes > MAX_GZIP_BYTES) {
  console.error(`It may have ${MAX_GZIP_BYTES / 1000} kB.`);
  process.exit(1);
}
