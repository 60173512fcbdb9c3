// A result as text for other programs.
import { plainText } from "./columns.ts";
import type { Json, Result } from "./types.ts";

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// RFC 4180, but for LF; null is empty and an empty text is "", as the server writes them.
export function toCsv(result: Pick<Result, "columns" | "rows">): string {
  const cell = (value: Json): string => (value === "" ? '""' : quoted(plainText(value)));
  const lines = [result.columns.map(quoted), ...result.rows.map((row) => row.map(cell))];
  return lines.map((line) => line.join(",") + "\n").join("");
}

// For pasting into a spreadsheet: no tab or line end within a cell.
export function toTsv(result: Pick<Result, "columns" | "rows">): string {
  const cell = (value: Json): string => plainText(value).replace(/[\t\r\n]+/g, " ");
  const lines = [result.columns.map(cell), ...result.rows.map((row) => row.map(cell))];
  return lines.map((line) => line.join("\t") + "\n").join("");
}
