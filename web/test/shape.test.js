import assert from "node:assert/strict";
import { test } from "node:test";
import { chartsOf, chartWords } from "../src/shape.ts";

const result = (columns, rows) => ({ columns: columns.map(([n]) => n), types: columns.map(([, t]) => t), rows });
const kinds = (r, ...more) => chartsOf(r, ...more).map((c) => c.kind);
const days = (n) => Array.from({ length: n }, (_, i) => `2026-01-${String(i + 1).padStart(2, "0")}`);

test("a category and a number are bars, from 2 to 50 rows", () => {
  const of = (n) => result([["c", "VARCHAR"], ["v", "DOUBLE"]], Array.from({ length: n }, (_, i) => [`n${i}`, i]));
  assert.deepEqual(kinds(of(2)), ["bar"]);
  assert.deepEqual(kinds(of(50)), ["bar"]);
  assert.deepEqual(kinds(of(1)), []);
  assert.deepEqual(kinds(of(51)), []);
});

test("a category that occurs twice names no bar", () => {
  assert.deepEqual(kinds(result([["c", "VARCHAR"], ["v", "DOUBLE"]], [["a", 1], ["a", 2], ["b", 3]])), []);
});

test("an id names a bar, and is no number to draw", () => {
  const r = result([["customer_id", "INTEGER"], ["spend", "DECIMAL(10,2)"]], [[7, "10.50"], [8, "3.00"]]);
  assert.deepEqual(chartsOf(r), [{ kind: "bar", x: 0, y: [1], series: null }]);
  assert.deepEqual(kinds(result([["order_id", "INTEGER"], ["customer_id", "INTEGER"]], [[1, 2], [3, 4]])), []);
});

test("time and numbers are lines, also as bars", () => {
  const r = result([["day", "DATE"], ["v", "BIGINT"]], days(3).map((d, i) => [d, i]));
  assert.deepEqual(kinds(r), ["line", "bar"]);
  assert.deepEqual(kinds(result([["day", "DATE"], ["v", "BIGINT"]], [["2026-01-01", 1]])), []);
});

test("a second category makes a line each, if they are few", () => {
  const of = (n) => result([["day", "DATE"], ["c", "VARCHAR"], ["v", "BIGINT"]],
    days(2).flatMap((d) => Array.from({ length: n }, (_, i) => [d, `c${i}`, i])));
  assert.deepEqual(chartsOf(of(8))[0], { kind: "line", x: 0, y: [2], series: 1 });
  assert.deepEqual(kinds(of(9)), []);
});

test("things that happened at some time are no line", () => {
  const r = result([["day", "DATE"], ["a", "VARCHAR"], ["b", "VARCHAR"], ["v", "BIGINT"]],
    [["2026-01-01", "x", "p", 1], ["2026-01-02", "x", "q", 2], ["2026-01-03", "y", "q", 3]]);
  assert.deepEqual(kinds(r), []);
});

test("several numbers share the lines when they are of one unit and size", () => {
  const r = result([["day", "DATE"], ["low", "DOUBLE"], ["high", "DOUBLE"], ["n", "BIGINT"]],
    days(3).map((d, i) => [d, 10 + i, 20 + i, 5000]));
  assert.deepEqual(chartsOf(r)[0].y, [1, 2]);
  assert.deepEqual(chartsOf(r, null, "", [null, "EUR", "USD", null])[0].y, [1]);
});

test("two numbers are points", () => {
  const r = result([["x", "DOUBLE"], ["y", "DOUBLE"]], [[1, 2], [2, 3], [3, 5], [4, 4], [5, 9]]);
  assert.deepEqual(chartsOf(r), [{ kind: "scatter", x: 0, y: [1], series: null }]);
  assert.deepEqual(kinds({ ...r, rows: r.rows.slice(0, 4) }), []);
});

test("the number that the answer is sorted by comes first, then the one that was asked for", () => {
  const r = result([["c", "VARCHAR"], ["orders", "BIGINT"], ["rate", "DOUBLE"]], [["a", 5, 0.5], ["b", 7, 0.2]]);
  assert.deepEqual(chartsOf(r)[0].y, [1]);
  assert.deepEqual(chartsOf(r, { order_by: [{ expr: "rate", direction: "desc" }] })[0].y, [2]);
  assert.deepEqual(chartsOf(r, null, "return rate by c")[0].y, [2]);
});

test("what is too much for a picture has none", () => {
  const of = (n) => result([["x", "INTEGER"], ["y", "INTEGER"]], Array.from({ length: n }, (_, i) => [i, i]));
  assert.deepEqual(kinds(of(5000)), ["scatter"]);
  assert.deepEqual(kinds(of(5001)), []);
});

test("lists, structures and columns without a value are not drawn", () => {
  assert.deepEqual(kinds(result([["c", "VARCHAR"], ["v", "INTEGER[]"]], [["a", [1]], ["b", [2]]])), []);
  assert.deepEqual(kinds(result([["c", "VARCHAR"], ["v", "DOUBLE"]], [["a", null], ["b", null]])), []);
  assert.deepEqual(kinds(result([], [])), []);
});

test("a chart says what it shows", () => {
  const r = result([["c", "VARCHAR"], ["v", "DOUBLE"]], [["a", 5], ["b", null], ["d", 2]]);
  const words = chartWords(r, chartsOf(r)[0], (_, cell) => String(cell));
  assert.equal(words, "Bars: v for 2 values of c. The lowest v is 2 (d), the highest v is 5 (a).".replace("highest v is", "highest"));
});
