// Types of the API from its OpenAPI document, without the paths of single widgets: `{key}` stands for all of them.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const DOCUMENT = new URL("../docs/openapi.json", import.meta.url);
const TYPES = new URL("client/src/types.ts", import.meta.url);

const document = JSON.parse(await readFile(DOCUMENT, "utf-8"));
for (const path of Object.keys(document.paths)) {
  if (/^\/v1\/widgets\/[^{]+\./.test(path)) delete document.paths[path];
}
const text = `// Made of docs/openapi.json by \`npm run types\`.\n${astToString(await openapiTS(document))}`;
if (process.argv.includes("--check")) {
  if ((await readFile(TYPES, "utf-8")) !== text) {
    console.error("web/client/src/types.ts is not of docs/openapi.json; run `make golden`");
    process.exit(1);
  }
} else await writeFile(TYPES, text);
