// A plan or SQL of a run, changed and run again.
import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import * as api from "./api.ts";
import { runGiven } from "./chat.ts";
import { layOut } from "./code.tsx";
import type { Editor } from "./editor.ts";
import { busy, loadSchema, say } from "./state.ts";
import type { Fault, Told } from "./places.ts";
import type { Run } from "./types.ts";
import { plural, statusWords } from "./words.ts";

export type Part = "plan" | "sql";

interface Checked {
  text: string;
  faults: Fault[];
  unknown: string | null; // why it could not be checked
}

const toldOf = (error: unknown): Told | null => {
  if (!(error instanceof api.Problem) || error.body.status !== 422) return null;
  const { detail, position, pointer, faults } = error.body;
  return { message: detail, position, pointer, faults };
};

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function Outcome(props: { before: Run; after: Run }): JSX.Element {
  const { before, after } = props;
  return (
    <>
      {statusWords(after.status)}{after.result ? `, ${plural(after.result.row_count, "row")}` : ""}: the answer is below.
      {" "}<a href={`/runs/${before.run_id}...${after.run_id}`}>Compare it with this one</a>
    </>
  );
}

// What is said below the editor: the fault nearest to the beginning, or that there is none.
function Findings(props: { checked: Checked | null; text: string; lineOf: (at: number) => number; onGo: (at: number) => void }): JSX.Element {
  const { checked, text } = props;
  if (!checked || checked.text !== text) return <>Checking…</>;
  if (checked.unknown) return <>Not checked: {checked.unknown}</>;
  const first = checked.faults[0];
  if (!first) return <><span aria-hidden="true">✓</span> Allowed.</>;
  return (
    <>
      <button type="button" class="quiet place" onClick={() => props.onGo(first.from)}>Line {props.lineOf(first.from)}</button>{" "}
      <span class="bad">{first.message}</span>
      {checked.faults.length > 1 && ` And ${plural(checked.faults.length - 1, "more fault")}.`}
    </>
  );
}

export default function Edit(props: { run: Run; part: Part; onClose: () => void }): JSX.Element {
  const { run, part } = props;
  const isPlan = part === "plan";
  const given = isPlan ? layOut(run.plan ?? null) : (run.sql ?? "");
  const host = useRef<HTMLDivElement>(null);
  const runButton = useRef<HTMLButtonElement>(null);
  const editor = useRef<Editor | null>(null);
  const places = useRef<typeof import("./places.ts") | null>(null);
  const refused = useRef<{ text: string; told: Told } | null>(null); // what the last run was told
  const [text, setText] = useState(given);
  const [checked, setChecked] = useState<Checked | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [after, setAfter] = useState<Run | null>(null);

  const check = async (now: string): Promise<Fault[]> => {
    const { faultsOf, readJson } = places.current!;
    const read = isPlan ? readJson(now) : null;
    let faults: Fault[] = read && "fault" in read ? [read.fault] : [];
    let unknown: string | null = null;
    if (faults.length === 0) {
      try {
        if (isPlan) await api.compilePlan(now);
        else await api.checkSql(run.dataset_id!, now);
      } catch (error) {
        const told = toldOf(error);
        if (told) faults = faultsOf(now, isPlan, told);
        else unknown = words(error);
      }
    }
    if (faults.length === 0 && refused.current?.text === now) faults = faultsOf(now, isPlan, refused.current.told);
    faults.sort((a, b) => a.from - b.from);
    setChecked({ text: now, faults, unknown });
    return faults;
  };

  const runIt = async (): Promise<void> => {
    const now = editor.current?.text();
    if (now === undefined) return;
    if (busy.value) {
      say("An answer is still under way. Wait for it, or cancel it.");
      return;
    }
    const read = isPlan ? places.current!.readJson(now) : null;
    if (read && "fault" in read) {
      editor.current!.show(await check(now));
      say(read.fault.message);
      return;
    }
    setAfter(null);
    const made = await runGiven(run.dataset_id!, isPlan ? { plan: now } : { sql: now });
    if (!editor.current) return;
    setAfter(made);
    const { error } = made ?? {};
    if (!error || made!.status === "cancelled") return;
    refused.current = { text: now, told: error };
    if (editor.current.text() === now) editor.current.show(await check(now));
  };

  // What was changed is not lost by a key.
  const leave = (): void => {
    if (editor.current?.text() === given) props.onClose();
    else runButton.current?.focus();
  };

  useEffect(() => {
    let left = false;
    void (async () => {
      try {
        const [loaded, found, schema] = await Promise.all([import("./editor.ts"), import("./places.ts"), loadSchema(run.dataset_id!)]);
        if (left) return;
        places.current = found;
        editor.current = loaded.edit({
          parent: host.current!, text: given, isPlan, schema, check, changed: setText, leave, run: () => void runIt(),
          label: `${isPlan ? "Plan" : "SQL"}. Control and Enter runs it, Escape leaves`,
        });
        editor.current.focus();
      } catch (error) {
        if (!left) setTrouble(words(error));
      }
    })();
    return () => {
      left = true;
      editor.current?.end();
      editor.current = null;
    };
  }, []);

  return (
    <div class="edit">
      <div ref={host} class="edit-host" />
      {trouble && <p class="bad" role="alert">The editor could not be loaded: {trouble} Load the page anew.</p>}
      <p class="edit-said" role="status">
        {editor.current && <Findings checked={checked} text={text} lineOf={(at) => places.current!.lineOf(text, at)} onGo={(at) => editor.current?.focus(at)} />}
      </p>
      <div class="edit-row">
        <button type="button" class="primary" ref={runButton} disabled={busy.value || trouble !== null} onClick={() => void runIt()}>Run</button>
        <button type="button" onClick={props.onClose}>Close</button>
        <span class="note">Ctrl+Enter runs, Ctrl+Space proposes, Tab or Escape leaves.</span>
      </div>
      {after && <p role="status"><Outcome before={run} after={after} /></p>}
    </div>
  );
}
