// What may stand at a place of a plan: its JSON Schema's names and words, the dataset's tables and columns.
import { getLocation, type JSONPath } from "jsonc-parser";
import planSchema from "../../schemas/query-plan.v1.json";
import type { Schema as Dataset } from "./types.ts";

interface Schema {
  $ref?: string;
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema | boolean;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

export interface Proposal {
  text: string; // as JSON
  kind: "name" | "word" | "table" | "column";
  detail?: string | undefined;
  info?: string | undefined;
}

const whole = planSchema as Schema & { $defs: Record<string, Schema> };

// The schema itself, what it refers to, and its alternatives.
function allOf(schema: Schema): Schema[] {
  const found: Schema[] = [];
  const visit = (one: Schema): void => {
    if (found.includes(one)) return;
    found.push(one);
    if (one.$ref) visit(whole.$defs[one.$ref.replace("#/$defs/", "")] ?? {});
    for (const other of [...(one.anyOf ?? []), ...(one.oneOf ?? []), ...(one.allOf ?? [])]) visit(other);
  };
  visit(schema);
  return found;
}

function below(schema: Schema, part: string | number): Schema[] {
  if (typeof part === "string")
    return Object.entries(schema.properties ?? {}).filter(([name]) => name === part).map(([, found]) => found);
  return [schema.prefixItems?.[part] ?? schema.items ?? []].flat().filter((s): s is Schema => typeof s === "object");
}

function schemasAt(path: JSONPath): Schema[] {
  let here = allOf(whole);
  for (const part of path) here = here.flatMap((schema) => below(schema, part)).flatMap(allOf);
  return [...new Set(here)];
}

// Members whose text is the name of a column.
const COLUMNS = new Set(["column", "group_by", "per", "by"]);

function columnsOf(dataset: Dataset, table: string | null): Proposal[] {
  return dataset.tables.flatMap((t) =>
    t.columns.map((c) => ({
      text: JSON.stringify(t.name === table ? c.name : `${t.name}.${c.name}`), kind: "column" as const,
      detail: c.type, info: c.description ?? undefined,
    })),
  );
}

function tableOf(text: string): string | null {
  const found = /"table"\s*:\s*"([A-Za-z_]\w*)"/.exec(text);
  return found ? found[1]! : null;
}

function valuesAt(path: JSONPath, text: string, dataset: Dataset | null): Proposal[] {
  const name = path.findLast((part) => typeof part === "string");
  if (dataset && path.length === 1 && name === "table")
    return dataset.tables.map((t) => ({ text: JSON.stringify(t.name), kind: "table", info: t.description ?? undefined }));
  if (dataset && path.length === 1 && name === "dataset_id") return [{ text: JSON.stringify(dataset.id), kind: "word" }];
  if (dataset && typeof name === "string" && COLUMNS.has(name)) return columnsOf(dataset, tableOf(text));
  const words = new Set(schemasAt(path).flatMap((schema) => schema.enum ?? []));
  return [...words].map((word) => ({ text: JSON.stringify(word), kind: "word" }));
}

// What may stand at the offset, and from where to where it would stand.
export function planProposals(
  text: string, offset: number, dataset: Dataset | null,
): { from: number; to: number; proposals: Proposal[] } {
  const place = getLocation(text, offset);
  const node = place.previousNode;
  const inside = node && node.offset < offset && offset <= node.offset + node.length;
  const range = inside ? { from: node.offset, to: node.offset + node.length } : { from: offset, to: offset };
  if (!place.isAtPropertyKey) return { ...range, proposals: valuesAt(place.path, text, dataset) };
  const members = new Map(schemasAt(place.path.slice(0, -1)).flatMap((s) => Object.entries(s.properties ?? {})));
  const colon = /^\s*:/.test(text.slice(range.to)) ? "" : ": ";
  return {
    ...range,
    proposals: [...members].map(([name, schema]) => ({
      text: JSON.stringify(name) + colon, kind: "name", info: schema.description,
    })),
  };
}
