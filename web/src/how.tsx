// "How was this answered?": everything that the record of the run says, in the order of its making.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import * as api from "./api.ts";
import { JsonText, layOut, Sql } from "./code.tsx";
import type { Part as EditPart } from "./edit.tsx";
import { CopyButton, Late } from "./parts.tsx";
import type { Run, Verification } from "./types.ts";
import { bytes, milliseconds, moment, plural, statusWords, verdictWords, wallWords } from "./words.ts";

function Part(props: { title: string; note?: string; end?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <section class="how-part">
      <h3>{props.title}{props.note && <small>{props.note}</small>}<span class="end">{props.end}</span></h3>
      {props.children}
    </section>
  );
}

// Plan and SQL are shown, or changed and run again; one of them at a time.
const loadEdit = (): Promise<typeof import("./edit.tsx")> => import("./edit.tsx");

// closed: the editor was, and who left it is back here.
function EditButton(props: { onEdit: () => void; what: string; closed: boolean }): JSX.Element {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (props.closed) button.current!.focus();
  }, []);
  return <button type="button" class="quiet" ref={button} onClick={props.onEdit}>Edit<span class="sr-only"> the {props.what}</span></button>;
}

export const STAGES: [string, string][] = [
  ["describe", "look at the data"], ["plan", "read the question"], ["load", "load the tables"],
  ["check", "check the query"], ["query", "run the query"], ["model", "language model"],
];

function Timings(props: { timings: Record<string, number> }): JSX.Element {
  const known = new Map(Object.entries(props.timings));
  const stages = STAGES.filter(([name]) => known.has(name));
  const total = known.get("total");
  return (
    <table class="plain">
      <tbody>
        {stages.map(([name, words]) => (
          <tr key={name}><th scope="row">{words}</th><td class="number">{milliseconds(known.get(name)!)}</td></tr>
        ))}
        {total !== undefined && (
          <tr class="sum"><th scope="row">in all</th><td class="number">{milliseconds(total)}</td></tr>
        )}
      </tbody>
    </table>
  );
}

