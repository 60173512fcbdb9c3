// The result as a table. Of a long one only the rows in sight are in the document.
import { useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { formatsOf, plainText, type Format } from "./columns.ts";
import { nextSort, sortRows, type Sort } from "./sort.ts";
import type { Json, Result, Row } from "./types.ts";
import { unitSign } from "./units.ts";

const ROW_HEIGHT = 33; // as in style.css
const WHOLE_MAX = 150; // rows that are simply there
export const ROWS_MAX = 100_000; // a browser's boxes end at some 33 million pixels
const MARGIN = 20; // rows beyond those in sight

// Of a long table, in characters: the rows that come and go must not change it.
function widthsOf(formats: readonly Format[], units: readonly (string | null)[], rows: readonly Row[]): number[] {
  return formats.map((format, i) => {
    let most = format.name.length + (units[i] ? unitSign(units[i]).length + 2 : 0) + 2;
    for (const row of rows) most = Math.max(most, format.show(row[i]).length);
    return Math.min(most, 40) + 4;
  });
}

export interface Place {
  column: string;
  row: number;
}

function Cell(props: { format: Format; cell: Json; lit: boolean }): JSX.Element {
  const { format, cell } = props;
  const shown = format.show(cell);
  const full = plainText(cell);
  const whole = format.kind !== "text" && format.kind !== "nested";
  const classes = [format.right ? "number" : whole ? "whole" : "", props.lit ? "lit" : ""].filter(Boolean).join(" ");
  if (cell === null) return <td class={`${classes} null`}>null</td>;
  return (
    <td class={classes} title={shown !== full || full.length > 40 ? full : undefined}>
      {format.kind === "nested" ? <code>{shown}</code> : shown === "" ? <span class="null">empty text</span> : shown}
    </td>
  );
}

function Head(props: {
  format: Format;
  unit: string | null;
  sort: "ascending" | "descending" | "none";
  onSort: () => void;
}): JSX.Element {
  return (
    <th scope="col" aria-sort={props.sort} class={props.format.right ? "number" : undefined}>
      <button type="button" class="sort" onClick={props.onSort} title={`${props.format.name}, ${props.format.type}`}>
        <span>{props.format.name}</span>
        {props.unit !== null && <span class="unit">{unitSign(props.unit)}</span>}
        <span class="arrow" aria-hidden="true">
          {props.sort === "ascending" ? "▲" : props.sort === "descending" ? "▼" : ""}
        </span>
      </button>
    </th>
  );
}

export function ResultTable(props: {
  result: Result;
  units: readonly (string | null)[];
  lit: Place | null;
  label: string;
}): JSX.Element {
  const { result } = props;
  const [sort, setSort] = useState<Sort | null>(null);
  const [first, setFirst] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const formats = useMemo(() => formatsOf(result), [result]);
  const order = useMemo(
    () => sortRows(result.rows, sort ? formats[sort.column]!.kind : "text", sort),
    [result, sort],
  );
  const n = result.rows.length;
  const inParts = n > WHOLE_MAX;
  const widths = useMemo(() => (inParts ? widthsOf(formats, props.units, result.rows) : []), [formats, props.units]);
  const fixed = inParts ? { tableLayout: "fixed" as const, width: `max(100%, ${widths.reduce((a, b) => a + b, 0)}ch)` } : undefined;
  const inSight = Math.ceil(560 / ROW_HEIGHT) + 2 * MARGIN;
  const from = inParts ? Math.max(0, Math.min(first - MARGIN, n - inSight)) : 0;
  const to = inParts ? Math.min(n, from + inSight) : n;

  const row = (at: number): JSX.Element => {
    const index = order[at]!;
    const cells = result.rows[index] as Row;
    const lit = props.lit?.row === index ? props.lit.column : null;
    return (
      <tr key={index} aria-rowindex={inParts ? at + 2 : undefined}>
        {formats.map((format, i) => (
          <Cell key={i} format={format} cell={cells[i] ?? null} lit={lit === format.name} />
        ))}
      </tr>
    );
  };
  const space = (rows: number): JSX.Element | null =>
    rows > 0 ? (
      <tr aria-hidden="true" class="space">
        <td colSpan={formats.length} style={{ height: `${rows * ROW_HEIGHT}px` }} />
      </tr>
    ) : null;

  return (
    <div
      ref={box}
      class={inParts ? "table-box long" : "table-box"}
      role="region"
      aria-label={props.label}
      tabIndex={0}
      onScroll={inParts ? () => setFirst(Math.floor(box.current!.scrollTop / ROW_HEIGHT)) : undefined}
    >
      <table aria-rowcount={inParts ? n + 1 : undefined} style={fixed}>
        {inParts && <colgroup>{widths.map((width, i) => <col key={i} style={{ width: `${width}ch` }} />)}</colgroup>}
        <thead>
          <tr aria-rowindex={inParts ? 1 : undefined}>
            {formats.map((format, i) => (
              <Head
                key={i}
                format={format}
                unit={props.units[i] ?? null}
                sort={sort?.column !== i ? "none" : sort.descending ? "descending" : "ascending"}
                onSort={() => setSort(nextSort(sort, i))}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {space(from)}
          {order.slice(from, to).map((_, i) => row(from + i))}
          {space(n - to)}
        </tbody>
      </table>
      {n === 0 && <p class="empty">No row matches.</p>}
    </div>
  );
}
