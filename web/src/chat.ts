// Asking, and following the answer through lost connections.
import { batch } from "@preact/signals";
import * as api from "./api.ts";
import { isBack, lost } from "./connection.ts";
import { EventReader } from "./sse.ts";
import * as state from "./state.ts";
import { applyEvent, isUnderWay, newTurn, stateWords, withRun, type Turn } from "./turn.ts";
import type { Grounding, Json, Message, Run, StoredMessage } from "./types.ts";
import { plural, statusWords } from "./words.ts";

const POLL_MS = 400;

let keys = 0;
const followed = new Map<number, AbortController>(); // by the turn's key
let opened = 0; // grows with each conversation or run that is opened: what is late, belongs to none
let after: string | null = null; // the run that the next message goes on from, if no message did

const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));
const turnOf = (key: number): Turn | undefined => state.turns.value.find((turn) => turn.key === key);

function change(key: number, how: (turn: Turn) => Turn): void {
  const before = turnOf(key);
  state.setTurn(key, how);
  const now = turnOf(key);
  if (!before || !now) return;
  if (now.run && now.run !== before.run) state.noteSizes(now.run);
  const words = stateWords(now);
  if (words && words !== stateWords(before)) state.say(words);
}

function addTurn(question: string, datasetId: string): number {
  const key = ++keys;
  state.turns.value = [...state.turns.value, newTurn(key, question, datasetId, Date.now())];
  state.say("Asked");
  return key;
}

function fail(key: number, error: unknown): void {
  const body =
    error instanceof api.Problem
      ? error.body
      : { title: "Error", status: 0, error: "PAGE", detail: error instanceof Error ? error.message : String(error) };
  change(key, (turn) => ({ ...turn, phase: "ended", status: "failed", problem: body }));
}

// ---- the stream ----

interface Stream {
  id: string | null;
  last: string;
}

// The stream that is under way, so that it can be gone on with when the page was loaded anew.
const STREAM = "askcsv.stream";

function noteStream(threadId: string | null, streamId: string | null): void {
  try {
    if (threadId && streamId) sessionStorage.setItem(STREAM, JSON.stringify([threadId, streamId]));
    else sessionStorage.removeItem(STREAM);
  } catch {
    // then it cannot
  }
}

function notedStream(threadId: string): string | null {
  try {
    const noted: unknown = JSON.parse(sessionStorage.getItem(STREAM) ?? "null");
    return Array.isArray(noted) && noted[0] === threadId ? String(noted[1]) : null;
  } catch {
    return null;
  }
}

// Until the stream's end; false when it broke off.
async function readStream(key: number, response: Response, stream: Stream): Promise<boolean> {
  stream.id = response.headers.get("X-Stream-Id") ?? stream.id;
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return turnOf(key)?.phase === "ended";
      for (const event of events.feed(value)) {
        stream.last = event.id;
        change(key, (turn) => applyEvent(turn, event));
        onThread(key, stream);
      }
    }
  } catch {
    if (turnOf(key)?.phase !== "ended" && !followed.get(key)?.signal.aborted) lost();
    return turnOf(key)?.phase === "ended";
  }
}

// The conversation has an address from now on.
function onThread(key: number, stream: Stream): void {
  const turn = turnOf(key);
  if (!turn?.threadId) return;
  noteStream(turn.threadId, isUnderWay(turn) ? stream.id : null);
  if (state.threadId.value === turn.threadId) return;
  batch(() => {
    state.threadId.value = turn.threadId;
    if (state.route.value.view !== "run") state.setRoute({ view: "thread", id: turn.threadId! }, true);
  });
}

// A stream that the server does not know any more: what was kept tells how it went.
async function recover(key: number): Promise<void> {
  const turn = turnOf(key);
  const runId = turn?.runIds.at(-1);
  if (runId) {
    await followRun(key, runId);
    change(key, (t) => (t.text || !t.run ? t : { ...t, text: wordsOf(t.run) }));
  } else {
    change(key, (t) => ({ ...t, phase: "ended", status: "lost" }));
  }
}

// Asks, or goes on with a stream that was noted.
async function follow(key: number, ask: ((signal: AbortSignal) => Promise<Response>) | string): Promise<void> {
  const stop = new AbortController();
  followed.set(key, stop);
  const stream: Stream = { id: typeof ask === "string" ? ask : null, last: "0" };
  const resume = (signal: AbortSignal): Promise<Response> =>
    api.request(`/v1/chat/stream/${stream.id}`, { headers: { "Last-Event-ID": stream.last }, signal });
  let next = typeof ask === "string" ? resume : ask;
  for (;;) {
    try {
      if (await readStream(key, await next(stop.signal), stream)) return;
    } catch (error) {
      if (stop.signal.aborted) return;
      const forgotten = error instanceof api.Problem && error.body.status === 404 && next !== ask;
      if (forgotten) return recover(key);
      if (!(error instanceof api.Gone)) throw error;
    }
    await isBack();
    if (stop.signal.aborted) return;
    if (stream.id) next = resume;
  }
}

