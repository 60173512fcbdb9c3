// What the browser does, case by case; test_page.py says on which server, and what must come of it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const ENDED = "[data-status]:not([data-status=sending]):not([data-status=pending]):not([data-status=running]):not([data-status=answering])";
const last = (page) => page.locator(".turn").last();
const texts = (locator) => locator.allInnerTexts();

// Goes to the address and waits until the page can be asked.
async function visit(page, address) {
  await page.goto(address);
  await page.locator("#question").waitFor();
  await page.locator(".choices button, .turn").first().waitFor();
}

// Asks, and waits for the end of this question, whatever it is, and for its run; gives its status.
async function ask(page, question) {
  const before = await page.locator(".turn").count();
  await page.locator("#question").fill(question);
  await page.locator("#question").press("Enter");
  const turn = page.locator(".turn").nth(before);
  await turn.and(page.locator(ENDED)).waitFor();
  await turn.locator(".share").waitFor();
  return turn.getAttribute("data-status");
}

const saved = async (page, click) => {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
};

async function choose(page, dataset) {
  await page.locator(`.dataset input[value="${dataset}"]`).check();
}

// What a page of ours must never do, seen from inside.
const WATCH = () => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
};

async function faultsOfAxe(page, axe) {
  await page.evaluate(await readFile(axe, "utf8"));
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} (${n.failureSummary})`).slice(0, 3).join("; ")}`);
}

const tooWide = (page) =>
  page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth > room ? `${document.documentElement.scrollWidth} > ${room}` : null;
  });

