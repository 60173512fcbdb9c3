// Where questions are written. Enter asks, Shift+Enter is a new line, the arrow keys bring back
// earlier questions, which this browser keeps.
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";
import { ask } from "./chat.ts";
import { busy, choose, dataset, datasetId, datasets, draft, planner, planners, say } from "./state.ts";

const KEPT = "askcsv.history";
const KEPT_MAX = 100;

function history(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
  } catch {
    return [];
  }
}

function keep(question: string): void {
  const kept = [...history().filter((text) => text !== question), question].slice(-KEPT_MAX);
  try {
    localStorage.setItem(KEPT, JSON.stringify(kept));
  } catch {
    // a browser that keeps nothing has no history
  }
}

// whole: with the choice of the dataset, where nothing else on the page has it.
export function AskBox(props: { onSchema: () => void; whole: boolean }): JSX.Element {
  const box = useRef<HTMLTextAreaElement>(null);
  const at = useRef(0); // how far back in the history; 0: what is being written
  const written = useRef("");
  const unavailable = dataset.value?.available === false;

  // Who asked with the keyboard goes on with it, also when this box takes the place of another.
  useEffect(() => {
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (props.whole && lost && matchMedia("(pointer: fine)").matches) box.current!.focus({ preventScroll: true });
  }, []);

  useEffect(() => {
    const shown = box.current!;
    shown.style.height = "auto";
    shown.style.height = `${Math.min(shown.scrollHeight + 2, 240)}px`;
  }, [draft.value]);

  const send = (): void => {
    const question = draft.value.trim();
    if (question === "") return;
    if (busy.value) {
      say("An answer is still under way. Wait for it, or cancel it.");
      return;
    }
    keep(question);
    at.current = 0;
    draft.value = "";
    ask(question);
  };

  // The arrows move within the text first: only from its first line upwards, from its last downwards.
  const browse = (by: 1 | -1): boolean => {
    const shown = box.current!;
    const before = shown.value.slice(0, shown.selectionStart);
    const behind = shown.value.slice(shown.selectionEnd);
    if (by > 0 ? before.includes("\n") : behind.includes("\n") || at.current === 0) return false;
    const kept = history();
    const next = at.current + by;
    if (next > kept.length) return false;
    if (at.current === 0) written.current = draft.value;
    at.current = next;
    draft.value = next === 0 ? written.current : kept[kept.length - next]!;
    return true;
  };

  const onKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      if (browse(event.key === "ArrowUp" ? 1 : -1)) event.preventDefault();
    }
  };

  return (
    <div class="ask">
      <div class="ask-box">
        <label class="sr-only" for="question">Your question</label>
        <textarea
          id="question" ref={box} rows={1} value={draft.value} autocomplete="off"
          placeholder={dataset.value ? `Ask about ${dataset.value.name ?? dataset.value.id}` : "Ask a question"}
          aria-describedby="ask-help"
          onInput={(event) => { draft.value = event.currentTarget.value; at.current = 0; }}
          onKeyDown={onKey}
        />
        <button type="button" class="primary" onClick={send} disabled={busy.value || !datasetId.value || unavailable}>Ask</button>
      </div>
      <div class="ask-below">
        {props.whole && <label>
          About{" "}
          <select value={datasetId.value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
            {(datasets.value ?? []).map((d) => (
              <option key={d.id} value={d.id} disabled={!d.available}>{d.name ?? d.id}{d.available ? "" : " (not there)"}</option>
            ))}
          </select>
        </label>}
        <button type="button" class="quiet" onClick={props.onSchema} disabled={!dataset.value}>What is in {props.whole ? "it" : (dataset.value?.name ?? "it")}?</button>
        {planners.value.length > 1 && (
          <label>
            Answered by{" "}
            <select value={planner.value ?? planners.value[0]} onChange={(event) => { planner.value = event.currentTarget.value; }}>
              {planners.value.map((name) => <option key={name} value={name}>{name === "builtin" ? "built-in planner" : name}</option>)}
            </select>
          </label>
        )}
        <span id="ask-help" class="help">Enter asks, Shift+Enter starts a new line</span>
      </div>
    </div>
  );
}
