// Where something is in a text that is being edited: [from, to) in UTF-16 units.
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { faultRange } from "./sql.ts";
import type { Json } from "./types.ts";

export interface Fault {
  from: number;
  to: number;
  message: string;
}

// What a server says of a plan or of SQL: a problem's words, or a run's.
export interface Told {
  message: string;
  position?: number | undefined;
  pointer?: string | undefined;
  faults?: { pointer: string; message: string }[] | undefined;
}

const SYNTAX = new Map([
  ["ValueExpected", "A value is missing here."],
  ["PropertyNameExpected", "A name in double quotes is missing here."],
  ["ColonExpected", "A colon is missing here."],
  ["CommaExpected", "A comma is missing here."],
  ["CloseBraceExpected", "The closing } is missing."],
  ["CloseBracketExpected", "The closing ] is missing."],
  ["EndOfFileExpected", "The plan ends before this."],
  ["UnexpectedEndOfString", "The closing quote is missing."],
  ["InvalidCommentToken", "A plan has no comments."],
  ["UnexpectedEndOfComment", "A plan has no comments."],
]);

// The text's JSON, or the first sign that is wrong: those behind it are often right.
export function readJson(text: string): { json: Json } | { fault: Fault } {
  const errors: ParseError[] = [];
  parseTree(text, errors, { disallowComments: true });
  if (errors.length === 0) {
    try {
      return { json: JSON.parse(text) as Json };
    } catch {
      // what one of the two readers lets pass, the other does not
    }
  }
  const first = errors[0];
  const words = first && SYNTAX.get(printParseErrorCode(first.error));
  return { fault: { ...within(text, first?.offset ?? 0, (first?.offset ?? 0) + (first?.length ?? 0)), message: words ?? "This is not JSON." } };
}

// At least one character, which the text has.
function within(text: string, from: number, to: number): { from: number; to: number } {
  const end = Math.min(Math.max(to, from + 1), text.length);
  return { from: Math.max(Math.min(from, end - 1), 0), to: end };
}

const partsOf = (pointer: string): string[] =>
  pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

const step = (node: Node, part: string): Node | undefined =>
  findNodeAtLocation(node, [node.type === "array" ? Number(part) : part]);

// What a JSON Pointer (RFC 6901) points to; where there is nothing, what would hold it. Of a long value its
// name, or its first line.
export function pointerRange(text: string, pointer: string): { from: number; to: number } {
  let node = parseTree(text);
  if (!node) return within(text, 0, 0);
  for (const part of partsOf(pointer)) {
    const next: Node | undefined = step(node, part);
    if (!next) break;
    node = next;
  }
  const name = node.parent?.type === "property" ? node.parent.children![0]! : null;
  const shown = (node.type === "object" || node.type === "array") && name ? name : node;
  const line = text.slice(shown.offset, shown.offset + shown.length).indexOf("\n");
  return within(text, shown.offset, shown.offset + (line < 0 ? shown.length : line));
}

export function faultsOf(text: string, isPlan: boolean, told: Told): Fault[] {
  if (isPlan) {
    const all = told.faults?.length ? told.faults : [{ pointer: told.pointer ?? "", message: told.message }];
    return all.map((f) => ({ ...pointerRange(text, f.pointer), message: f.message }));
  }
  if (told.position === undefined) return [{ ...within(text, 0, text.length), message: told.message }];
  const [from, to] = faultRange(text, told.position);
  return [{ ...within(text, from, to), message: told.message }];
}

export const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length;
