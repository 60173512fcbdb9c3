import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, lineOf, pointerRange, readJson } from "../src/places.ts";
import { planProposals } from "../src/plan-help.ts";

const PLAN = `{
  "table": "orders",
  "select": [
    {"column": "status"},
    {"func": "sum",
     "alias": "a/b"}
  ],
  "a/b~c": 1
}`;
const at = (pointer) => {
  const { from, to } = pointerRange(PLAN, pointer);
  return PLAN.slice(from, to);
};

test("a pointer's place", () => {
  assert.equal(at("/table"), '"orders"');
  assert.equal(at("/select/0/column"), '"status"');
  assert.equal(at("/select/0"), '{"column": "status"}');
  assert.equal(at("/a~1b~0c"), "1");
});

test("of what is long its name, or its first line", () => {
  assert.equal(at("/select"), '"select"');
  assert.equal(at("/select/1"), '{"func": "sum",');
  assert.equal(at(""), "{");
});

test("where there is nothing, what would hold it", () => {
  assert.equal(at("/select/0/alias"), '{"column": "status"}');
  assert.equal(at("/select/9/column"), '"select"');
  assert.equal(at("/nothing/at/all"), "{");
  assert.deepEqual(pointerRange("", "/x"), { from: 0, to: 0 });
});

test("signs that are missing have a place, and words", () => {
  assert.deepEqual(readJson(' {"a": [1, null]} '), { json: { a: [1, null] } });
  const fault = (text) => readJson(text).fault;
  assert.deepEqual(fault('{"a": }'), { from: 6, to: 7, message: "A value is missing here." });
  assert.match(fault('{"a": 1 "b": 2}').message, /comma/);
  assert.match(fault('{"a": 1').message, /closing }/);
  assert.match(fault("{} {}").message, /ends before/);
  assert.match(fault('{"a": 1} // no').message, /no comments/);
  for (const text of ["", " ", "{'a': 1}", '{"a": 01}', '{"a": 1,}', "\ufeff{}", '{"a": "\n"}', "nul"]) {
    const { from, to, message } = readJson(text).fault;
    assert.ok(from >= 0 && from <= to && to <= text.length && message, text);
  }
});

test("what the server tells, at its place", () => {
  const sql = "SELECT '☕😀',\n  nope FROM t";
  const [fault] = faultsOf(sql, false, { message: "m", position: 16 });
  assert.equal(sql.slice(fault.from, fault.to), "nope");
  assert.equal(lineOf(sql, fault.from), 2);
  assert.deepEqual(faultsOf("SELECT 1", false, { message: "m" }), [{ from: 0, to: 8, message: "m" }]);
  const told = { message: "two", pointer: "/table", faults: [{ pointer: "/table", message: "one" }, { pointer: "/select/0", message: "other" }] };
  assert.deepEqual(faultsOf(PLAN, true, told).map((f) => [PLAN.slice(f.from, f.to), f.message]), [['"orders"', "one"], ['{"column": "status"}', "other"]]);
  assert.equal(faultsOf(PLAN, true, { message: "only" })[0].message, "only");
});

const column = (name, type) => ({ name, type, nullable: false, description: null, unit: null });
const DATASET = {
  id: "shop", name: null, description: null, relationships: [],
  tables: [
    { name: "orders", description: null, format: "csv", columns: [column("id", "INTEGER"), column("__proto__", "DATE")] },
    { name: "items", description: null, format: "csv", columns: [column("price", "DOUBLE")] },
  ],
};
// The place is marked by |.
const proposed = (text) => {
  const offset = text.indexOf("|");
  const whole = text.replace("|", "");
  const { from, to, proposals } = planProposals(whole, offset, DATASET);
  return { over: whole.slice(from, to), texts: proposals.map((p) => p.text) };
};

test("names of a plan's members, and of what is in them", () => {
  const top = proposed('{"ta|"}');
  assert.equal(top.over, '"ta"');
  assert.ok(top.texts.includes('"table": ') && top.texts.includes('"group_by": '));
  assert.ok(proposed('{"|": 1}').texts.includes('"limit"'), "the colon is there");
  assert.ok(proposed('{"select": [{"|"}]}').texts.includes('"func": '));
  assert.ok(proposed('{"select": [{"expr": {"|"}}]}').texts.includes('"date_trunc": '));
  assert.ok(proposed('{"filters": [{"or": [{"|"}]}]}').texts.includes('"op": '));
  assert.deepEqual(proposed('{"nothing": {"|"}}').texts, []);
});

test("words that the schema lists", () => {
  assert.ok(proposed('{"select": [{"func": "|"}]}').texts.includes('"count_distinct"'));
  assert.deepEqual(proposed('{"order_by": [{"direction": |}]}').texts, ['"asc"', '"desc"']);
});

test("the dataset's tables and columns", () => {
  assert.deepEqual(proposed('{"table": "|"}').texts, ['"orders"', '"items"']);
  assert.deepEqual(proposed('{"table": "items", "group_by": ["|"]}').texts, ['"orders.id"', '"orders.__proto__"', '"price"']);
  assert.deepEqual(proposed('{"table": "orders", "select": [{"column": "i|"}]}').texts, ['"id"', '"__proto__"', '"items.price"']);
  assert.deepEqual(planProposals('{"table": ""}', 11, null).proposals, []);
});
