// Puts the pages together: `node build.mjs OUT`.
//
// What must hold: the same sources and lock file give the same bytes; nothing
// in OUT asks another server for anything; the assets' folder is named by what
// is in it, so that a browser may keep it for ever.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");

// Where each asset comes from. Licences travel with what they cover.
const assets = {
  "api.js": join(here, "src/api.js"),
  "events.js": join(here, "src/events.js"),
  "page.css": join(here, "src/page.css"),
  "lit-html.js": join(modules, "lit-html/lit-html.js"),
  "lit-html.LICENSE.txt": join(modules, "lit-html/LICENSE"),
  "swagger-ui.css": join(modules, "swagger-ui-dist/swagger-ui.css"),
  "swagger-ui-bundle.js": join(modules, "swagger-ui-dist/swagger-ui-bundle.js"),
  "swagger-ui-bundle.js.LICENSE.txt": join(modules, "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt"),
  "swagger-ui.LICENSE.txt": join(modules, "swagger-ui-dist/LICENSE"),
  "swagger-ui.NOTICE.txt": join(modules, "swagger-ui-dist/NOTICE"),
};
const pages = { "index.html": "index.html", "api/index.html": "api.html", "events/index.html": "events.html" };

// Source maps are not shipped: the comment that names them goes too.
const asset = (from) => readFileSync(from, "utf8").replace(/^(\/\/|\/\*)# sourceMappingURL=.*$/gm, "");

function build(out) {
  const next = `${out}.new`;
  rmSync(next, { recursive: true, force: true });
  const contents = Object.entries(assets).map(([name, from]) => [name, asset(from)]);
  const hash = createHash("sha256").update(JSON.stringify(contents)).digest("hex").slice(0, 16);
  for (const [name, text] of contents) write(join(next, "assets", hash, name), text);
  for (const [to, from] of Object.entries(pages)) {
    const text = readFileSync(join(here, "src", from), "utf8").replaceAll("{assets}", `/docs/assets/${hash}`);
    write(join(next, to), text);
  }
  rmSync(out, { recursive: true, force: true });
  renameSync(next, out);
}

// Beside each file its compressed forms, which the gateway sends as they are.
function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(text));
}

const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs OUT");
  process.exit(2);
}
build(out);