// ---- runs ----

async function followRun(key: number, runId: string): Promise<void> {
  for (;;) {
    const now = await api.getRunState(runId);
    if (now.status !== "pending" && now.status !== "running") break;
    change(key, (turn) => ({
      ...turn,
      phase: now.status === "running" ? "running" : "pending",
      position: now.queue?.position ?? 0,
    }));
    await pause(POLL_MS);
  }
  const run = await api.getRun(runId);
  change(key, (turn) => withRun(turn, run));
}

// While it waits its place in the queue is asked for; the stream only tells the first.
async function followQueue(key: number): Promise<void> {
  for (;;) {
    await pause(POLL_MS);
    const turn = turnOf(key);
    if (!turn || !isUnderWay(turn)) return;
    const runId = turn.runIds.at(-1);
    if (turn.phase !== "pending" || !runId || Date.now() - turn.startedAt < 1000) continue;
    try {
      const now = await api.getRunState(runId);
      change(key, (t) => (t.phase === "pending" ? { ...t, position: now.queue?.position ?? 0 } : t));
    } catch {
      return;
    }
  }
}

export function wordsOf(run: Run): string {
  if (run.answer?.text) return run.answer.text;
  if (run.result) return [run.reading?.sentence, `${plural(run.result.row_count, "row")}.`].filter(Boolean).join(" ");
  return run.abstention?.message ?? run.error?.message ?? statusWords(run.status);
}

// ---- what people do ----

async function finish(key: number): Promise<void> {
  const turn = turnOf(key);
  if (turn?.shownRunId && !turn.run) {
    try {
      const run = await api.getRun(turn.shownRunId);
      change(key, (t) => withRun(t, run));
    } catch {
      // what the stream told is shown
    }
  }
  const now = turnOf(key);
  if (!now) return;
  const rows = now.result ? `. ${plural(now.result.row_count, "row")}` : "";
  state.say(`${statusWords(now.status ?? "")}${rows}`);
  void state.loadThreads();
}

async function guard(key: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    fail(key, error);
  }
  followed.delete(key);
  await finish(key);
}

export function ask(question: string): void {
  const datasetId = state.datasetId.value;
  if (!datasetId || state.busy.value) return;
  if (state.route.value.view === "run") {
    newConversation();
    state.setRoute({ view: "ask" });
  }
  const key = addTurn(question, datasetId);
  const body = {
    dataset_id: datasetId,
    message: question,
    ...(state.threadId.value ? { thread_id: state.threadId.value } : {}),
    ...(after ? { after } : {}),
    ...(state.planner.value ? { planner: state.planner.value } : {}),
  };
  after = null;
  void followQueue(key);
  void guard(key, () =>
    follow(key, (signal) => api.request("/v1/chat/stream", { method: "POST", body, signal })),
  );
}

async function run(key: number, datasetId: string, given: api.Given): Promise<void> {
  const mine = opened;
  const started = await api.startRun(datasetId, given);
  change(key, (turn) => ({ ...turn, phase: "pending", runIds: [started.run_id], shownRunId: started.run_id }));
  if (state.route.value.view === "run" && opened === mine) state.setRoute({ view: "run", id: started.run_id });
  await followRun(key, started.run_id);
  change(key, (turn) => (turn.run ? { ...turn, text: wordsOf(turn.run) } : turn));
  if (turnOf(key)?.status === "succeeded" && "plan" in given) after = started.run_id;
}

// One of the readings that the server offered.
export function askPlan(words: string, datasetId: string, plan: Json): void {
  if (state.busy.value) return;
  const key = addTurn(words, datasetId);
  void guard(key, () => run(key, datasetId, { plan: JSON.stringify(plan) }));
}

// A plan or SQL that was written on the page: an answer of its own. Gives its run, if it became one.
export async function runGiven(datasetId: string, given: api.Given): Promise<Run | null> {
  if (state.busy.value) return null;
  const key = addTurn("plan" in given ? `PLAN: ${given.plan}` : `SQL: ${given.sql}`, datasetId);
  await guard(key, () => run(key, datasetId, given));
  return turnOf(key)?.run ?? null;
}

export async function cancel(turn: Turn): Promise<void> {
  const runId = turn.runIds.at(-1);
  const isModels = (state.planner.value ?? state.planners.value[0] ?? "builtin") !== "builtin";
  try {
    if (runId && turn.phase !== "answering") await api.cancelRun(runId);
  } catch {
    // it has just ended
  }
  // A model would go on with another query; a stream that nobody follows is stopped by the server.
  if (!runId || isModels || turn.phase === "answering") {
    followed.get(turn.key)?.abort();
    change(turn.key, (t) => (isUnderWay(t) ? { ...t, phase: "ended", status: "cancelled" } : t));
  }
}

