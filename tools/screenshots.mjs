// node screenshots.mjs MODULES CHROMIUM ASKCSV FOLDER: called by tools/screenshots.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [modules, executablePath, askcsv, folder] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/x.js`)("playwright-core");

// The server on a free port, once it says that it serves.
async function serve() {
  const server = spawn(askcsv, ["serve", "--port", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((_, failed) => server.once("exit", () => failed(new Error("the server ended"))));
  ended.catch(() => undefined);
  const address = new Promise((found) => {
    createInterface({ input: server.stderr }).on("line", (line) => {
      const serving = /serving on (http:\/\/\S+)/.exec(line);
      if (serving) found(serving[1]);
    });
  });
  return { server, url: await Promise.race([address, ended]) };
}

async function ask(page, question) {
  const before = await page.locator(".turn").count();
  await page.locator("#question").fill(question);
  await page.keyboard.press("Enter");
  await page.locator(".turn").nth(before).locator(".share").waitFor();
}

const bodies = {
  async start(page, url) {
    await page.goto(url);
    await page.locator(".choices button").first().waitFor();
  },

  async answer(page, url) {
    await bodies.start(page, url);
    await ask(page, "revenue by month");
    await page.locator(".chart svg").waitFor();
  },

  async how(page, url) {
    await bodies.start(page, url);
    await ask(page, "average price by category");
    await page.goto(url + (await page.locator(".share a").getAttribute("href")));
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator(".verify strong").waitFor();
    await page.locator(".share").evaluate((e) => e.scrollIntoView({ block: "end" }));
  },

  async edit(page, url) {
    await bodies.start(page, url);
    await ask(page, "revenue by category");
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Edit the SQL" }).click();
    await page.locator(".edit-said").getByText("Allowed.").waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT category, sum(price * quantity) AS revenue\nFROM read_csv('/etc/passwd')\nGROUP BY ALL");
    await page.locator(".edit-said .bad").waitFor();
    await page.locator(".edit").evaluate((e) => e.scrollIntoView({ block: "center" }));
  },

  async compare(page, url) {
    await bodies.start(page, url);
    await ask(page, "revenue by category");
    await ask(page, "revenue by category in January 2026");
    await page.goto(`${url}/runs`);
    for (const at of [0, 1]) await page.locator(".runs input").nth(at).check();
    await page.getByRole("link", { name: "Compare these two" }).click();
    await page.locator(".compared").waitFor();
  },

  async runs(page, url) {
    await bodies.start(page, url);
    await ask(page, "How many unicorns are there?");
    await page.goto(`${url}/runs`);
    await page.locator(".runs li").first().waitFor();
  },
};

// Name, what is done, how the browser is set.
const PICTURES = [
  ["start", bodies.start, { viewport: { width: 1100, height: 800 } }],
  ["answer", bodies.answer, { viewport: { width: 1000, height: 1020 } }],
  ["how", bodies.how, {}],
  ["edit", bodies.edit, { viewport: { width: 1000, height: 640 } }],
  ["compare", bodies.compare, {}],
  ["runs", bodies.runs, { viewport: { width: 1000, height: 640 } }],
  ["dark", bodies.answer, { colorScheme: "dark", viewport: { width: 360, height: 740 } }],
];

const { server, url } = await serve();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none"] });
try {
  for (const [name, go, options] of PICTURES) {
    const context = await browser.newContext({
      viewport: { width: 1000, height: 900 }, reducedMotion: "reduce", timezoneId: "UTC", locale: "en-GB", ...options,
    });
    const page = await context.newPage();
    await go(page, url);
    await page.evaluate(() => document.activeElement?.blur());
    await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
    console.log(`${folder}/${name}.png`);
    await context.close();
  }
} finally {
  await browser.close();
  server.kill("SIGTERM");
}
