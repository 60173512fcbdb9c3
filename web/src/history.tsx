// The runs that were made, the newest first; the filters are in the address.
import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import * as api from "./api.ts";
import { Late } from "./parts.tsx";
import * as state from "./state.ts";
import type { RunState, RunStatus } from "./types.ts";
import { milliseconds, moment, plural, statusWords } from "./words.ts";

const STATUSES: RunStatus[] = ["succeeded", "failed", "rejected", "timed_out", "cancelled", "abstained", "running", "pending"];
const FILTERS = ["dataset_id", "status", "from", "to"] as const;
type Filter = (typeof FILTERS)[number];

// Days are the reader's own; `to` is within.
function dayAt(day: string | null, more: 0 | 1): string | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? "");
  if (!found) return null;
  const time = new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3]) + more);
  return Number.isNaN(time.getTime()) ? null : time.toISOString().replace(/\.\d+Z$/, "Z"); // whole seconds are what it takes
}

function askFor(search: string, before: string | null): URLSearchParams {
  const given = new URLSearchParams(search);
  const asked = new URLSearchParams({ limit: "50" });
  const set = (name: string, value: string | null): void => void (value && asked.set(name, value));
  set("dataset_id", given.get("dataset_id"));
  set("status", given.get("status"));
  set("since", dayAt(given.get("from"), 0));
  set("until", dayAt(given.get("to"), 1));
  set("before", before);
  return asked;
}

function Filters(props: { search: string }): JSX.Element {
  const given = new URLSearchParams(props.search);
  const change = (name: Filter, value: string): void => {
    const next = new URLSearchParams(props.search);
    if (value) next.set(name, value);
    else next.delete(name);
    state.setRoute({ view: "runs", search: next.toString() }, true);
  };
  const any = FILTERS.some((name) => given.get(name));
  return (
    <div class="filters" role="group" aria-label="Which runs">
      <label>Dataset{" "}
        <select value={given.get("dataset_id") ?? ""} onChange={(event) => change("dataset_id", event.currentTarget.value)}>
          <option value="">all</option>
          {(state.datasets.value ?? []).map((d) => <option key={d.id} value={d.id}>{d.name ?? d.id}</option>)}
        </select>
      </label>
      <label>State{" "}
        <select value={given.get("status") ?? ""} onChange={(event) => change("status", event.currentTarget.value)}>
          <option value="">all</option>
          {STATUSES.map((status) => <option key={status} value={status}>{statusWords(status)}</option>)}
        </select>
      </label>
      <label>From{" "}
        <input type="date" value={given.get("from") ?? ""} onChange={(event) => change("from", event.currentTarget.value)} />
      </label>
      <label>to{" "}
        <input type="date" value={given.get("to") ?? ""} onChange={(event) => change("to", event.currentTarget.value)} />
      </label>
      {any && <button type="button" class="quiet" onClick={() => state.setRoute({ view: "runs", search: "" }, true)}>Show all</button>}
    </div>
  );
}

const nameOf = (run: RunState): string =>
  run.question?.replace(/\s+/g, " ").trim() || (run.query_mode === "sql" ? "SQL, as it was given" : run.query_mode === "plan" ? "A plan, as it was given" : "A run");

function took(run: RunState): string | null {
  const ms = Date.parse(run.finished_at ?? "") - Date.parse(run.started_at ?? "");
  return Number.isNaN(ms) ? null : milliseconds(ms);
}

// Who planned it, where that says something; runs that repeat another one are named by that.
function plannerWords(planner: string | null): string | null {
  if (planner === null || ["none", "user", "builtin"].includes(planner)) return null;
  const again = /^(verify|rerun) /.exec(planner);
  return again ? (again[1] === "verify" ? "run again to verify" : "run again") : planner;
}

interface Choice {
  chosen: readonly string[];
  onChoose: (id: string, chosen: boolean) => void;
}

