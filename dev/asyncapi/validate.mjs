// Reads an AsyncAPI document with AsyncAPI's own parser, and tells what is wrong with it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(resolve(folder, "package.json"))("@asyncapi/parser");

const source = resolve(file);
const { document, diagnostics } = await new Parser().parse(await readFile(source, "utf8"), { source });
// 0 is an error and 1 a warning; the rest are hints, such as that a newer version exists.
const wrong = diagnostics.filter((found) => found.severity <= 1);
for (const { path, message } of wrong) {
  console.error(`${file}: at ${path.join(".") || "the top"}: ${message}`);
}
if (wrong.length > 0 || !document) {
  process.exit(1);
}
console.log(`${file}: ${document.channels().length} channels, ${document.operations().length} operations`);
