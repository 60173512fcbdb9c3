// The page as a whole: conversations on the left, one column of questions and answers.
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import * as api from "./api.ts";
import { Answer } from "./answer.tsx";
import { AskBox } from "./askbox.tsx";
import { ask, newConversation, openRun, openThread } from "./chat.ts";
import { link, nextTryAt, tryNow } from "./connection.ts";
import { Comparing, History } from "./history.tsx";
import { Dialog } from "./parts.tsx";
import { SchemaDrawer } from "./schema.tsx";
import * as state from "./state.ts";
import type { Dataset, Thread } from "./types.ts";
import { bytes, moment, plural } from "./words.ts";

// ---- ways through the page ----

function show(to: state.Route, replace = false): void {
  state.setRoute(to, replace);
  if (to.view === "thread") void openThread(to.id);
  else if (to.view === "run") void openRun(to.id);
  else newConversation();
}

// Links of the page's own do not load it anew.
function onClick(event: MouseEvent): void {
  const to = (event.target as Element).closest?.("a[href]");
  if (!to || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const path = to.getAttribute("href")!;
  if (path !== "/" && !/^\/runs$|^\/(runs|threads)\/[^/]+$/.test(path)) return;
  event.preventDefault();
  show(state.routeOf(path));
  document.getElementById("main")?.focus();
  scrollTo(0, 0);
}

export async function start(): Promise<void> {
  addEventListener("popstate", () => show(state.routeOf(location.pathname + location.search), true));
  document.addEventListener("click", onClick);
  if (state.route.value.view !== "ask") show(state.route.value, true);
  try {
    await state.loadDatasets();
    void state.loadThreads();
    const known = await api.getPlanners();
    // The server's own choice first.
    state.planners.value = [known.default, ...known.available.filter((name) => name !== known.default)];
  } catch (error) {
    state.trouble.value = error instanceof Error ? error.message : String(error);
  }
}

// What may have changed while the server was away.
effect(() => {
  if (link.value !== "back") return;
  void state.loadDatasets().catch(() => undefined);
  void state.loadThreads();
});

// ---- views ----

function Connection(): JSX.Element | null {
  const [now, setNow] = useState(Date.now());
  const gone = link.value === "gone";
  useEffect(() => {
    if (!gone) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [gone]);
  const seconds = Math.max(0, Math.ceil((nextTryAt.value - now) / 1000));
  return (
    <div class={`connection ${link.value}`} role="status">
      {gone && (
        <>
          <span>The server does not answer. {seconds > 0 ? <span aria-hidden="true">Trying again in {seconds} s.</span> : <span aria-hidden="true">Trying again…</span>}</span>
          <button type="button" onClick={tryNow}>Try now</button>
        </>
      )}
      {link.value === "back" && <span>The server is back.</span>}
    </div>
  );
}

function KeyPrompt(): JSX.Element | null {
  const asked = api.keyAsked.value;
  const [text, setText] = useState("");
  if (!asked) return null;
  const give = (): void => {
    if (text.trim()) api.giveKey(text.trim());
    setText("");
  };
  return (
    <Dialog label="A key is needed" class="key" onClose={() => api.keyAsked.value && api.giveKey(null)}>
      <h2>This server wants a key</h2>
      <p>
        {asked.again ? "The server did not take that key. " : ""}
        Whoever runs the server makes one with <code>askcsv keys add NAME</code>. It is kept until you close this tab.
      </p>
      <label for="key">Key</label>
      <input
        id="key" type="password" autocomplete="off" spellcheck={false} value={text} autofocus
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && give()}
      />
      <div class="row">
        <button type="button" class="primary" onClick={give} disabled={!text.trim()}>Use this key</button>
      </div>
    </Dialog>
  );
}

function Threads(props: { open: boolean; onChoose: () => void }): JSX.Element {
  const list = state.threads.value;
  return (
    <nav class={props.open ? "threads open" : "threads"} id="threads" aria-label="Conversations">
      <a class="new" href="/" onClick={props.onChoose}>New question</a>
      <a class="all-runs" href="/runs" aria-current={state.route.value.view === "runs" ? "page" : undefined} onClick={props.onChoose}>All runs</a>
      {list.length > 0 && (
        <ul>
          {list.map((t) => (
            <li key={t.thread_id}>
              <a
                href={`/threads/${t.thread_id}`} title={`${t.title}\n${moment(t.updated_at)}`}
                aria-current={t.thread_id === state.threadId.value ? "page" : undefined} onClick={props.onChoose}
              >
                {t.title || "Untitled"}
              </a>
            </li>
          ))}
        </ul>
      )}
      {api.keyGiven.value !== null && <p><button type="button" class="quiet" onClick={api.forgetKey}>Forget the key</button></p>}
      {state.threadsMore.value && <button type="button" class="quiet" onClick={() => void state.loadThreads(true)}>Older conversations</button>}
    </nav>
  );
}

function ThreadHead(): JSX.Element | null {
  const id = state.threadId.value;
  const thread: Thread | undefined = state.threads.value.find((t) => t.thread_id === id) ?? state.thread.value ?? undefined;
  const [mode, setMode] = useState<"show" | "rename" | "delete">("show");
  const [title, setTitle] = useState("");
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => setMode("show"), [id]);
  if (state.turns.value.length === 0 || state.route.value.view === "run") return null;
  if (!id || !thread) return <div class="thread-head" />;
  // The title is the first question's beginning, until somebody gives another one.
  const first = (state.turns.value[0]?.question ?? "").replace(/\s+/g, " ");
  const same = first.startsWith(thread.title.replace(/…$/, "").replace(/\s+/g, " ").trimEnd());
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      setTrouble(null);
      await work();
      setMode("show");
      await state.loadThreads();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  const rename = (): Promise<void> =>
    attempt(async () => {
      if (title.trim()) state.thread.value = await api.renameThread(id, title.trim());
    });
  const remove = (): Promise<void> =>
    attempt(async () => {
      await api.deleteThread(id);
      show({ view: "ask" });
    });
  return (
    <div class="thread-head">
      {mode === "rename" ? (
        <>
          <label class="sr-only" for="title">Title</label>
          <input
            id="title" value={title} maxLength={200} autofocus onInput={(event) => setTitle(event.currentTarget.value)}
            onKeyDown={(event) => { if (event.key === "Enter") void rename(); if (event.key === "Escape") setMode("show"); }}
          />
          <button type="button" onClick={() => void rename()}>Save</button>
          <button type="button" class="quiet" onClick={() => setMode("show")}>Keep as it was</button>
        </>
      ) : mode === "delete" ? (
        <>
          <span>Delete this conversation? The records of its runs stay.</span>
          <button type="button" class="danger" onClick={() => void remove()}>Delete</button>
          <button type="button" class="quiet" onClick={() => setMode("show")} autofocus>Keep it</button>
        </>
      ) : (
        <>
          <h1 class={same ? "same" : undefined}>{thread.title || "Untitled"}</h1>
          <button type="button" class="quiet" onClick={() => { setTitle(thread.title); setMode("rename"); }}>Rename</button>
          <button type="button" class="quiet" onClick={() => setMode("delete")}>Delete</button>
        </>
      )}
      {trouble && <p class="bad" role="alert">{trouble}</p>}
    </div>
  );
}

