// SQL in parts, for colours; and the place of a fault in it.

export type Part = { text: string; kind: "keyword" | "string" | "number" | "comment" | "name" | "plain" };

export const KEYWORDS: ReadonlySet<string> = new Set(
  ("all and any as asc between by case cast cross current_date current_timestamp date desc distinct else end except " +
    "exists extract false filter first following from full group having ilike in inner intersect interval is join last " +
    "lateral left like limit not null nulls offset on or order outer over partition preceding qualify range recursive " +
    "right row rows sample select semi similar some table then timestamp true unbounded union unnest using values " +
    "when where window with").split(" "),
);

const TOKEN =
  /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'(?:[^']|'')*(?:'|$))|(?<name>"(?:[^"]|"")*(?:"|$))|(?<number>\b\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b)|(?<word>[A-Za-z_]\w*)|(?<plain>\s+|[^\s])/g;

export function sqlParts(sql: string): Part[] {
  const parts: Part[] = [];
  for (const found of sql.matchAll(TOKEN)) {
    const groups = found.groups!;
    let kind: Part["kind"] = "plain";
    if (groups.comment !== undefined) kind = "comment";
    else if (groups.string !== undefined) kind = "string";
    else if (groups.name !== undefined) kind = "name";
    else if (groups.number !== undefined) kind = "number";
    else if (groups.word !== undefined && KEYWORDS.has(groups.word.toLowerCase())) kind = "keyword";
    const last = parts.at(-1);
    if (last && last.kind === kind && kind === "plain") last.text += found[0];
    else parts.push({ text: found[0], kind });
  }
  return parts;
}

// JavaScript counts UTF-16 units, the server characters (code points), from 1.
function unitIndex(text: string, position: number): number {
  let at = 0;
  for (let n = 1; n < position && at < text.length; n++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return at;
}

// The word, number or sign that stands at the position: [from, to) in UTF-16 units.
export function faultRange(sql: string, position: number): [number, number] {
  const from = Math.min(unitIndex(sql, position), Math.max(sql.length - 1, 0));
  const rest = sql.slice(from);
  const found = /^(?:[\w$]+|"(?:[^"]|"")*"?|'(?:[^']|'')*'?|\S)/u.exec(rest);
  return [from, from + Math.max(found?.[0].length ?? 1, 1)];
}

// The parts, cut at the range's ends; inside says which are within.
export function markParts(parts: readonly Part[], range: [number, number] | null): (Part & { inside: boolean })[] {
  const marked: (Part & { inside: boolean })[] = [];
  let at = 0;
  for (const part of parts) {
    const end = at + part.text.length;
    const cuts = [at, ...(range ?? []).filter((cut) => cut > at && cut < end), end];
    for (let i = 0; i + 1 < cuts.length; i++)
      marked.push({
        kind: part.kind,
        text: part.text.slice(cuts[i]! - at, cuts[i + 1]! - at),
        inside: range !== null && cuts[i]! >= range[0] && cuts[i + 1]! <= range[1],
      });
    at = end;
  }
  return marked;
}
