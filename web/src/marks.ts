// A language model's words, cut where its figures begin and end.
import type { GroundedNumber, Grounding } from "./types.ts";

export interface Piece {
  text: string;
  number: GroundedNumber | null;
}

export function pieces(text: string, grounding: Grounding | undefined): Piece[] {
  const points = [...text]; // start and end count code points
  const made: Piece[] = [];
  const numbers = [...(grounding?.numbers ?? [])].sort((a, b) => a.start - b.start);
  let at = 0;
  for (const number of numbers) {
    if (number.start < at || number.end > points.length || number.end <= number.start) continue;
    if (number.start > at) made.push({ text: points.slice(at, number.start).join(""), number: null });
    made.push({ text: points.slice(number.start, number.end).join(""), number });
    at = number.end;
  }
  if (at < points.length) made.push({ text: points.slice(at).join(""), number: null });
  return made;
}

const HOW = new Map([
  ["cell", "a value of the result"],
  ["rounded", "a value of the result, rounded"],
  ["date", "a date in the result"],
  ["text", "a name in the result"],
  ["row_count", "the number of rows"],
  ["distinct", "the number of different values"],
]);

// Where the figure comes from, in words.
export function sourceWords(number: GroundedNumber): string {
  if (number.how === null) return "This figure was not found in the results. Check it before you use it.";
  const what = HOW.get(number.how) ?? `worked out from the result (${number.how.replaceAll("_", " ")})`;
  const where = [
    number.column !== null ? `column ${number.column}` : "",
    number.row !== null ? `row ${number.row + 1}` : "",
  ].filter(Boolean);
  return `Found: ${what}${where.length ? `, ${where.join(", ")}` : ""}.`;
}
