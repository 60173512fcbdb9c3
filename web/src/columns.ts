// What the columns of a result are, and how their values are written.
import type { Json, Result, Row } from "./types.ts";

export type Kind = "integer" | "decimal" | "float" | "date" | "time" | "boolean" | "text" | "nested";

const INTEGERS = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM|VARINT)$/;

export function kindOf(type: string): Kind {
  if (INTEGERS.test(type)) return "integer";
  if (/^DECIMAL\(\d+,\d+\)$/.test(type)) return type.endsWith(",0)") ? "integer" : "decimal";
  if (type === "DOUBLE" || type === "FLOAT") return "float";
  if (type === "DATE") return "date";
  if (type.startsWith("TIMESTAMP")) return "time";
  if (type === "BOOLEAN") return "boolean";
  if (/\[\d*\]$|^(STRUCT|MAP|UNION|INTERVAL)\b/.test(type)) return "nested";
  return "text";
}

export const isNumeric = (kind: Kind): boolean => kind === "integer" || kind === "decimal" || kind === "float";
export const isTemporal = (kind: Kind): boolean => kind === "date" || kind === "time";

// A number that names something: nobody adds it up, and separators would only be in the way.
export const isLabel = (name: string): boolean => /(^|[_ ])(id|no|nr|number|code|zip|postcode|year)$/i.test(name);

// Numbers that JSON's would not hold exactly come as text. NaN when the cell is none.
export function numberOf(cell: Json | undefined): number {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string" || !/^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(cell)) return NaN;
  return Number(cell);
}

// Milliseconds; a time without an offset is UTC's, as all of the engine's are. NaN when it is none.
export function timeOf(cell: Json | undefined): number {
  if (typeof cell !== "string") return NaN;
  const found = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d+)?)([-+]\d\d(?::?\d\d)?|Z)?)?$/.exec(cell);
  if (!found) return NaN;
  let offset = found[3] ?? "Z";
  if (offset.length === 3) offset += ":00";
  return Date.parse(`${found[1]}T${(found[2] ?? "00:00:00").slice(0, 12)}${offset}`);
}

// "1234567.50" as "1,234,567.50"; digits stay as they are, however many.
export function group(digits: string): string {
  const found = /^(-?)(\d+)(.*)$/.exec(digits);
  if (!found || /[eE]/.test(found[3]!)) return digits;
  return found[1]! + found[2]!.replace(/\B(?=(\d{3})+$)/g, ",") + found[3]!;
}

// A measure's value for a label: short, but not wrong in the digits that are shown.
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return group(String(value));
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2);
  return group(value.toFixed(size >= 100 ? 2 : size >= 1 ? 2 : 4));
}

// Binary fractions have digits that mean nothing; all values of a column get as many decimals as
// its largest one deserves, and no more than any of them has.
function decimalsFor(rows: readonly Row[], column: number): number {
  let most = 0;
  let largest = 0;
  for (const row of rows) {
    const value = numberOf(row[column]);
    if (!Number.isFinite(value)) continue;
    largest = Math.max(largest, Math.abs(value));
    const text = String(value);
    const point = text.indexOf(".");
    if (!text.includes("e") && point >= 0) most = Math.max(most, text.length - point - 1);
  }
  return Math.min(most, largest >= 1000 ? 2 : largest >= 1 ? 3 : 5);
}

export interface Format {
  name: string;
  type: string;
  kind: Kind;
  right: boolean; // where its values stand
  show: (cell: Json | undefined) => string; // for people; null has no text
}

export function plainText(cell: Json | undefined): string {
  if (cell === null || cell === undefined) return "";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

function showFloat(rows: readonly Row[], column: number): Format["show"] {
  const decimals = decimalsFor(rows, column);
  return (cell) => {
    const value = numberOf(cell);
    if (!Number.isFinite(value)) return plainText(cell);
    const size = Math.abs(value);
    if (size >= 1e15 || (size > 0 && size < 10 ** -decimals / 2)) return value.toPrecision(4);
    return group(value.toFixed(decimals));
  };
}

// Midnight in every row: the day is all there is to say.
function showTime(rows: readonly Row[], column: number): Format["show"] {
  const days = rows.every((row) => row[column] === null || /[ T]00:00:00$/.test(plainText(row[column])));
  return (cell) => (days ? plainText(cell).slice(0, -9) : plainText(cell));
}

export function formatsOf(result: Pick<Result, "columns" | "types" | "rows">): Format[] {
  return result.columns.map((name, column) => {
    const type = result.types[column] ?? "VARCHAR";
    const kind = kindOf(type);
    const right = isNumeric(kind) && !isLabel(name);
    let show = plainText as Format["show"];
    if (kind === "float") show = showFloat(result.rows, column);
    else if (kind === "time") show = showTime(result.rows, column);
    else if (right) show = (cell) => group(plainText(cell));
    return { name, type, kind, right: isNumeric(kind), show };
  });
}
