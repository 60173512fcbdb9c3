// The unit of each column of a plan's answer, where it follows from the schema. Of SQL nothing is
// guessed: a column that is named "price" there may be anything.
import type { Json, Schema } from "./types.ts";

type Obj = { [key: string]: Json };

const SAME = new Set(["sum", "avg", "min", "max", "median", "stddev"]); // functions that keep the unit
const isObject = (json: Json | undefined): json is Obj =>
  typeof json === "object" && json !== null && !Array.isArray(json);
const member = (json: Obj, name: string): Json | undefined => (Object.hasOwn(json, name) ? json[name] : undefined);

// null: it has none, or none that is known.
type Unit = string | null;

class Units {
  readonly #units = new Map<string, Unit>();
  readonly #table: string;

  constructor(schema: Schema, table: string) {
    this.#table = table;
    for (const t of schema.tables)
      for (const column of t.columns) this.#units.set(`${t.name}.${column.name}`, column.unit);
  }

  column(name: string): Unit {
    return this.#units.get(name) ?? this.#units.get(`${this.#table}.${name}`) ?? null;
  }

  #all(json: Json | undefined): Unit[] {
    return Array.isArray(json) ? json.map((part) => this.of(part)) : [this.of(json)];
  }

  of(json: Json | undefined): Unit {
    if (!isObject(json)) return null;
    const column = member(json, "column");
    const func = member(json, "func");
    if (typeof func === "string" && !SAME.has(func)) return null;
    if (typeof column === "string") return this.column(column);
    if (Object.hasOwn(json, "expr")) return this.of(member(json, "expr"));
    for (const keep of ["round", "abs", "neg", "total"])
      if (Object.hasOwn(json, keep)) return this.of(member(json, keep));
    for (const alike of ["add", "sub", "coalesce"])
      if (Object.hasOwn(json, alike)) {
        const units = this.#all(member(json, alike));
        return units.every((unit) => unit === units[0]) ? (units[0] ?? null) : null;
      }
    return null;
  }

  // A product of money and a count is money; anything else would need an algebra of units.
  product(json: Json | undefined): Unit {
    if (!isObject(json)) return null;
    const parts = member(json, "mul") ?? member(member(json, "expr") as Obj, "mul");
    if (!Array.isArray(parts)) return null;
    const units = parts.map((part) => this.of(part)).filter((unit) => unit !== null && unit !== "pieces");
    return units.length === 1 ? (units[0] ?? null) : null;
  }
}

export function unitsOf(plan: Json | undefined, schema: Schema | undefined, columns: readonly string[]): Unit[] {
  const none = columns.map(() => null);
  if (!schema || !isObject(plan)) return none;
  const select = member(plan, "select");
  const table = member(plan, "table");
  if (!Array.isArray(select) || typeof table !== "string" || select.length !== columns.length) return none;
  const units = new Units(schema, table);
  return select.map((item) => {
    if (!isObject(item)) return null;
    const func = member(item, "func");
    if (typeof func === "string" && !SAME.has(func)) return null;
    return units.of(item) ?? (isObject(member(item, "expr")) ? units.product(item) : null);
  });
}

const SIGNS = new Map([
  ["percent", "%"],
  ["degrees Celsius", "°C"],
]);
export const unitSign = (unit: string): string => SIGNS.get(unit) ?? unit;