function DatasetChoice(props: { dataset: Dataset }): JSX.Element {
  const d = props.dataset;
  const chosen = d.id === state.datasetId.value;
  return (
    <label class={chosen ? "dataset chosen" : "dataset"}>
      <input type="radio" name="dataset" value={d.id} checked={chosen} disabled={!d.available} onChange={() => state.choose(d.id)} />
      <span>
        <strong>{d.name ?? d.id}</strong> <small>{plural(d.tables.length, "table")}: {d.tables.join(", ")}{d.bytes !== null && `; ${bytes(d.bytes)}`}{d.version && <>; version <code class="hash" title={d.version}>{d.version.slice(0, 8)}</code></>}</small>
        <span class="about">{d.available ? d.description : `Not there: ${d.unavailable_because ?? "its files are missing"}`}</span>
      </span>
    </label>
  );
}

function Welcome(props: { onSchema: () => void }): JSX.Element {
  const list = state.datasets.value;
  const prompts = state.dataset.value?.prompts ?? [];
  return (
    <div class="welcome">
      <h1>Ask your tables</h1>
      <p>Write a question in plain words. Each answer is a table that you can check: the query behind it, the data it was run on, and whether it comes out the same again.</p>
      {list === null && !state.trouble.value && <p class="note">Loading the datasets…</p>}
      {list?.length === 0 && <p class="notice ask">This server has no dataset yet. Register one, then load this page anew.</p>}
      {list !== null && list.length > 0 && (
        <fieldset class="datasets">
          <legend>Dataset</legend>
          <div class="dataset-list">{list.map((d) => <DatasetChoice key={d.id} dataset={d} />)}</div>
        </fieldset>
      )}
      <AskBox onSchema={props.onSchema} whole={false} />
      {prompts.length > 0 && state.dataset.value?.available && (
        <section aria-labelledby="prompts">
          <h2 id="prompts">You could ask</h2>
          <ul class="choices">
            {prompts.map((p) => (
              <li key={p.id}><button type="button" disabled={state.busy.value} onClick={() => ask(p.text)}>{p.text}</button></li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

// The newest question comes into sight when it is asked; answers do not move what is being read.
function useScrollToNewest(): { current: HTMLDivElement | null } {
  const end = useRef<HTMLDivElement>(null);
  const n = state.turns.value.length;
  const before = useRef(n);
  useEffect(() => {
    if (n === before.current + 1 && n > 1) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      end.current?.lastElementChild?.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    }
    before.current = n;
  }, [n]);
  return end;
}

function Conversation(): JSX.Element {
  const list = useScrollToNewest();
  const isRun = state.route.value.view === "run";
  return (
    <>
      {isRun && <p class="note">One answer, as it was recorded. <a href="/">Ask a question of your own</a></p>}
      <div ref={list}>{state.turns.value.map((turn) => <Answer key={turn.key} turn={turn} />)}</div>
    </>
  );
}

export function App(): JSX.Element {
  const [schemaOpen, setSchemaOpen] = useState(false);
  const [threadsOpen, setThreadsOpen] = useState(false);
  const view = state.route.value.view;
  const empty = state.turns.value.length === 0;
  const welcome = empty && view === "ask";
  const asks = view === "ask" || view === "thread";
  const openSchema = (): void => setSchemaOpen(true);
  useEffect(() => {
    const first = state.turns.value[0]?.question;
    if (view === "runs" || view === "compare") document.title = `${view === "runs" ? "Runs" : "Two runs compared"} · askcsv`;
    else document.title = first ? `${first.slice(0, 60)} · askcsv` : "askcsv";
  });
  return (
    <>
      <a class="skip" href={asks ? "#question" : "#main"}>{asks ? "To the question" : "To the answer"}</a>
      <header class="top">
        <a class="brand" href="/">askcsv</a>
        <button type="button" class="quiet menu" aria-expanded={threadsOpen} aria-controls="threads" onClick={() => setThreadsOpen(!threadsOpen)}>Conversations</button>
      </header>
      <Connection />
      <div class="columns-of-page">
        <Threads open={threadsOpen} onChoose={() => setThreadsOpen(false)} />
        <main id="main" tabIndex={-1}>
          <ThreadHead />
          {state.trouble.value && <div class="notice bad" role="alert"><h2>This could not be loaded</h2><p>{state.trouble.value}</p><p><a href="/">Ask a question</a></p></div>}
          {welcome && <Welcome onSchema={openSchema} />}
          {!empty && <Conversation />}
          {state.route.value.view === "runs" && <History search={state.route.value.search} />}
          {state.route.value.view === "compare" && <Comparing a={state.route.value.a} b={state.route.value.b} />}
          {asks && !welcome && <AskBox onSchema={openSchema} whole />}
        </main>
      </div>
      <div class="sr-only" role="status" aria-live="polite" id="said">{state.said.value}</div>
      {schemaOpen && state.dataset.value && <SchemaDrawer dataset={state.dataset.value} onClose={() => setSchemaOpen(false)} />}
      <KeyPrompt />
    </>
  );
}
