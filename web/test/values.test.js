import assert from "node:assert/strict";
import { test } from "node:test";
import { formatsOf, group, kindOf, numberOf, short, timeOf } from "../src/columns.ts";
import { toCsv, toTsv } from "../src/csv.ts";
import { nextSort, sortRows } from "../src/sort.ts";

const shown = (type, cells, name = "v") => {
  const [format] = formatsOf({ columns: [name], types: [type], rows: cells.map((c) => [c]) });
  return cells.map((c) => format.show(c));
};

test("types", () => {
  for (const [type, kind] of [["UBIGINT", "integer"], ["HUGEINT", "integer"], ["DECIMAL(38,2)", "decimal"], ["DECIMAL(9,0)", "integer"],
    ["DOUBLE", "float"], ["TIMESTAMP WITH TIME ZONE", "time"], ["DATE", "date"], ["INTEGER[]", "nested"], ["INTEGER[3]", "nested"],
    ["STRUCT(\"a\" INTEGER)", "nested"], ["VARCHAR", "text"], ["ENUM('a')", "text"], ["INTERVAL", "nested"], ["TIME", "text"]])
    assert.equal(kindOf(type), kind, type);
});

test("numbers keep all of their digits", () => {
  assert.equal(group("12345678901234567890123456789"), "12,345,678,901,234,567,890,123,456,789");
  assert.deepEqual(["0", "-1", "999", "1000", "-1234567.50", "1e+300"].map(group), ["0", "-1", "999", "1,000", "-1,234,567.50", "1e+300"]);
  assert.deepEqual(shown("DECIMAL(38,2)", ["1234.50", "-0.10", null]), ["1,234.50", "-0.10", ""]);
});

test("fractions of a column have the same decimals, and no more than they have", () => {
  assert.deepEqual(shown("DOUBLE", [0.1, 2.25, 10]), ["0.10", "2.25", "10.00"]);
  assert.deepEqual(shown("DOUBLE", [1 / 3, 2]), ["0.333", "2.000"]);
  assert.deepEqual(shown("DOUBLE", [12345.6789]), ["12,345.68"]);
  assert.deepEqual(shown("DOUBLE", ["NaN", "Infinity", 1]), ["NaN", "Infinity", "1"]);
  assert.deepEqual(shown("DOUBLE", [0.0000001, 2.5]), ["1.000e-7", "2.5"]);
});

test("ids and years have no separators", () => {
  assert.deepEqual(shown("INTEGER", [2025], "year"), ["2025"]);
  assert.deepEqual(shown("INTEGER", [123456], "customer_id"), ["123456"]);
  assert.deepEqual(shown("INTEGER", [123456], "paid"), ["123,456"]);
});

test("midnights are days, unless there is another time", () => {
  assert.deepEqual(shown("TIMESTAMP", ["2026-01-31 00:00:00", null]), ["2026-01-31", ""]);
  assert.deepEqual(shown("TIMESTAMP", ["2026-01-31 00:00:00", "2026-01-31 08:00:00"]), ["2026-01-31 00:00:00", "2026-01-31 08:00:00"]);
});

test("cells as numbers and times", () => {
  assert.equal(numberOf("-12.50"), -12.5);
  for (const none of ["NaN", "", "12a", null, true, "0x10", " 1"]) assert.ok(Number.isNaN(numberOf(none)), String(none));
  assert.equal(timeOf("2026-01-31"), Date.UTC(2026, 0, 31));
  assert.equal(timeOf("2026-01-31 12:30:00.5"), Date.UTC(2026, 0, 31, 12, 30, 0, 500));
  assert.equal(timeOf("2026-01-31 12:30:00+02"), Date.UTC(2026, 0, 31, 10, 30));
  assert.ok(Number.isNaN(timeOf("yesterday")));
});

test("short labels", () => {
  assert.deepEqual([1234, 0.12345, 12.345, 1e20, 0].map(short), ["1,234", "0.1235", "12.35", "1.00e+20", "0"]);
});

test("sorting is stable, and null is last", () => {
  const rows = [["b", 1], ["a", null], ["c", 1], ["d", 0]];
  assert.deepEqual(sortRows(rows, "integer", { column: 1, descending: false }), [3, 0, 2, 1]);
  assert.deepEqual(sortRows(rows, "integer", { column: 1, descending: true }), [0, 2, 3, 1]);
  assert.deepEqual(sortRows(rows, "integer", null), [0, 1, 2, 3]);
});

test("sorting by value, not by letters", () => {
  const sorted = (kind, cells) => sortRows(cells.map((c) => [c]), kind, { column: 0, descending: false }).map((i) => cells[i]);
  assert.deepEqual(sorted("decimal", ["10.00", "9.50", "-1.00"]), ["-1.00", "9.50", "10.00"]);
  assert.deepEqual(sorted("integer", ["9007199254740993", "9007199254740992"]), ["9007199254740992", "9007199254740993"]);
  assert.deepEqual(sorted("float", ["NaN", 2, 1]), [1, 2, "NaN"]);
  assert.deepEqual(sorted("text", ["SEN-10", "SEN-9"]), ["SEN-9", "SEN-10"]);
});

test("a third click gives the answer's own order back", () => {
  let sort = nextSort(null, 1);
  assert.deepEqual(sort, { column: 1, descending: false });
  sort = nextSort(sort, 1);
  assert.deepEqual(sort, { column: 1, descending: true });
  assert.equal(nextSort(sort, 1), null);
  assert.deepEqual(nextSort(sort, 0), { column: 0, descending: false });
});

test("files", () => {
  const r = { columns: ["a,b", "c"], rows: [['say "x"', null], ["", "two\nlines"], [{ k: 1 }, "tab\there"]] };
  assert.equal(toCsv(r), '"a,b",c\n"say ""x""",\n"","two\nlines"\n"{""k"":1}",tab\there\n');
  assert.equal(toTsv(r), 'a,b\tc\nsay "x"\t\n\ttwo lines\n{"k":1}\ttab here\n');
});
