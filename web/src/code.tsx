// SQL and JSON as they are read, with a fault underlined where it is.
import type { JSX } from "preact";
import { faultRange, markParts, sqlParts } from "./sql.ts";
import type { Json } from "./types.ts";

export function Sql(props: { sql: string; fault?: { position: number; message: string } | null }): JSX.Element {
  const range = props.fault ? faultRange(props.sql, props.fault.position) : null;
  const parts = markParts(sqlParts(props.sql), range);
  return (
    <pre class="code" tabIndex={0} aria-label="SQL">
      <code>
        {parts.map((part, i) =>
          part.inside ? (
            <mark key={i} class={`fault ${part.kind}`} title={props.fault?.message}>{part.text}</mark>
          ) : part.kind === "plain" ? (
            part.text
          ) : (
            <span key={i} class={part.kind}>{part.text}</span>
          ),
        )}
      </code>
    </pre>
  );
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;

// Short objects and lists on one line, as a person would write them.
export function layOut(json: Json, width = 76, indent = ""): string {
  const whole = JSON.stringify(json).replace(/("(?:[^"\\]|\\.)*")|([:,])/g, (_, text, sign) => text ?? `${sign} `);
  if (typeof json !== "object" || json === null || indent.length + whole.length <= width) return whole;
  const inner = `${indent}  `;
  if (Array.isArray(json))
    return `[\n${json.map((part) => inner + layOut(part, width, inner)).join(",\n")}\n${indent}]`;
  const members = Object.entries(json).map(
    ([name, value]) => `${inner}${JSON.stringify(name)}: ${layOut(value, width, inner)}`,
  );
  return `{\n${members.join(",\n")}\n${indent}}`;
}

export function JsonText(props: { json: Json; label: string }): JSX.Element {
  const text = layOut(props.json);
  const parts: (string | JSX.Element)[] = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    parts.push(text.slice(at, found.index));
    const kind = found[2] !== undefined ? "name" : found[1] !== undefined ? "string" : "number";
    parts.push(<span key={found.index} class={kind}>{found[1] ?? found[0]}</span>, found[2] ?? "");
    at = found.index + found[0].length;
  }
  parts.push(text.slice(at));
  return (
    <pre class="code" tabIndex={0} aria-label={props.label}>
      <code>{parts}</code>
    </pre>
  );
}
