// node build.mjs NODE_MODULES OUT.c DEPFILE: called by tools/web-build.
//
// Bundles src/main.tsx with all that it imports, puts the names of what came out into index.html, and
// writes everything as a C source for src/server/page.h. A name holds the hash of its content, so a
// browser may keep the file for ever. The same sources and packages give the same bytes.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";

const [modules, outFile, depFile] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(join(modules, "x.js"))("esbuild");

const TYPES = new Map([
  ["js", "text/javascript; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
  ["txt", "text/plain; charset=utf-8"],
  ["html", "text/html; charset=utf-8"],
]);

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function bundle() {
  return esbuild.build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.tsx" },
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    nodePaths: [modules],
    outdir: join(here, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning",
    metafile: true,
    write: false,
  });
}

// The licenses of all packages of which something is in the bundle.
function licenses(inputs) {
  const roots = new Set();
  for (const path of inputs) {
    const inside = relative(modules, path).split(sep);
    if (inside[0] !== "..") roots.add(inside.slice(0, inside[0].startsWith("@") ? 2 : 1).join(sep));
  }
  const texts = [...roots].sort().map((root) => {
    const about = JSON.parse(readFileSync(join(modules, root, "package.json"), "utf8"));
    const file = readdirSync(join(modules, root)).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${root} has no license file`);
    return `${about.name} ${about.version}\n\n${readFileSync(join(modules, root, file), "utf8").trim()}\n`;
  });
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}

function cBytes(name, bytes) {
  const lines = [];
  for (let i = 0; i < bytes.length; i += 32) lines.push(bytes.subarray(i, i + 32).join(","));
  return `static const unsigned char ${name}[] = {\n${lines.join(",\n")}};\n`;
}

// files: [name, bytes]; the first, without a name, is the page itself.
function cSource(files) {
  const parts = ['/* Made by web/build.mjs. */\n#include "server/page.h"\n'];
  const rows = [];
  files.forEach(([name, bytes], i) => {
    const small = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
    const type = TYPES.get(name === "" ? "html" : name.split(".").pop());
    if (!type) throw new Error(`${name}: of which type is it?`);
    parts.push(cBytes(`plain_${i}`, bytes), cBytes(`zipped_${i}`, small));
    rows.push(
      `{"${name}", "\\"${sha256(bytes).slice(0, 32)}\\"", {"${type}", plain_${i}, sizeof(plain_${i}), ` +
        `zipped_${i}, sizeof(zipped_${i})}}`,
    );
  });
  parts.push(`const struct page_file page_files[] = {\n${rows.join(",\n")}};\n`);
  parts.push(`const size_t page_files_count = ${files.length};\n`);
  return parts.join("");
}

const result = await bundle();
const inputs = Object.keys(result.metafile.inputs).map((path) => resolve(here, path));
const files = result.outputFiles.map((file) => [relative(join(here, "assets"), file.path), Buffer.from(file.contents)]);
const text = Buffer.from(licenses(inputs));
files.push([`licenses-${sha256(text).slice(0, 8).toUpperCase()}.txt`, text]);
const named = (pattern) => {
  const found = files.filter(([name]) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} is ${found.length} files`);
  return `/assets/${found[0][0]}`;
};
const html = readFileSync(join(here, "index.html"), "utf8")
  .replace("%SCRIPT%", named(/^app-.*\.js$/))
  .replace("%STYLE%", named(/^app-.*\.css$/))
  .replace("%LICENSES%", named(/^licenses-/));
files.sort((a, b) => (a[0] < b[0] ? -1 : 1));
writeFileSync(outFile, cSource([["", Buffer.from(html)], ...files]));

const made = [...inputs, join(here, "index.html"), fileURLToPath(import.meta.url), join(here, "package-lock.json")];
const escaped = made.filter(existsSync).map((path) => path.replaceAll(" ", "\\ "));
writeFileSync(depFile, `${outFile}: ${escaped.join(" ")}\n`);
