import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces, sourceWords } from "../src/marks.ts";
import { faultRange, markParts, sqlParts } from "../src/sql.ts";
import { unitsOf } from "../src/units.ts";
import { bytes, milliseconds, ordinal, plural } from "../src/words.ts";

const whole = (sql) => sqlParts(sql).map((p) => p.text).join("");
const fault = (sql, position) => sql.slice(...faultRange(sql, position));

test("SQL in parts is the same SQL", () => {
  for (const sql of ["SELECT 'it''s' AS \"a b\" -- x\n/* y", "", "'open", "\"open", "☕ 1e5 _x", "a\u2028b"]) assert.equal(whole(sql), sql);
  const kinds = sqlParts("SELECT 'x', \"y\", 1.5 FROM t -- c").filter((p) => p.kind !== "plain").map((p) => `${p.kind} ${p.text}`);
  assert.deepEqual(kinds, ["keyword SELECT", "string 'x'", "name \"y\"", "number 1.5", "keyword FROM", "comment -- c"]);
});

test("a fault's place counts characters, not UTF-16 units", () => {
  assert.equal(fault("SELECT x", 8), "x");
  assert.equal(fault("SELECT '😀😀', read_csv('a')", 14), "read_csv");
  assert.equal(fault("SELECT \"two words\"", 8), "\"two words\"");
  assert.equal(fault("x", 99), "x");
  assert.deepEqual(faultRange("", 1), [0, 1]);
});

test("marks cut the parts where the fault begins and ends", () => {
  const sql = "SELECT abc FROM t";
  const marked = markParts(sqlParts(sql), faultRange(sql, 8));
  assert.equal(marked.map((p) => p.text).join(""), sql);
  assert.deepEqual(marked.filter((p) => p.inside).map((p) => p.text), ["abc"]);
  assert.ok(markParts(sqlParts(sql), null).every((p) => !p.inside));
});

test("figures are cut out by code points", () => {
  const number = (start, end) => ({ text: "", start, end, how: "cell", run_id: null, column: null, row: null });
  const cut = (text, ...numbers) => pieces(text, { numbers }).map((p) => (p.number ? `[${p.text}]` : p.text)).join("");
  assert.equal(cut("😀 12 and 7", number(9, 10), number(2, 4)), "😀 [12] and [7]");
  assert.equal(cut("12", number(0, 2)), "[12]");
  assert.equal(cut("12", number(0, 5), number(1, 1)), "12");
  assert.equal(cut("1234", number(0, 3), number(1, 4)), "[123]4");
  assert.deepEqual(pieces("x", undefined), [{ text: "x", number: null }]);
});

test("a figure says where it is from", () => {
  const of = (how, column, row) => sourceWords({ text: "", start: 0, end: 1, how, run_id: null, column, row });
  assert.match(of(null, null, null), /not found/);
  assert.equal(of("cell", "n", 0), "Found: a value of the result, column n, row 1.");
});

const schema = { tables: [
  { name: "items", columns: [{ name: "price", unit: "USD" }, { name: "quantity", unit: "pieces" }, { name: "discount", unit: "percent" }, { name: "id", unit: null }] },
  { name: "orders", columns: [{ name: "total", unit: "USD" }] },
] };
const unit = (item) => unitsOf({ table: "items", select: [item] }, schema, ["x"])[0];

test("units follow from the plan", () => {
  assert.equal(unit({ column: "price" }), "USD");
  assert.equal(unit({ column: "orders.total" }), "USD");
  assert.equal(unit({ func: "avg", column: "discount", alias: "x" }), "percent");
  assert.equal(unit({ func: "count", column: "price", alias: "x" }), null);
  assert.equal(unit({ func: "count_distinct", column: "price", alias: "x" }), null);
  assert.equal(unit({ func: "sum", expr: { mul: [{ column: "price" }, { column: "quantity" }] }, alias: "x" }), "USD");
  assert.equal(unit({ expr: { round: { func: "avg", column: "price" }, digits: 2 }, alias: "x" }), "USD");
  assert.equal(unit({ expr: { div: [{ column: "price" }, { column: "quantity" }] }, alias: "x" }), null);
  assert.equal(unit({ expr: { add: [{ column: "price" }, { column: "discount" }] }, alias: "x" }), null);
  assert.equal(unit({ func: "sum", expr: { mul: [{ column: "price" }, { column: "discount" }] }, alias: "x" }), null);
});

test("no unit is guessed where there is no plan, or one that is not as it should be", () => {
  assert.deepEqual(unitsOf(null, schema, ["price"]), [null]);
  assert.deepEqual(unitsOf({ table: "items", select: [{ column: "__proto__" }] }, schema, ["x"]), [null]);
  assert.deepEqual(unitsOf({ table: "items", select: ["price"] }, schema, ["x"]), [null]);
  assert.deepEqual(unitsOf({ table: "items", select: [] }, schema, ["x"]), [null]);
});

test("words for sizes and times", () => {
  assert.deepEqual([0.2, 12.4, 1500, 30000, 61000].map(milliseconds), ["under 1 ms", "12 ms", "1.5 s", "30 s", "1 min 1 s"]);
  assert.deepEqual([1, 999, 1500, 173087, 8388608, 999999].map(bytes), ["1 byte", "999 bytes", "1.5 kB", "173 kB", "8.4 MB", "1.0 MB"]);
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
  assert.equal(plural(1, "query", "queries"), "1 query");
});