function Walls(props: { walls: Record<string, boolean | number> }): JSX.Element {
  const all = Object.entries(props.walls);
  const down = all.filter(([, stands]) => !stands);
  return (
    <>
      <p>
        {down.length === 0
          ? `All ${all.length} walls of the sandbox stood while the query ran:`
          : `${down.length} of ${all.length} walls did not stand on this machine:`}
      </p>
      <ul class="walls">
        {all.map(([name, stands]) => (
          <li key={name} class={stands ? "" : "down"}>
            <span aria-hidden="true">{stands ? "✓" : "✗"}</span> {wallWords(name)}
            {!stands && <span class="sr-only"> (did not stand)</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

// What is verified: the run, or the language model's answer that rests on it.
function Verify(props: { id: string; isAnswer: boolean }): JSX.Element {
  const [state, setState] = useState<"idle" | "busy" | Verification | { failed: string }>("idle");
  const verify = async (): Promise<void> => {
    setState("busy");
    try {
      setState(await api.verifyRun(props.id));
    } catch (error) {
      setState({ failed: error instanceof Error ? error.message : String(error) });
    }
  };
  const verdict = typeof state === "object" && "verdict" in state ? verdictWords(state.verdict) : null;
  return (
    <div class="verify">
      <button type="button" onClick={() => void verify()} disabled={state === "busy"}>
        {state === "busy" ? "Verifying…" : "Verify"}
      </button>
      <p role="status">
        {state === "idle" && (props.isAnswer
          ? "Checks the record of the language model's answer, and those of the runs that it names."
          : "Checks the record's hashes, runs the query again on the same data, and compares the answers.")}
        {verdict && <strong class={verdict.good ? "good" : "bad"}>{verdict.good && props.isAnswer ? ANSWER_INTACT : verdict.words}</strong>}
        {typeof state === "object" && "verdict" in state && !verdict?.good && <> {state.message}</>}
        {typeof state === "object" && "failed" in state && <span class="bad">Not verified: {state.failed}</span>}
      </p>
    </div>
  );
}

const ANSWER_INTACT = "Confirmed. The record of the answer is intact, and so are those of the runs that it names.";

const Hash = (props: { hash: string | null | undefined }): JSX.Element =>
  props.hash ? <code class="hash">{props.hash}</code> : <span class="null">none</span>;

function Data(props: { run: Run }): JSX.Element {
  const { run } = props;
  return (
    <>
      <p>
        {run.dataset_id ?? "no dataset"}{run.as_of && <>, where “now” is {run.as_of.replace("T", " ").replace("Z", " UTC")}</>}.
        {" "}Version <Hash hash={run.dataset_version} />
      </p>
      {run.tables && run.tables.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Files that were read">
          <table class="plain">
            <thead><tr><th scope="col">table</th><th scope="col" class="number">rows</th><th scope="col" class="number">size</th><th scope="col">SHA-256</th></tr></thead>
            <tbody>
              {run.tables.map((t) => (
                <tr key={t.name}>
                  <th scope="row">{t.name}</th>
                  <td class="number">{(t.rows ?? 0).toLocaleString("en-US")}</td>
                  <td class="number">{bytes(t.bytes ?? 0)}</td>
                  <td><code class="hash" title={t.sha256}>{(t.sha256 ?? "").slice(0, 16)}…</code></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function limitsOf(run: Run): string {
  const limits = new Map(Object.entries(run.limits ?? {}));
  const said = [
    limits.has("timeout_ms") && milliseconds(limits.get("timeout_ms")!),
    limits.has("max_rows") && plural(limits.get("max_rows")!, "row"),
    limits.has("memory_mb") && `${limits.get("memory_mb")!.toLocaleString("en-US")} MB of memory`,
    limits.has("max_output_bytes") && `${bytes(limits.get("max_output_bytes")!)} of output`,
  ];
  return `At most ${said.filter(Boolean).join(", ")}.`;
}

function madeBy(run: Run): string {
  if (run.query_mode === "sql" && (run.planner === "none" || run.planner === "user")) return "The SQL was given.";
  if (run.planner === "builtin") return "Planned by the built-in planner.";
  if (run.planner === "none" || run.planner === "user") return "The plan was given.";
  return run.planner ? `Planned by ${run.planner}.` : "";
}

export function How(props: { run: Run; answerId?: string | undefined }): JSX.Element {
  const { run } = props;
  const [open, setOpen] = useState(false);
  const [edited, setEdited] = useState<EditPart | null>(null);
  const [closed, setClosed] = useState<EditPart | null>(null);
  const close = (): void => {
    setClosed(edited);
    setEdited(null);
  };
  const edit = (part: EditPart): JSX.Element | null =>
    run.dataset_id !== null && edited === null
      ? <EditButton what={part === "sql" ? "SQL" : part} closed={closed === part} onEdit={() => setEdited(part)} /> : null;
  const fault = run.error?.position ? { position: run.error.position, message: run.error.message } : null;
  const walls = run.sandbox?.walls;
  return (
    <details class="how" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{run.status === "succeeded" ? "How was this answered?" : "What was done?"}</summary>
      {open && (
        <div class="how-body">
          {run.reading && (
            <Part title="Reading" note={madeBy(run)}>
              <p>{run.reading.sentence}</p>
              {run.reading.assumptions?.length ? <ul>{run.reading.assumptions.map((text) => <li key={text}>{text}</li>)}</ul> : null}
            </Part>
          )}
          {run.plan !== null && run.plan !== undefined && (
            <Part title="Plan" end={<>{edit("plan")}<CopyButton label="Copy" text={() => layOut(run.plan!)} /></>}>
              {edited === "plan" ? <Late load={loadEdit} run={run} part="plan" onClose={close} /> : <JsonText json={run.plan} label="Plan" />}
            </Part>
          )}
          {run.sql && (
            <Part title="SQL" note={run.reading ? "made from the plan" : madeBy(run)} end={<>{edit("sql")}<CopyButton label="Copy" text={() => run.sql!} /></>}>
              {edited === "sql" ? <Late load={loadEdit} run={run} part="sql" onClose={close} /> : <Sql sql={run.sql} fault={fault} />}
            </Part>
          )}
          <Part title="Data"><Data run={run} /></Part>
          {run.timings && <Part title="Time"><Timings timings={run.timings} /></Part>}
          <Part title="Limits"><p>{limitsOf(run)}{run.cached_from && <> The answer is that of <a href={`/runs/${run.cached_from}`}>an earlier run</a>, not computed again.</>}</p></Part>
          {walls && <Part title="Walls"><Walls walls={walls} /></Part>}
          <Part title="Record">
            <dl class="record">
              <dt>state</dt><dd>{statusWords(run.status)}, {moment(run.finished_at ?? run.created_at)}</dd>
              <dt>run</dt><dd><code class="hash">{run.run_id}</code></dd>
              {run.engine && <><dt>engine</dt><dd>{run.engine.name} {run.engine.version}{run.executor && `, ${run.executor}`}</dd></>}
              <dt>result</dt><dd><Hash hash={run.result_hash} /></dd>
              <dt>record</dt><dd><Hash hash={run.capsule_hash} /></dd>
              <dt>record before</dt><dd><Hash hash={run.prev_hash} /></dd>
            </dl>
            {run.capsule_hash && <Verify id={props.answerId ?? run.run_id} isAnswer={props.answerId !== undefined} />}
          </Part>
        </div>
      )}
    </details>
  );
}
