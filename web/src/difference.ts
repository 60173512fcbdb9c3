// How two results differ. Columns are those of one name, rows those of one key: a column, or several, whose
// values name each row of both; where there is none, rows are compared by their place.
import { isLabel, isNumeric, kindOf } from "./columns.ts";
import type { Json, Result, Row } from "./types.ts";

export interface Change {
  kind: "added" | "gone" | "changed";
  before: Row | null; // in the order of the difference's columns; null: it is not there
  after: Row | null;
  cells: readonly boolean[]; // which differ; of changed rows only
}

export interface Difference {
  columns: { name: string; type: string; kind: "both" | "added" | "gone" }[];
  by: readonly string[] | null; // the key's columns; null: by place
  changes: Change[]; // in the order of the later result, what is gone where it was
  same: number; // rows
  moved: boolean; // the same rows, in another order
}

type Table = Pick<Result, "columns" | "types" | "rows">;

interface Column {
  name: string;
  type: string;
  kind: "both" | "added" | "gone";
  a: number; // where it is; -1: nowhere
  b: number;
}

// The n-th column of a name belongs to the other's n-th one.
function columnsOf(a: Table, b: Table): Column[] {
  const left = a.columns.map((name, i) => ({ name, i }));
  const both: Column[] = b.columns.map((name, i) => {
    const found = left.findIndex((one) => one.name === name);
    const at = found < 0 ? -1 : left.splice(found, 1)[0]!.i;
    return { name, type: b.types[i] ?? "VARCHAR", kind: at < 0 ? "added" : "both", a: at, b: i };
  });
  const gone = left.map(({ name, i }): Column => ({ name, type: a.types[i] ?? "VARCHAR", kind: "gone", a: i, b: -1 }));
  return [...both, ...gone];
}

const text = (cells: readonly Json[]): string => JSON.stringify(cells);
const keyOf = (row: Row, columns: readonly number[]): string => text(columns.map((c) => row[c] ?? null));
const isUnique = (rows: readonly Row[], columns: readonly number[]): boolean =>
  new Set(rows.map((row) => keyOf(row, columns))).size === rows.length;

// Measures name nothing: numbers are a key only when they are numbers of something.
function keyColumns(a: Table, b: Table, columns: readonly Column[]): Column[] | null {
  const naming = columns.filter((c) => c.kind === "both" && (!isNumeric(kindOf(c.type)) || isLabel(c.name)));
  const tries = [...naming.map((c) => [c]), naming];
  const fits = (key: Column[]): boolean =>
    key.length > 0 && isUnique(a.rows, key.map((c) => c.a)) && isUnique(b.rows, key.map((c) => c.b));
  return tries.find(fits) ?? null;
}

// Each row of the one with that of the other: [in a, in b], where gone ones stood before.
function pairs(a: Table, b: Table, key: Column[] | null): [number | null, number | null][] {
  if (!key)
    return Array.from({ length: Math.max(a.rows.length, b.rows.length) }, (_, i) => [
      i < a.rows.length ? i : null, i < b.rows.length ? i : null,
    ]);
  const [inA, inB] = [key.map((c) => c.a), key.map((c) => c.b)];
  const places = new Map(a.rows.map((row, i) => [keyOf(row, inA), i]));
  const here = new Set(b.rows.map((row) => keyOf(row, inB)));
  const made: [number | null, number | null][] = b.rows.map((row, i) => [places.get(keyOf(row, inB)) ?? null, i]);
  a.rows.forEach((row, i) => {
    if (here.has(keyOf(row, inA))) return;
    const behind = made.findLastIndex(([other]) => other !== null && other < i);
    made.splice(behind + 1, 0, [i, null]);
  });
  return made;
}

export function difference(a: Table, b: Table): Difference {
  const columns = columnsOf(a, b);
  const key = keyColumns(a, b, columns);
  const changes: Change[] = [];
  const order: number[] = [];
  let same = 0;
  for (const [i, j] of pairs(a, b, key)) {
    const before = i === null ? null : columns.map((c) => (c.a < 0 ? null : (a.rows[i]![c.a] ?? null)));
    const after = j === null ? null : columns.map((c) => (c.b < 0 ? null : (b.rows[j]![c.b] ?? null)));
    if (i !== null && j !== null) order.push(i);
    const cells = columns.map((c, n) => before !== null && after !== null && c.kind === "both" && text([before[n]!]) !== text([after[n]!]));
    if (before && after && !cells.includes(true)) same++;
    else changes.push({ kind: before && after ? "changed" : before ? "gone" : "added", before, after, cells });
  }
  const moved = order.some((place, n) => n > 0 && place < order[n - 1]!);
  return { columns: columns.map(({ name, type, kind }) => ({ name, type, kind })), by: key?.map((c) => c.name) ?? null, changes, same, moved };
}
