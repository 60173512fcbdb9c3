// What a dataset holds: tables, columns, units, how tables belong together, first rows.
import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { plainText } from "./columns.ts";
import { Dialog } from "./parts.tsx";
import { loadSchema, sizes } from "./state.ts";
import type { Dataset, Schema, SourceTable, Table } from "./types.ts";
import { bytes, plural } from "./words.ts";

function Columns(props: { table: Table }): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Columns of ${props.table.name}`}>
      <table class="plain columns">
        <thead><tr><th scope="col">column</th><th scope="col">type</th><th scope="col">what it is</th></tr></thead>
        <tbody>
          {props.table.columns.map((column) => (
            <tr key={column.name}>
              <th scope="row">{column.name}</th>
              <td class="type">{column.type.toLowerCase()}{column.nullable && <span class="null"> or null</span>}</td>
              <td>
                {column.description}
                {column.unit && <> In {column.unit}.</>}
                {column.values && column.values.length > 0 && (
                  <div class="values">{column.values.slice(0, 12).map((value) => <code key={value}>{value}</code>)}{column.values.length > 12 && ` and ${column.values.length - 12} more`}</div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Samples(props: { table: Table }): JSX.Element | null {
  const rows = props.table.sample_rows;
  if (!rows || rows.length === 0) return null;
  return (
    <details>
      <summary>First rows</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={`First rows of ${props.table.name}`}>
        <table class="plain">
          <thead><tr>{props.table.columns.map((c) => <th key={c.name} scope="col">{c.name}</th>)}</tr></thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>{row.map((cell, j) => cell === null ? <td key={j} class="null">null</td> : <td key={j}>{plainText(cell)}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const sizeOf = (file: SourceTable | undefined): string => (file ? `${plural(file.rows, "row")}, ${bytes(file.bytes)}, ` : "");

export function SchemaDrawer(props: { dataset: Dataset; onClose: () => void }): JSX.Element {
  const { dataset } = props;
  const last = sizes.value.get(dataset.id);
  const version = last?.dataset_version ?? dataset.version;
  const files = new Map((last?.tables ?? []).map((t) => [t.name, t]));
  const [schema, setSchema] = useState<Schema | null | "failed">(null);
  useEffect(() => {
    void loadSchema(dataset.id).then((found) => setSchema(found ?? "failed"));
  }, [dataset.id]);
  return (
    <Dialog label={`What is in ${dataset.name ?? dataset.id}`} class="drawer" onClose={props.onClose}>
      <header>
        <h2>{dataset.name ?? dataset.id}</h2>
        <button type="button" class="quiet" onClick={props.onClose}>Close</button>
      </header>
      <p>{dataset.description}</p>
      {dataset.as_of && <p class="note">“Now” in this data is {dataset.as_of.slice(0, 10)}.</p>}
      {version && <p class="note">Version <code class="hash" title={version}>{version.slice(0, 16)}…</code>{last?.dataset_version && ", as of the last answer"}.</p>}
      {schema === null && <p>Loading…</p>}
      {schema === "failed" && <p class="bad">The columns could not be loaded.</p>}
      {schema !== null && schema !== "failed" && (
        <>
          {schema.tables.map((table) => (
            <section key={table.name}>
              <h3>{table.name} <small>{sizeOf(files.get(table.name))}{plural(table.columns.length, "column")}</small></h3>
              <p>{table.description}</p>
              <Columns table={table} />
              <Samples table={table} />
            </section>
          ))}
          {schema.relationships.length > 0 && (
            <section>
              <h3>How the tables belong together</h3>
              <ul>{schema.relationships.map((r) => <li key={r.from + r.to}><code>{r.from}</code> names <code>{r.to}</code></li>)}</ul>
            </section>
          )}
        </>
      )}
    </Dialog>
  );
}
