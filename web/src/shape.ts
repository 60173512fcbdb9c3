// Whether an answer has a shape for a chart, and which.
import { isLabel, isNumeric, isTemporal, kindOf, numberOf, plainText, timeOf } from "./columns.ts";
import type { Json, Result } from "./types.ts";

export type ChartKind = "bar" | "line" | "scatter";

export interface Chart {
  kind: ChartKind;
  x: number; // column: the names of bars, the time of lines, a number of points
  y: number[]; // columns of numbers: one, but of lines several
  series: number | null; // column whose values tell lines apart
}

export const BARS_MAX = 50;
export const LINES_MAX = 8;
const POINTS_MIN = 5;
const ROWS_MAX = 5000; // more would be a blot, and slow

type Shape = Pick<Result, "columns" | "types" | "rows">;

interface Roles {
  numbers: number[]; // measures
  times: number[];
  names: number[]; // texts, truth values, and numbers that only name something
}

export function rolesOf(result: Shape): Roles {
  const roles: Roles = { numbers: [], times: [], names: [] };
  result.columns.forEach((name, i) => {
    const kind = kindOf(result.types[i] ?? "");
    const filled = result.rows.some((row) => row[i] !== null);
    if (!filled || kind === "nested") return;
    if (isNumeric(kind) && !isLabel(name)) roles.numbers.push(i);
    else if (isTemporal(kind)) roles.times.push(i);
    else if (result.types[i] !== "BLOB") roles.names.push(i);
  });
  return roles;
}

const distinct = (result: Shape, columns: number[]): number =>
  new Set(result.rows.map((row) => JSON.stringify(columns.map((c) => row[c] ?? null)))).size;

const isKey = (result: Shape, columns: number[]): boolean => distinct(result, columns) === result.rows.length;

// The numbers, the most interesting first: by which the answer is sorted, else named by the question.
function rank(result: Shape, numbers: number[], plan: Json | undefined, question: string): number[] {
  const orders = plan && typeof plan === "object" && !Array.isArray(plan) ? plan["order_by"] : null;
  const sorted = Array.isArray(orders)
    ? orders.map((o) => (o && typeof o === "object" && !Array.isArray(o) ? plainText(o["expr"]) : ""))
    : [];
  const words = new Set(question.toLowerCase().match(/[a-z]{3,}/g) ?? []);
  const score = (i: number): number => {
    const name = result.columns[i]!;
    if (sorted.includes(name)) return 1000 - sorted.indexOf(name);
    return name.toLowerCase().split(/[^a-z]+/).filter((word) => words.has(word)).length;
  };
  return [...numbers].sort((a, b) => score(b) - score(a));
}

function lineOf(result: Shape, roles: Roles, numbers: number[], units: readonly (string | null)[]): Chart | null {
  const x = roles.times[0];
  if (x === undefined || roles.times.length > 1 || numbers.length === 0) return null;
  if (result.rows.filter((row) => !Number.isNaN(timeOf(row[x]))).length < 2 || distinct(result, [x]) < 2) return null;
  const first = numbers[0]!;
  if (roles.names.length === 0 && isKey(result, [x])) {
    const alike = numbers.filter((i) => units[i] === units[first] && sameSize(result, first, i));
    return { kind: "line", x, y: alike.slice(0, 4), series: null };
  }
  const series = roles.names[0];
  if (roles.names.length !== 1 || series === undefined || !isKey(result, [x, series])) return null;
  return distinct(result, [series]) <= LINES_MAX ? { kind: "line", x, y: [first], series } : null;
}

// Of very different sizes, the smaller of two lines would lie on the axis.
function sameSize(result: Shape, a: number, b: number): boolean {
  const largest = (i: number): number =>
    result.rows.reduce((most, row) => Math.max(most, Math.abs(numberOf(row[i])) || 0), 0);
  const [x, y] = [largest(a), largest(b)];
  return x === y || (Math.min(x, y) > 0 && Math.max(x, y) / Math.min(x, y) <= 20);
}

function barOf(result: Shape, roles: Roles, numbers: number[]): Chart | null {
  const n = result.rows.length;
  if (n < 2 || n > BARS_MAX || numbers.length === 0) return null;
  const texts = roles.names.filter((i) => !isNumeric(kindOf(result.types[i]!)));
  // A moment names a bar only where nothing else could: events are no categories.
  const times = roles.names.length === 0 ? roles.times : [];
  const x = [...texts, ...roles.names, ...times].find((i) => isKey(result, [i]));
  return x === undefined ? null : { kind: "bar", x, y: [numbers[0]!], series: null };
}

function scatterOf(result: Shape, numbers: number[]): Chart | null {
  const [a, b] = numbers;
  if (a === undefined || b === undefined || result.rows.length < POINTS_MIN) return null;
  if (distinct(result, [a]) < 3 || distinct(result, [b]) < 3) return null;
  return { kind: "scatter", x: Math.min(a, b), y: [Math.max(a, b)], series: null };
}

// Those that the answer has a shape for, the fitting one first; none: a table is the best picture.
export function chartsOf(result: Shape, plan?: Json, question = "", units: readonly (string | null)[] = []): Chart[] {
  if (result.rows.length > ROWS_MAX) return [];
  const roles = rolesOf(result);
  const numbers = rank(result, roles.numbers, plan, question);
  const found = [lineOf(result, roles, numbers, units), barOf(result, roles, numbers), scatterOf(result, numbers)];
  return found.filter((chart) => chart !== null);
}

// What a chart of this kind may show instead.
export function measuresOf(result: Shape): number[] {
  return rolesOf(result).numbers;
}

// The chart in words.
export function chartWords(result: Shape, chart: Chart, show: (column: number, cell: Json) => string): string {
  const name = (i: number): string => result.columns[i]!;
  const y = chart.y[0]!;
  const rows = result.rows.filter((row) => !Number.isNaN(numberOf(row[y])));
  if (rows.length === 0) return `No values of ${name(y)}.`;
  const by = [...rows].sort((a, b) => numberOf(a[y]) - numberOf(b[y]));
  const at = (row: readonly Json[]): string => {
    const series = chart.series !== null ? `${plainText(row[chart.series])}, ` : "";
    return `${show(y, row[y]!)} (${series}${plainText(row[chart.x])})`;
  };
  const range = `The lowest ${name(y)} is ${at(by[0]!)}, the highest ${at(by.at(-1)!)}.`;
  if (chart.kind === "bar") return `Bars: ${name(y)} for ${rows.length} values of ${name(chart.x)}. ${range}`;
  if (chart.kind === "scatter") return `Points: ${name(chart.x)} across, ${name(y)} up, ${rows.length} rows.`;
  const lines = chart.series !== null ? `one line for each ${name(chart.series)}` : chart.y.map(name).join(", ");
  return `Lines over ${name(chart.x)}: ${lines}. ${range}`;
}
