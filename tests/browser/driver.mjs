// node driver.mjs MODULES CHROMIUM: a browser that does what test_*.py asks for.
//
// Standard input has a JSON object a line, {"case", "url", "arguments"}; standard output the outcome,
// {"ok", "value"} or {"error"}. A case that needs something done outside of the browser (a server
// killed) prints {"do", "arguments"} and waits for the next line, which has what came of it. Each case
// has a profile of its own; whatever goes wrong on the page, and each request that leaves the server,
// is an error of the case.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { cases } from "./cases.mjs";

const [modules, executablePath] = process.argv.slice(2);
const require = createRequire(`${modules}/x.js`);
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const hear = async () => {
  const { value, done } = await lines.next();
  return done ? null : JSON.parse(value);
};

async function run({ case: name, url, arguments: given }) {
  const faults = [];
  const open = async (options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(45_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    // A status of 4xx or a server that is away is said on the console too; both are the page's to show.
    page.on("console", (m) =>
      m.type() === "error" && !/^Failed to load resource/.test(m.text()) && faults.push(`console: ${m.text()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) faults.push(`request: ${request.url()}`);
    });
    return page;
  };
  const act = async (what, args) => {
    say({ do: what, arguments: args ?? null });
    return (await hear()).value;
  };
  try {
    const value = await cases[name]({ open, act, axe, url }, ...(given ?? []));
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return { ok: true, value: value ?? null };
  } catch (error) {
    return { error: [error.stack ?? String(error), ...faults].join("\n") };
  } finally {
    for (const context of browser.contexts()) await context.close();
  }
}

say({ ok: true, value: browser.version() });
for (let asked; (asked = await hear()) !== null; ) say(await run(asked));
await browser.close();
