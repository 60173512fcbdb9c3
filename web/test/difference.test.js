import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../src/difference.ts";

const table = (columns, rows) => ({ columns: columns.map(([n]) => n), types: columns.map(([, t]) => t), rows });
const SHOP = [["category", "VARCHAR"], ["revenue", "DOUBLE"]];
const kinds = (d) => d.changes.map((c) => [c.kind, (c.after ?? c.before)[0]]);

test("rows are those of one key, wherever they stand", () => {
  const d = difference(table(SHOP, [["a", 1], ["b", 2], ["c", 3]]), table(SHOP, [["c", 3], ["a", 5], ["d", 4]]));
  assert.deepEqual(d.by, ["category"]);
  assert.deepEqual(kinds(d), [["changed", "a"], ["gone", "b"], ["added", "d"]]);
  assert.deepEqual(d.changes[0], { kind: "changed", before: ["a", 1], after: ["a", 5], cells: [false, true] });
  assert.deepEqual([d.same, d.moved], [1, true]);
});

test("the same rows, and the same in another order", () => {
  const rows = [["a", 1], ["b", 2]];
  assert.deepEqual(difference(table(SHOP, rows), table(SHOP, rows)).changes, []);
  const d = difference(table(SHOP, rows), table(SHOP, [...rows].reverse()));
  assert.deepEqual([d.changes, d.same, d.moved], [[], 2, true]);
});

test("several columns name a row when none does alone", () => {
  const columns = [["month", "DATE"], ["category", "VARCHAR"], ["n", "BIGINT"]];
  const rows = [["2026-01-01", "a", 1], ["2026-01-01", "b", 1], ["2026-02-01", "a", 1]];
  const d = difference(table(columns, rows), table(columns, [...rows.slice(0, 2), ["2026-02-01", "a", 2]]));
  assert.deepEqual([d.by, kinds(d)], [["month", "category"], [["changed", "2026-02-01"]]]);
});

test("measures name nothing; numbers of something do", () => {
  const numbers = [["revenue", "DOUBLE"], ["n", "BIGINT"]];
  const d = difference(table(numbers, [[1, 1], [2, 2]]), table(numbers, [[1, 1], [3, 2], [4, 4]]));
  assert.equal(d.by, null);
  assert.deepEqual(d.changes.map((c) => c.kind), ["changed", "added"]);
  const ids = [["customer_id", "INTEGER"], ["spend", "DECIMAL(10,2)"]];
  assert.deepEqual(difference(table(ids, [[7, "1.50"]]), table(ids, [[7, "1.5"]])).by, ["customer_id"]);
  const twice = difference(table(SHOP, [["a", 1], ["a", 2]]), table(SHOP, [["a", 1]]));
  assert.deepEqual([twice.by, twice.changes.map((c) => c.kind)], [null, ["gone"]]);
});

test("columns that only one has, and two of one name", () => {
  const d = difference(table([["c", "VARCHAR"], ["old", "DOUBLE"]], [["a", 1]]), table([["new", "DOUBLE"], ["c", "VARCHAR"]], [[9, "a"]]));
  assert.deepEqual(d.columns.map((c) => [c.name, c.kind]), [["new", "added"], ["c", "both"], ["old", "gone"]]);
  assert.deepEqual([d.changes, d.same], [[], 1], "what is there is the same");
  const two = [["c", "VARCHAR"], ["c", "VARCHAR"]];
  const e = difference(table(two, [["a", "x"]]), table(two, [["a", "y"]]));
  assert.deepEqual([e.by, e.changes.map((c) => c.kind)], [["c"], ["changed"]]);
  assert.deepEqual(e.changes[0].cells, [false, true]);
});

test("null, nested values, odd names and no rows", () => {
  const odd = [["__proto__", "VARCHAR"], ["constructor", "INTEGER[]"]];
  const d = difference(table(odd, [[null, [1]], ["toString", [2]]]), table(odd, [["toString", [2, 3]], [null, null]]));
  assert.deepEqual(d.by, ["__proto__"]);
  assert.deepEqual(d.changes.map((c) => [c.kind, ...c.cells]), [["changed", false, true], ["changed", false, true]]);
  assert.deepEqual(difference(table(SHOP, []), table(SHOP, [])).changes, []);
  assert.deepEqual(kinds(difference(table(SHOP, [["a", 1]]), table(SHOP, []))), [["gone", "a"]]);
  assert.deepEqual(difference(table([["x", "DATE"]], [["2026-01-01"]]), table([["y", "DATE"]], [["2026-01-01"]])).columns.map((c) => c.kind), ["added", "gone"]);
});
