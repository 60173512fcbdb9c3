// Two runs: what differs between them. Loaded when it is first opened.
import { diffLines } from "diff";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import * as api from "./api.ts";
import { layOut } from "./code.tsx";
import { formatsOf, plainText, type Format } from "./columns.ts";
import { difference, type Change, type Difference } from "./difference.ts";
import { STAGES } from "./how.tsx";
import type { Json, Result, Run } from "./types.ts";
import { milliseconds, moment, plural, statusWords } from "./words.ts";

const ROWS_SHOWN = 200;

function Part(props: { title: string; note?: string | undefined; children: ComponentChildren }): JSX.Element {
  return (
    <section class="how-part">
      <h2>{props.title}{props.note && <> <small>{props.note}</small></>}</h2>
      {props.children}
    </section>
  );
}

// ---- texts ----

// + and - stand before the lines: colour is not the only sign.
function Lines(props: { before: string; after: string; label: string }): JSX.Element {
  const parts = useMemo(() => diffLines(`${props.before}\n`, `${props.after}\n`), [props.before, props.after]);
  return (
    <pre class="code difference" tabIndex={0} aria-label={props.label}>
      <code>
        {parts.flatMap((part, i) =>
          part.value.replace(/\n$/, "").split("\n").map((line, j) => {
            const key = `${i} ${j}`;
            if (part.added) return <ins key={key}>+ {line}{"\n"}</ins>;
            if (part.removed) return <del key={key}>- {line}{"\n"}</del>;
            return <span key={key}>{"  "}{line}{"\n"}</span>;
          }),
        )}
      </code>
    </pre>
  );
}

function Texts(props: { a: Run; b: Run }): JSX.Element {
  const { a, b } = props;
  const plans = [a.plan, b.plan].map((plan) => (plan === null || plan === undefined ? "" : layOut(plan)));
  const sqls = [a.sql ?? "", b.sql ?? ""];
  const of = (title: string, [before, after]: string[]): JSX.Element | null =>
    before === "" && after === "" ? null
      : before === after ? <Part title={title}><p>The same in both.</p></Part>
      : before === "" || after === "" ? <Part title={title}><p>Only the {before === "" ? "second" : "first"} one has {title === "SQL" ? "SQL" : "a plan"}.</p></Part>
      : <Part title={title}><Lines before={before!} after={after!} label={`${title}, compared line by line`} /></Part>;
  return <>{of("Plan", plans)}{of("SQL", sqls)}</>;
}

// ---- rows ----

function countWords(d: Difference, a: Result, b: Result): string {
  const count = (kind: Change["kind"]): number => d.changes.filter((c) => c.kind === kind).length;
  const said = [
    count("changed") && `${plural(count("changed"), "row")} changed`,
    count("added") && `${count("added")} added`,
    count("gone") && `${count("gone")} gone`,
    d.same && `${d.same.toLocaleString("en-US")} the same`,
  ].filter(Boolean);
  const all = said.length > 0 ? said.join(", ") : "no rows";
  const order = d.moved && a.ordered && b.ordered ? "; the rows are in another order" : "";
  return `${all[0]!.toUpperCase()}${all.slice(1)}${order}.`;
}

const KINDS: Record<Change["kind"], [string, string]> = { added: ["+", "added"], gone: ["−", "gone"], changed: ["~", "changed"] };

const Value = (props: { cell: Json; show: Format["show"] }): JSX.Element =>
  props.cell === null ? <span class="null">null</span> : <>{props.show(props.cell)}</>;

function Cell(props: { change: Change; column: number; format: Format }): JSX.Element {
  const { change, column, format } = props;
  const right = format.right ? "number" : undefined;
  const [before, after] = [change.before?.[column] ?? null, change.after?.[column] ?? null];
  if (!change.cells[column]) return <td class={right}><Value cell={change.after ? after : before} show={format.show} /></td>;
  // What differs behind the digits that are shown elsewhere has all of them here.
  const show = format.show(before) === format.show(after) ? plainText : format.show;
  return <td class={right}><del><Value cell={before} show={show} /></del> <span class="sr-only">became</span> <ins><Value cell={after} show={show} /></ins></td>;
}