function Line(props: { run: RunState } & Choice): JSX.Element {
  const { run, chosen } = props;
  const mine = chosen.includes(run.run_id);
  const dataset = state.datasets.value?.find((d) => d.id === run.dataset_id);
  const bad = run.status === "failed" || run.status === "rejected" || run.status === "timed_out";
  const about = [
    moment(run.created_at), dataset?.name ?? run.dataset_id, plannerWords(run.planner), took(run),
  ].filter((words) => words !== null);
  return (
    <li class={mine ? "chosen" : undefined}>
      <input
        type="checkbox" checked={mine} disabled={!mine && chosen.length === 2} aria-label={`Compare: ${nameOf(run)}, ${moment(run.created_at)}`}
        onChange={(event) => props.onChoose(run.run_id, event.currentTarget.checked)}
      />
      <div>
        <a href={`/runs/${run.run_id}`}>{nameOf(run)}</a>
        <p>
          <span class={bad ? "bad" : undefined} data-state={run.status}>{statusWords(run.status)}</span>
          {about.map((words, i) => <span key={i}> · {words}</span>)}
        </p>
      </div>
    </li>
  );
}

// The older one first: what changed since.
function CompareBar(props: { chosen: readonly string[]; runs: readonly RunState[] }): JSX.Element {
  const [a, b] = [...props.chosen].sort((x, y) => props.runs.findIndex((r) => r.run_id === y) - props.runs.findIndex((r) => r.run_id === x));
  return (
    <p class="compare-bar" role="status">
      {a && b ? <a class="button" href={`/runs/${a}...${b}`}>Compare these two</a> : a ? "Choose another one to compare it with." : "Choose two runs to compare them."}
    </p>
  );
}

function List(props: { search: string }): JSX.Element {
  const [runs, setRuns] = useState<RunState[] | null>(null);
  const [more, setMore] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const wanted = useRef(0); // what is late, belongs to no list
  const load = async (before: string | null): Promise<void> => {
    const mine = ++wanted.current;
    setBusy(true);
    setTrouble(null);
    try {
      const page = await api.getRuns(askFor(props.search, before));
      if (mine !== wanted.current) return;
      const all = before ? [...(runs ?? []), ...page.runs] : page.runs;
      setRuns(all);
      setMore(page.next_before);
      state.say(`${plural(all.length, "run")}${page.next_before ? ", and there are older ones" : ""}`);
    } catch (error) {
      if (mine === wanted.current) setTrouble(error instanceof Error ? error.message : String(error));
    }
    if (mine === wanted.current) setBusy(false);
  };
  useEffect(() => {
    setChosen([]);
    void load(null);
  }, [props.search]);
  const choose = (id: string, yes: boolean): void => setChosen(yes ? [...chosen, id] : chosen.filter((other) => other !== id));
  return (
    <>
      {trouble && <div class="notice bad" role="alert"><p>{trouble}</p><p><button type="button" onClick={() => void load(null)}>Try again</button></p></div>}
      {runs === null && !trouble && <p class="note">Loading…</p>}
      {runs?.length === 0 && <p class="notice ask">{props.search ? "No run is like that." : "Nothing has been run yet."} <a href="/">Ask a question</a></p>}
      {runs !== null && runs.length > 0 && (
        <>
          <CompareBar chosen={chosen} runs={runs} />
          <ul class="runs" aria-busy={busy}>{runs.map((run) => <Line key={run.run_id} run={run} chosen={chosen} onChoose={choose} />)}</ul>
          {more && <p><button type="button" disabled={busy} onClick={() => void load(more)}>Older runs</button></p>}
        </>
      )}
    </>
  );
}

export function History(props: { search: string }): JSX.Element {
  return (
    <div class="history">
      <h1>Runs</h1>
      <Filters search={props.search} />
      <List search={props.search} />
    </div>
  );
}

const loadCompare = (): Promise<typeof import("./compare.tsx")> => import("./compare.tsx");

export const Comparing = (props: { a: string; b: string }): JSX.Element =>
  <Late key={`${props.a} ${props.b}`} load={loadCompare} a={props.a} b={props.b} />;