export function newConversation(): void {
  for (const stop of followed.values()) stop.abort();
  followed.clear();
  opened++;
  after = null;
  batch(() => {
    state.turns.value = [];
    state.threadId.value = null;
    state.thread.value = null;
    state.trouble.value = null;
  });
}

// ---- conversations that were kept ----

function keptTurn(question: StoredMessage | null, answer: StoredMessage): Turn {
  const turn = newTurn(++keys, question?.text ?? "", state.datasetId.value, Date.parse(answer.created_at));
  return {
    ...turn,
    phase: "ended",
    status: answer.meta.status ?? "answered",
    text: answer.text,
    message: { ...answer, ...answer.meta },
    runIds: answer.run_ids,
    shownRunId: answer.run_ids.at(-1) ?? null,
  };
}

function turnsOf(messages: StoredMessage[]): Turn[] {
  const made: Turn[] = [];
  let question: StoredMessage | null = null;
  for (const message of messages) {
    if (message.role === "user") {
      if (question) made.push(unanswered(question));
      question = message;
    } else {
      made.push(keptTurn(question, message));
      question = null;
    }
  }
  if (question) made.push(unanswered(question));
  return made;
}

const unanswered = (question: StoredMessage): Turn => ({
  ...newTurn(++keys, question.text, state.datasetId.value, Date.parse(question.created_at)),
  phase: "ended",
  status: "lost",
});

// The runs of the answers; what a run was asked of is what the next question is of.
async function loadRuns(made: Turn[]): Promise<void> {
  for (const turn of [...made].reverse()) {
    for (const id of [...turn.runIds].reverse()) {
      try {
        const run = await api.getRun(id);
        change(turn.key, (t) => withRun(t, run));
        if (turn === made.at(-1) && run.dataset_id) state.choose(run.dataset_id);
        if (run.status === "succeeded") break;
      } catch {
        // a run that was forgotten: the words stay
      }
    }
  }
}

export async function openThread(id: string): Promise<void> {
  newConversation();
  const mine = opened;
  state.threadId.value = id;
  try {
    const [thread, messages] = await Promise.all([api.getThread(id), api.getMessages(id)]);
    if (opened !== mine) return;
    const made = turnsOf(messages);
    const stream = notedStream(id);
    const open = made.at(-1);
    if (stream && open?.status === "lost") made[made.length - 1] = { ...open, phase: "sending", status: null };
    batch(() => {
      state.thread.value = thread;
      state.turns.value = made;
    });
    if (stream && open?.status === "lost") void guard(open.key, () => follow(open.key, stream));
    await loadRuns(made);
  } catch (error) {
    if (opened !== mine) return;
    state.threadId.value = null;
    state.trouble.value = error instanceof Error ? error.message : String(error);
  }
}

// A language model's words, with the run that they show: the last that succeeded, else the last.
async function openAnswer(turn: Turn, answer: Run): Promise<void> {
  const runIds = (answer.runs ?? []).map((r) => r.run_id);
  const message: Message = {
    id: answer.run_id, role: "assistant", text: wordsOf(answer), run_ids: runIds, answer_id: answer.run_id,
    ...(answer.planner ? { planner: answer.planner } : {}),
    ...(isGrounding(answer.answer?.grounding) ? { grounding: answer.answer.grounding } : {}),
  };
  const words = { ...turn, phase: "ended" as const, status: answer.status, text: message.text, message, runIds };
  state.turns.value = [runIds.length > 0 ? words : { ...withRun(words, answer), text: message.text }];
  await loadRuns([words]);
}

const isGrounding = (json: unknown): json is Grounding =>
  typeof json === "object" && json !== null && "numbers" in json && Array.isArray(json.numbers);

export async function openRun(id: string): Promise<void> {
  newConversation();
  const mine = opened;
  try {
    const run = await api.getRun(id);
    if (opened !== mine) return;
    const key = ++keys;
    const turn = newTurn(key, run.question ?? "", run.dataset_id, Date.parse(run.created_at));
    if (run.dataset_id) state.datasetId.value = run.dataset_id;
    if (run.kind === "answer") return await openAnswer(turn, run);
    state.turns.value = [{ ...withRun(turn, run), runIds: [id], text: wordsOf(run) }];
    state.noteSizes(run);
    if (isUnderWay(turnOf(key)!)) await followRun(key, id);
  } catch (error) {
    if (opened !== mine) return;
    state.trouble.value = error instanceof Error ? error.message : String(error);
  }
}