function Rows(props: { d: Difference }): JSX.Element {
  const { d } = props;
  const formats = useMemo(() => {
    const rows = d.changes.flatMap((c) => [c.before, c.after]).filter((row) => row !== null);
    return formatsOf({ columns: d.columns.map((c) => c.name), types: d.columns.map((c) => c.type), rows });
  }, [d]);
  return (
    <div class="table-box compared" tabIndex={0} role="region" aria-label="Rows that differ">
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="sr-only">What happened</span></th>
            {d.columns.map((c, i) => (
              <th scope="col" key={i} class={formats[i]!.right ? "number" : undefined}>
                {c.name}{c.kind !== "both" && <small> {c.kind === "added" ? "only in the second" : "only in the first"}</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {d.changes.slice(0, ROWS_SHOWN).map((change, i) => (
            <tr key={i} class={change.kind}>
              <td><span aria-hidden="true">{KINDS[change.kind][0]}</span><span class="sr-only">{KINDS[change.kind][1]}</span></td>
              {d.columns.map((_, c) => <Cell key={c} change={change} column={c} format={formats[c]!} />)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Results(props: { a: Run; b: Run }): JSX.Element {
  const [a, b] = [props.a.result, props.b.result];
  const d = useMemo(() => (a && b ? difference(a, b) : null), [a, b]);
  if (props.a.kind === "answer" || props.b.kind === "answer")
    return <p>The answer of a language model has no rows of its own. Compare the runs that it names.</p>;
  if (!a || !b || !d)
    return <p>{!a && !b ? "Neither has an answer." : `Only the ${a ? "first" : "second"} one has an answer.`}</p>;
  const unlike = d.columns.filter((c) => c.kind !== "both");
  if (d.changes.length === 0 && unlike.length === 0)
    return <p><strong>{d.moved && a.ordered && b.ordered ? "The same rows, in another order." : "The same answer."}</strong> {plural(b.row_count, "row")}.</p>;
  if (unlike.length === d.columns.length) return <p>The two answers have no column of the same name.</p>;
  return (
    <>
      <p>
        <strong>{countWords(d, a, b)}</strong>{" "}
        {d.by ? `Rows belong together by ${d.by.join(", ")}.` : "No column names the rows, so they are compared by their place."}
      </p>
      {unlike.length > 0 && <p>Not in both: {unlike.map((c) => `${c.name} (${c.kind === "added" ? "second" : "first"})`).join(", ")}.</p>}
      {d.changes.length > 0 && <Rows d={d} />}
      {d.changes.length > ROWS_SHOWN && <p class="note">The first {ROWS_SHOWN} of {d.changes.length.toLocaleString("en-US")} rows that differ.</p>}
      {(a.truncated || b.truncated) && <p class="note">Not all rows are there: an answer was cut at its limit.</p>}
    </>
  );
}

// ---- what is around them ----

function Times(props: { a: Run; b: Run }): JSX.Element | null {
  const [a, b] = [props.a, props.b].map((run) => new Map(Object.entries(run.timings ?? {})));
  const stages = [...STAGES, ["total", "in all"] as const].filter(([name]) => a!.has(name) || b!.has(name));
  if (stages.length === 0) return null;
  const show = (ms: number | undefined): string => (ms === undefined ? "–" : milliseconds(ms));
  const cached = [props.a, props.b].map((run) => run.cached_from);
  return (
    <Part title="Time">
      <table class="plain">
        <thead><tr><td /><th scope="col" class="number">first</th><th scope="col" class="number">second</th></tr></thead>
        <tbody>
          {stages.map(([name, words]) => (
            <tr key={name} class={name === "total" ? "sum" : undefined}>
              <th scope="row">{words}</th><td class="number">{show(a!.get(name))}</td><td class="number">{show(b!.get(name))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {cached.some(Boolean) && <p class="note">The {cached.every(Boolean) ? "answers of both are those" : `answer of the ${cached[0] ? "first" : "second"} is that`} of an earlier run, not computed again.</p>}
    </Part>
  );
}

function Data(props: { a: Run; b: Run }): JSX.Element {
  const { a, b } = props;
  if (a.dataset_id !== b.dataset_id) return <p><strong>Two datasets:</strong> {a.dataset_id ?? "none"} and {b.dataset_id ?? "none"}.</p>;
  const sums = new Map((a.tables ?? []).map((t) => [t.name, t.sha256]));
  const changed = (b.tables ?? []).filter((t) => sums.has(t.name) && sums.get(t.name) !== t.sha256).map((t) => t.name);
  return (
    <>
      <p>
        {a.dataset_version === b.dataset_version
          ? <>{a.dataset_id}, in the same version, <code class="hash">{a.dataset_version ?? "none"}</code>.</>
          : <><strong>{a.dataset_id}, in two versions:</strong> <code class="hash">{a.dataset_version ?? "none"}</code> and <code class="hash">{b.dataset_version ?? "none"}</code>.
            {changed.length > 0 && ` Other content: ${changed.join(", ")}.`}</>}
      </p>
      {a.as_of !== b.as_of && <p>“Now” is {a.as_of ?? "nothing"} in the first, {b.as_of ?? "nothing"} in the second.</p>}
    </>
  );
}

function Head(props: { run: Run; which: string }): JSX.Element {
  const { run } = props;
  return (
    <li>
      <span class="which">{props.which}</span>
      <a href={`/runs/${run.run_id}`}>{run.question?.trim() || (run.query_mode === "sql" ? "SQL, as it was given" : "A plan, as it was given")}</a>
      <p>{statusWords(run.status)} · {moment(run.created_at)}{run.error && <> · <span class="bad">{run.error.message}</span></>}</p>
    </li>
  );
}

export default function Compare(props: { a: string; b: string }): JSX.Element {
  const [runs, setRuns] = useState<[Run, Run] | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    Promise.all([api.getRun(props.a), api.getRun(props.b)]).then(setRuns, (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)));
  }, []);
  if (trouble) return <div class="notice bad" role="alert"><h1>These cannot be compared</h1><p>{trouble}</p><p><a href="/runs">To the runs</a></p></div>;
  if (!runs) return <p class="note">Loading…</p>;
  const [a, b] = runs;
  return (
    <div class="compare">
      <h1>Two runs compared</h1>
      <ol class="heads"><Head run={a} which="First" /><Head run={b} which="Second" /></ol>
      <Part title="Answer"><Results a={a} b={b} /></Part>
      <Texts a={a} b={b} />
      <Part title="Data"><Data a={a} b={b} /></Part>
      <Times a={a} b={b} />
      <p><a href={`/runs/${b.run_id}...${a.run_id}`}>The other way round</a></p>
    </div>
  );
}
