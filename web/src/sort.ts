// Sorting what is shown. The answer keeps its own order; null comes last either way.
import { isNumeric, isTemporal, numberOf, plainText, timeOf, type Kind } from "./columns.ts";
import type { Json, Row } from "./types.ts";

export interface Sort {
  column: number;
  descending: boolean;
}

const words = new Intl.Collator("en", { numeric: true, sensitivity: "variant" });

// Numbers that differ only behind the digits that a double has are compared by their digits.
function compareNumbers(a: Json, b: Json): number {
  const x = numberOf(a);
  const y = numberOf(b);
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  if (x !== y) return x - y;
  if (typeof a !== "string" || typeof b !== "string" || !/^-?\d+$/.test(a) || !/^-?\d+$/.test(b)) return 0;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function compareCells(kind: Kind, a: Json, b: Json): number {
  if (isNumeric(kind)) return compareNumbers(a, b);
  if (isTemporal(kind)) {
    const difference = timeOf(a) - timeOf(b);
    return Number.isNaN(difference) ? words.compare(plainText(a), plainText(b)) : difference;
  }
  return words.compare(plainText(a), plainText(b));
}

// The rows' indexes in the order asked for; equal ones stay as they were.
export function sortRows(rows: readonly Row[], kind: Kind, sort: Sort | null): number[] {
  const order = rows.map((_, i) => i);
  if (!sort) return order;
  return order.sort((i, j) => {
    const a = rows[i]![sort.column] ?? null;
    const b = rows[j]![sort.column] ?? null;
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = compareCells(kind, a, b);
    return sort.descending ? -order : order;
  });
}

// What another click on a column's head asks for: up, down, as the answer has it.
export function nextSort(now: Sort | null, column: number): Sort | null {
  if (now?.column !== column) return { column, descending: false };
  return now.descending ? null : { column, descending: true };
}