export const cases = {
  async firstLoad({ open, url }) {
    const page = await open();
    await page.addInitScript(WATCH);
    const sizes = [];
    const paths = [];
    page.on("response", async (response) => paths.push(new URL(response.url()).pathname));
    page.on("requestfinished", (request) => sizes.push(request.sizes()));
    const [response] = await Promise.all([page.waitForResponse(`${url}/`), visit(page, `${url}/`)]);
    await ask(page, "revenue by month");
    await page.locator(".chart svg").waitFor();
    await page.locator("summary").click();
    await page.locator(".code").first().waitFor();
    const size = (await Promise.all(sizes)).reduce((sum, one) => sum + one.responseBodySize, 0);
    return {
      size, paths, headers: response.headers(), violations: await page.evaluate("violations"),
      inline: await page.locator("script:not([src]), style, [onclick]").count(),
    };
  },

  // A prompt of the page, clicked.
  async prompt({ open, url }, dataset, text) {
    const page = await open();
    await visit(page, url);
    await choose(page, dataset);
    await page.getByRole("button", { name: text }).click();
    const turn = last(page).and(page.locator(ENDED));
    await turn.waitFor();
    await turn.locator(".share a").waitFor();
    const chart = turn.locator(".chart select").first();
    return {
      status: await turn.getAttribute("data-status"),
      run: (await turn.locator(".share a").getAttribute("href")).split("/").pop(),
      columns: await texts(turn.locator("thead th .sort > span:first-child")),
      rows: Number.parseInt((await turn.locator(".count").innerText()).replaceAll(",", ""), 10),
      first: await texts(turn.locator(".table-box tbody tr:not(.space)").first().locator("td")),
      chart: (await chart.count()) ? await chart.inputValue() : null,
      marks: await turn.locator("[data-bar], [data-point], [data-line]").count(),
      name: (await chart.count()) ? await turn.locator(".chart svg").getAttribute("aria-label") : null,
    };
  },

  async states({ open, act, url }, question) {
    const page = await open();
    await page.addInitScript(() => {
      window.seen = [];
      new MutationObserver(() => {
        const said = document.getElementById("said")?.textContent;
        if (said && window.seen.at(-1) !== said) window.seen.push(said);
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await visit(page, url);
    await page.locator("#question").fill(question);
    await page.locator("#question").press("Enter");
    await page.locator(".progress", { hasText: "1st in the queue" }).waitFor();
    const elapsed = await page.locator(".elapsed").innerText();
    await act("free");
    await page.locator(".turn").and(page.locator(ENDED)).waitFor();
    await page.waitForFunction(() => /row/.test(window.seen.at(-1)));
    return { seen: await page.evaluate("seen"), elapsed };
  },

  async cancel({ open, url }, question) {
    const page = await open();
    await visit(page, url);
    await page.locator("#question").fill(question);
    await page.locator("#question").press("Enter");
    await page.getByRole("button", { name: "Cancel" }).click();
    await last(page).and(page.locator("[data-status=cancelled]")).waitFor();
    await page.locator(".notice", { hasText: "Cancelled" }).waitFor();
    return ask(page, "How many orders are there?");
  },

  async refused({ open, url }, sql) {
    const page = await open();
    await visit(page, url);
    const status = await ask(page, `SQL: ${sql}`);
    const fault = page.locator("mark.fault");
    await fault.first().waitFor();
    return {
      status, fault: await texts(fault), notice: await page.locator(".notice").innerText(),
      sql: await page.locator(".code").first().innerText(),
      line: await fault.first().evaluate((e) => getComputedStyle(e).textDecorationLine),
    };
  },

  async hostile({ open, url }, sql, dataset) {
    const page = await open();
    await page.addInitScript(WATCH);
    page.on("dialog", () => assert.fail("a dialog"));
    await visit(page, url);
    if (dataset) await choose(page, dataset);
    assert.equal(await ask(page, sql), "succeeded");
    for (const head of await page.locator("thead .sort").all()) await head.click();
    await page.locator("summary").click();
    if (dataset) {
      await page.getByRole("button", { name: "What is in it?" }).click();
      await page.locator(".drawer table").first().waitFor();
    }
    return {
      columns: await texts(page.locator(".table-box thead th .sort > span:first-child")),
      cells: await texts(page.locator(".table-box tbody tr").first().locator("td")),
      elements: await page.locator("img, iframe, script:not([src]), .turn svg[onload], .turn b").count(),
      ran: await page.evaluate(() => window.pwned ?? null),
      proto: await page.evaluate(() => Object.keys(Object.prototype).length),
      violations: await page.evaluate("violations"),
    };
  },

  async narrow({ open, url }) {
    const page = await open({ viewport: { width: 360, height: 740 } });
    const wide = [];
    const look = async (what) => {
      const found = await tooWide(page);
      if (found) wide.push(`${what}: ${found}`);
    };
    await visit(page, url);
    await look("welcome");
    await ask(page, "revenue by month and category");
    await page.locator(".chart svg").waitFor();
    await look("answer");
    const labels = await page.locator(".chart svg text[text-anchor=middle]").evaluateAll((all) => all.map((e) => {
      const { left, right } = e.getBoundingClientRect();
      return [e.textContent, left, right];
    }));
    for (let i = 1; i < labels.length; i++)
      if (labels[i][1] < labels[i - 1][2]) wide.push(`${labels[i - 1][0]} is over ${labels[i][0]}`);
    await page.locator("summary").click();
    await page.locator(".record").waitFor();
    await look("how");
    await page.getByRole("button", { name: "Edit the SQL" }).click();
    await page.locator(".edit-said").getByText("Allowed.").waitFor();
    await look("editor");
    await ask(page, "How many unicorns are there?");
    await look("not understood");
    await ask(page, "SQL: SELECT * FROM read_csv('/a/very/long/path/that/does/not/end/so/soon/and/goes/on/and/on.csv')");
    await look("refused");
    await ask(page, "SQL: SELECT *, repeat('long', 100) AS text FROM orders JOIN order_items USING (order_id)");
    await look("wide table");
    await page.getByRole("button", { name: "Conversations" }).click();
    await page.locator(".threads.open li").first().waitFor();
    await look("conversations");
    await page.getByRole("button", { name: "What is in it?" }).click();
    await page.locator(".drawer table").first().waitFor();
    await look("schema");
    const drawer = await page.locator(".drawer").evaluate((e) => e.scrollWidth > e.clientWidth);
    await page.keyboard.press("Escape");
    await page.goto(`${url}/runs`);
    await page.locator(".runs li").first().waitFor();
    await look("runs");
    return { wide, drawer, labels: labels.map(([text]) => text) };
  },

  async axe({ open, url, axe }, scheme) {
    const page = await open({ colorScheme: scheme });
    const faults = new Map();
    const look = async (what) => {
      const found = await faultsOfAxe(page, axe);
      if (found.length > 0) faults.set(what, found);
    };
    await visit(page, url);
    await look("welcome");
    await ask(page, "revenue by category");
    await page.locator(".chart svg").waitFor();
    await page.locator("summary").click();
    await page.locator(".record").waitFor();
    await look("answer");
    await ask(page, "How many unicorns are there?");
    await ask(page, "SQL: SELECT * FROM read_csv('x')");
    await page.locator("mark.fault").waitFor();
    await look("no answers");
    await page.getByRole("button", { name: "What is in it?" }).click();
    await page.locator(".drawer table").first().waitFor();
    await look("schema");
    return Object.fromEntries(faults);
  },

  // Nothing but keys, from the address bar on.
  async keyboard({ open, url }) {
    const page = await open();
    await visit(page, url);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.innerText);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "To the question");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "question");
    await page.keyboard.type("revenue by category");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("highest first");
    await page.keyboard.press("Enter");
    await last(page).and(page.locator("[data-status=succeeded]")).waitFor();
    await page.locator(".share").waitFor();
    assert.equal(await focused(), "question", "who asked can go on asking");
    assert.equal(await page.locator("#question").inputValue(), "");
    await page.keyboard.press("ArrowUp");
    const history = await page.locator("#question").inputValue();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const empty = await page.locator("#question").inputValue();
    // Back to the table's heads, which sort.
    const sorts = page.locator("thead .sort");
    for (let i = 0; i < 40 && !(await sorts.last().evaluate((e) => e === document.activeElement)); i++)
      await page.keyboard.press("Shift+Tab");
    const orders = [];
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press("Enter");
      orders.push([
        await page.locator("thead th").last().getAttribute("aria-sort"),
        ...(await texts(page.locator(".table-box tbody tr td:last-child"))),
      ]);
    }
    for (let i = 0; i < 20 && !(await page.locator("summary").evaluate((e) => e === document.activeElement)); i++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(".record").waitFor();
    return { history, empty, orders };
  },

  async serverGone({ open, act, url }, endless) {
    const page = await open();
    await visit(page, url);
    await ask(page, "revenue by category");
    await page.locator("#question").fill(endless);
    await page.locator("#question").press("Enter");
    await page.locator(".progress", { hasText: "Running" }).waitFor();
    await act("kill");
    await page.locator(".connection.gone", { hasText: "The server does not answer." }).waitFor();
    await act("start");
    await page.locator(".connection.back", { hasText: "The server is back." }).waitFor();
    const cut = last(page).and(page.locator(ENDED));
    await cut.waitFor();
    const notice = await cut.locator(".notice").innerText();
    // One that was asked while it was away is asked when it is back.
    await act("kill");
    await page.locator("#question").fill("How many orders are there?");
    await page.locator("#question").press("Enter");
    await page.locator(".connection.gone").waitFor();
    await act("start");
    await last(page).and(page.locator("[data-status=succeeded]")).waitFor();
    return { notice, turns: await page.locator(".turn").count() };
  },

  async schema({ open, url }) {
    const page = await open();
    await visit(page, url);
    await ask(page, "revenue by category");
    await page.getByRole("button", { name: "What is in it?" }).click();
    const drawer = page.locator(".drawer");
    await drawer.locator("table").first().waitFor();
    await drawer.locator("summary").first().click();
    const found = {
      tables: await texts(drawer.locator("section h3")), columns: await texts(drawer.locator(".columns").first().locator("th[scope=row]")),
      price: await drawer.locator("tr", { hasText: "price" }).first().innerText(), version: await drawer.locator(".hash").getAttribute("title"),
      samples: await texts(drawer.locator("details table").first().locator("tbody tr:first-child td")),
    };
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    return found;
  },

  // The connection breaks within an answer; then the page is loaded anew within one.
  async resumed({ open, act, url }, endless) {
    const page = await open();
    const asked = [];
    page.on("request", (r) => r.url().includes("/v1/chat/stream") && asked.push([r.method(), r.headers()["last-event-id"] ?? null]));
    await visit(page, url);
    await page.locator("#question").fill(endless);
    await page.locator("#question").press("Enter");
    await page.locator(".progress", { hasText: "Running" }).waitFor();
    await act("cut");
    await page.waitForRequest((r) => r.method() === "GET" && r.url().includes("/v1/chat/stream/"));
    await page.reload();
    await page.locator(".progress", { hasText: "Running" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("[data-status=cancelled]").waitFor();
    return { asked, questions: await page.locator(".turn").count() };
  },

  async threads({ open, url }) {
    const page = await open();
    await visit(page, url);
    await ask(page, "revenue by category");
    await ask(page, "only for Books");
    await ask(page, "How many unicorns are there?");
    await page.locator(".threads a[aria-current=page]").waitFor();
    const address = page.url();
    await page.reload();
    await page.locator(".turn:nth-child(3)").waitFor();
    await page.locator(".turn:nth-child(2) table").waitFor();
    await page.locator(".turn:nth-child(3) .notice").waitFor();
    const kept = await texts(page.locator(".question"));
    const status = await ask(page, "by month instead");
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByLabel("Title").fill("Books, <b>mostly</b>");
    await page.keyboard.press("Enter");
    await page.locator(".threads a", { hasText: "Books, <b>mostly</b>" }).waitFor();
    await page.locator(".threads .new").click();
    await page.locator(".welcome").waitFor();
    const home = new URL(page.url()).pathname;
    await page.goBack();
    await page.locator(".turn:nth-child(4)").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.locator(".welcome").waitFor();
    await page.goto(address);
    await page.locator(".notice.bad", { hasText: "could not be loaded" }).waitFor();
    return { path: new URL(address).pathname, kept, status, home };
  },

  async share({ open, url }, question) {
    const page = await open();
    await visit(page, url);
    await ask(page, question);
    const path = await last(page).locator(".share a").getAttribute("href");
    const cells = await texts(page.locator(".table-box td"));
    const other = await open(); // a fresh profile
    await other.goto(url + path);
    await other.locator(".table-box").waitFor();
    await other.locator(".chart svg").waitFor();
    await other.locator("summary").click();
    await other.getByRole("button", { name: "Verify" }).click();
    return {
      question: await other.locator(".question").innerText(),
      same: JSON.stringify(cells) === JSON.stringify(await texts(other.locator(".table-box td"))),
      verdict: await other.locator(".verify strong").innerText(),
      how: await other.locator(".how-part h3").evaluateAll((all) => all.map((e) => e.firstChild.data)),
      asks: await other.locator("#question").count(),
    };
  },

  // SQL and a plan, changed and run again; with the keyboard, once it is open.
  async edited({ open, url, axe }, { refused, sql, wrong, plan }) {
    const page = await open();
    await page.addInitScript(WATCH);
    await visit(page, url);
    await ask(page, "revenue by category");
    const first = page.locator(".turn").nth(0);
    await first.locator("summary").click();
    const saidNow = page.locator(".edit-said");
    const content = page.locator(".cm-content");
    const write = async (text) => {
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText(text);
    };
    const underlined = async () => ({ said: await saidNow.innerText(), places: await texts(page.locator(".cm-lintRange-error")) });
    await page.getByRole("button", { name: "Edit the SQL" }).click();
    await saidNow.getByText("Allowed.").waitFor();
    assert.ok(await content.evaluate((e) => e.getRootNode().activeElement === e), "it has the focus");
    const found = { label: await content.getAttribute("aria-label") };

    await page.keyboard.press("Control+a");
    await page.keyboard.type("SELECT categ");
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "category" }).first().waitFor();
    found.columns = await texts(page.locator(".cm-tooltip-autocomplete li"));
    await page.keyboard.press("Escape");
    await page.locator(".cm-tooltip-autocomplete").waitFor({ state: "detached" });
    await write("SELECT order_items.");
    await page.keyboard.press("Control+Space");
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "quantity" }).first().waitFor();
    found.members = await texts(page.locator(".cm-tooltip-autocomplete .cm-completionLabel"));
    await page.keyboard.press("Escape");

    await write(refused);
    await saidNow.locator(".bad").waitFor();
    found.refused = await underlined();
    found.axe = await faultsOfAxe(page, axe);
    await page.keyboard.press("Tab");
    found.tab = await page.evaluate(() => document.activeElement.innerText);
    await saidNow.getByRole("button").click(); // to its place
    await page.keyboard.press("Escape");
    found.escape = await page.evaluate(() => document.activeElement.innerText);
    await content.focus();
    await write(sql);
    await page.keyboard.press("Control+Enter");
    const second = page.locator(".turn").nth(1);
    await second.and(page.locator("[data-status=succeeded]")).waitFor();
    await second.locator(".share").waitFor();
    found.cells = await texts(second.locator(".table-box td"));
    found.shown = await second.locator(".code").first().innerText();
    found.compare = await first.locator(".edit a", { hasText: "Compare" }).getAttribute("href");
    found.runs = await Promise.all([first, second].map((turn) => turn.locator(".share a").getAttribute("href")));

    // Only the run itself knows that there is no such column; its place is underlined then.
    await content.focus();
    await write("SELECT nothing FROM orders");
    await page.keyboard.press("Control+Enter");
    await page.locator(".turn").nth(2).and(page.locator("[data-status=failed]")).waitFor();
    await saidNow.locator(".bad").waitFor();
    found.failed = await underlined();
    await first.getByRole("button", { name: "Close" }).click();

    await first.getByRole("button", { name: "Edit the plan" }).click();
    await saidNow.getByText("Allowed.").waitFor();
    await write('{"table": "orders", "select": [{"column": ');
    await page.keyboard.type('"stat');
    await page.locator(".cm-tooltip-autocomplete li[aria-selected]", { hasText: "status" }).waitFor();
    found.planColumns = await texts(page.locator(".cm-tooltip-autocomplete .cm-completionLabel"));
    await page.keyboard.press("Escape");
    await page.locator(".cm-tooltip-autocomplete").waitFor({ state: "detached" });
    await page.keyboard.press("Control+Space");
    await page.locator(".cm-tooltip-autocomplete li[aria-selected]").click();
    await content.getByText('{"column": "status"').waitFor();
    await write('{"table": "orders"');
    await saidNow.locator(".bad").waitFor();
    found.unfinished = await underlined();
    await write(wrong);
    await saidNow.getByText("more fault").waitFor();
    found.wrong = await underlined();
    await write(plan);
    await saidNow.getByText("Allowed.").waitFor();
    await first.getByRole("button", { name: "Run", exact: true }).click();
    const fourth = page.locator(".turn").nth(3);
    await fourth.and(page.locator("[data-status=succeeded]")).waitFor();
    await fourth.locator(".share").waitFor();
    found.planned = await texts(fourth.locator(".table-box td"));

    // At a run's own address the new answer has one, too.
    await page.goto(url + found.runs[1]);
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Edit the SQL" }).click();
    await saidNow.getByText("Allowed.").waitFor();
    await page.keyboard.press("Escape"); // nothing was changed: it closes
    await page.locator(".edit").waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement.innerText.startsWith("Edit")).catch(() => {});
    found.closed = await page.evaluate(() => document.activeElement.innerText.replace(/\s+/g, " "));
    await page.getByRole("button", { name: "Edit the SQL" }).click();
    await saidNow.getByText("Allowed.").waitFor();
    await page.keyboard.press("Control+Enter");
    await page.locator(".turn").nth(1).locator(".share").waitFor();
    found.moved = [new URL(page.url()).pathname, await page.locator(".turn").nth(1).locator(".share a").getAttribute("href")];
    await page.goBack();
    await page.locator(".turn:only-child .share").waitFor();
    found.back = await page.locator(".share a").getAttribute("href");
    found.violations = await page.evaluate("violations");
    return found;
  },

  // The list of runs: filtered, paged, two of them chosen and compared. runs: [older, newer] of one question.
  async history({ open, url, axe }, runs, pages) {
    const page = await open();
    await page.addInitScript(WATCH);
    await visit(page, url);
    await page.getByRole("link", { name: "All runs" }).click();
    const lines = page.locator(".runs li");
    await lines.first().waitFor();
    const listed = async () => {
      await page.locator(".runs[aria-busy=false]").waitFor();
      return lines.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href").split("/").pop()));
    };
    const found = { pages: [(await listed()).length], axe: await faultsOfAxe(page, axe) };
    for (let i = 1; i < pages; i++) {
      const before = await lines.count();
      await page.getByRole("button", { name: "Older runs" }).click();
      await page.waitForFunction((n) => document.querySelectorAll(".runs li").length > n, before);
      found.pages.push((await listed()).length);
    }
    found.all = await listed();
    found.older = await page.getByRole("button", { name: "Older runs" }).count();
    await page.getByLabel("State").selectOption("rejected");
    await page.waitForFunction(() => !document.querySelector(".runs [data-state]:not([data-state=rejected])"));
    found.rejected = await listed();
    found.search = new URL(page.url()).search;
    await page.reload();
    await lines.first().waitFor();
    found.again = await listed();
    await page.getByLabel("Dataset").selectOption("sensors");
    await page.locator(".notice", { hasText: "No run is like that." }).waitFor();
    await page.getByLabel("State").selectOption("");
    await lines.first().waitFor();
    found.sensors = await listed();
    await page.getByLabel("From").fill("2999-01-01");
    await page.locator(".notice", { hasText: "No run is like that." }).waitFor();
    await page.getByLabel("From").fill("2020-01-01");
    await lines.first().waitFor();
    await page.getByLabel("to", { exact: true }).fill("2020-01-02");
    await page.locator(".notice", { hasText: "No run is like that." }).waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await lines.nth(1).waitFor();
    const box = (id) => page.locator("li", { has: page.locator(`a[href="/runs/${id}"]`) }).locator("input");
    for (const id of [...runs].reverse()) await box(id).check();
    found.disabled = await lines.locator("input:disabled").count() === (await lines.count()) - 2;
    await page.getByRole("link", { name: "Compare these two" }).click();
    await page.locator(".compared").waitFor();
    found.path = new URL(page.url()).pathname;
    await page.goBack();
    await lines.first().waitFor();
    await lines.first().locator("a").click();
    await page.locator(".turn .share").waitFor();
    found.opened = new URL(page.url()).pathname;
    found.violations = await page.evaluate("violations");
    return found;
  },

  async compare({ open, url, axe }, [a, b], options) {
    const page = await open(options);
    await page.addInitScript(WATCH);
    await page.goto(`${url}/runs/${a}...${b}`);
    await page.locator(".compare").waitFor();
    const row = async (tr) => [await tr.getAttribute("class"), ...(await texts(tr.locator("td")))];
    return {
      words: await page.locator(".how-part").first().locator("p").first().innerText(),
      rows: await Promise.all((await page.locator(".compared tbody tr").all()).map(row)),
      cells: await page.locator(".compared td del").evaluateAll((all) => all.map((e) => [e.innerText, e.parentElement.querySelector("ins").innerText])),
      lines: await texts(page.locator(".difference ins, .difference del")),
      parts: await texts(page.locator(".how-part h2")),
      text: await page.locator(".compare").innerText(),
      elements: await page.locator("img, .compare b").count(),
      axe: await faultsOfAxe(page, axe), wide: await tooWide(page), violations: await page.evaluate("violations"),
    };
  },

  async key({ open, url }, key) {
    const page = await open();
    await page.goto(url);
    await page.getByLabel("Key", { exact: true }).fill("ak_wrong");
    await page.keyboard.press("Enter");
    await page.locator(".key", { hasText: "did not take that key" }).waitFor();
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.locator(".choices button").first().waitFor();
    const status = await ask(page, "revenue by category");
    await page.reload();
    await page.locator(".turn table").waitFor();
    const url2 = page.url();
    await page.getByRole("button", { name: "Forget the key" }).click();
    await page.getByLabel("Key", { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    return { status, url: url2, local: await page.evaluate((k) => JSON.stringify({ ...localStorage }).includes(k), key) };
  },

  async choices({ open, url }, dataset, question) {
    const page = await open();
    await visit(page, url);
    await choose(page, dataset);
    const status = await ask(page, question);
    const buttons = last(page).locator(".choices").first().locator("button");
    const readings = await texts(buttons);
    await buttons.last().click();
    const turn = page.locator(".turn").nth(1).and(page.locator(ENDED));
    await turn.waitFor();
    await turn.locator(".share").waitFor();
    return {
      status, readings, notice: await page.locator(".notice").first().innerText(),
      asked: await turn.locator(".question").innerText(), cells: await texts(turn.locator(".table-box td")),
    };
  },

  async files({ open, url }) {
    const page = await open();
    await visit(page, url);
    await ask(page, "revenue by month");
    const file = async (name) => {
      const { name: called, bytes } = await saved(page, () => page.getByRole("button", { name, exact: true }).click());
      return [called.split(".").pop(), bytes.toString(name === "PNG" ? "latin1" : "utf8").slice(0, 3000)];
    };
    const found = { csv: await file("CSV"), json: await file("JSON"), svg: await file("SVG"), png: await file("PNG") };
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    found.copied = await page.evaluate(() => navigator.clipboard.readText());
    const kinds = page.locator(".chart select").first();
    await kinds.selectOption("bar");
    found.bars = await page.locator("[data-bar]").count();
    await kinds.selectOption("none");
    found.hidden = (await page.locator(".chart svg").count()) === 0;
    return found;
  },

  async longTable({ open, url }, sql) {
    const page = await open();
    await visit(page, url);
    await ask(page, sql);
    const box = page.locator(".table-box");
    const rows = await page.locator(".table-box tbody tr:not(.space)").count();
    const count = await page.locator(".table-box table").getAttribute("aria-rowcount");
    await box.evaluate((e) => e.scrollTo(0, e.scrollHeight));
    await page.locator('.table-box tr[aria-rowindex="1001"]').waitFor();
    const end = await texts(page.locator('.table-box tr[aria-rowindex="1001"] td'));
    const head = await page.locator(".table-box th").first().evaluate((e) => Math.round(e.getBoundingClientRect().top - e.closest(".table-box").getBoundingClientRect().top));
    await page.locator(".table-box thead .sort").nth(1).click();
    await page.locator(".table-box thead .sort").nth(1).click();
    await box.evaluate((e) => e.scrollTo(0, 0));
    await page.locator('.table-box tr[aria-rowindex="2"]').waitFor();
    const first = await texts(page.locator('.table-box tr[aria-rowindex="2"] td'));
    await box.evaluate((e) => e.scrollTo(0, e.scrollHeight));
    await page.locator('.table-box tr[aria-rowindex="1001"]').waitFor();
    const nulls = await texts(page.locator('.table-box tr[aria-rowindex="1001"] td'));
    const align = await page.locator(".table-box tbody tr:not(.space) td").first().evaluate((e) => getComputedStyle(e).textAlign);
    return { rows, count, end, head, first, nulls, align, note: await page.locator(".turn").innerText() };
  },

  async grounded({ open, url }, question) {
    const page = await open();
    await visit(page, url);
    const planners = await texts(page.locator(".ask-below option"));
    const status = await ask(page, question);
    await page.locator(".figure").first().waitFor();
    const found = page.locator(".figure:not(.unsupported)").first();
    await found.focus();
    await page.locator("td.lit").waitFor();
    const lit = await page.locator("td.lit").innerText();
    const path = await page.locator(".share a").getAttribute("href");
    await page.reload();
    await page.locator(".figure.unsupported").waitFor();
    const other = await open();
    await other.goto(url + path);
    await other.locator(".figure.unsupported").waitFor();
    await other.locator(".table-box").waitFor();
    await other.locator("summary").click();
    await other.getByRole("button", { name: "Verify" }).click();
    return {
      verdict: await other.locator(".verify strong").innerText(),
      status, planners, shared: await other.locator(".words p").first().innerText(), question: await other.locator(".question").innerText(), found: await found.evaluate((e) => e.firstChild.data), lit,
      unsupported: await texts(page.locator(".figure.unsupported")),
      title: await page.locator(".figure.unsupported").first().getAttribute("title"),
    };
  },
};
