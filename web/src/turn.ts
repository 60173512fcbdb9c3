// A question and what becomes of it, as far as the server has told. Pure: events in, states out.
import type { StreamEvent } from "./sse.ts";
import type { Json, Message, ProblemBody, Reading, Result, Run, RunError } from "./types.ts";

export type Phase = "sending" | "pending" | "running" | "answering" | "ended";

export interface Turn {
  readonly key: number;
  readonly question: string;
  readonly datasetId: string | null;
  readonly phase: Phase;
  readonly status: string | null; // once it has ended: a run's status, "answered", "failed", "lost"
  readonly position: number; // in the queue; 0: it does not wait
  readonly startedAt: number; // milliseconds
  readonly threadId: string | null;
  readonly runIds: readonly string[]; // in the order in which they began
  readonly shownRunId: string | null;
  readonly reading: Reading | null;
  readonly plan: Json;
  readonly sql: string | null;
  readonly result: Result | null; // the first rows, until the run is there
  readonly repairs: readonly RunError[]; // a model's queries that were refused or failed
  readonly text: string;
  readonly message: Message | null;
  readonly run: Run | null;
  readonly problem: ProblemBody | null;
}

export function newTurn(key: number, question: string, datasetId: string | null, now: number): Turn {
  return {
    key, question, datasetId, phase: "sending", status: null, position: 0, startedAt: now, threadId: null,
    runIds: [], shownRunId: null, reading: null, plan: null, sql: null, result: null, repairs: [], text: "",
    message: null, run: null, problem: null,
  };
}

const parse = (text: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

const began = (turn: Turn, data: Record<string, unknown>): Turn => ({
  ...turn,
  phase: "pending",
  position: Number(data["position"] ?? 0),
  threadId: (data["thread_id"] as string | undefined) ?? turn.threadId,
  runIds: [...turn.runIds, String(data["run_id"])],
  shownRunId: turn.result ? turn.shownRunId : String(data["run_id"]),
});

function spoke(turn: Turn, data: Record<string, unknown>): Turn {
  const before = data["reset"] === true ? "" : turn.text;
  return { ...turn, phase: turn.phase === "ended" ? "ended" : "answering", text: before + String(data["text"] ?? "") };
}

// What the event changes. Those of a later version of the server change nothing.
export function applyEvent(turn: Turn, event: StreamEvent): Turn {
  const data = parse(event.data);
  if (!data) return turn;
  switch (event.name) {
    case "run.pending":
      return began(turn, data);
    case "plan":
      return { ...turn, plan: data["plan"] as Json, reading: (data["reading"] as Reading | null) ?? null };
    case "sql":
      return { ...turn, sql: String(data["sql"]) };
    case "run.running":
      return { ...turn, phase: "running", position: 0 };
    case "result":
      return { ...turn, phase: "answering", result: data as unknown as Result, shownRunId: turn.runIds.at(-1) ?? null };
    case "repair":
      return { ...turn, repairs: [...turn.repairs, data as unknown as RunError] };
    case "message.delta":
      return spoke(turn, data);
    case "message":
      return { ...turn, message: data as unknown as Message, text: String(data["text"] ?? turn.text) };
    case "error":
      return { ...turn, problem: data as unknown as ProblemBody };
    case "done":
      return {
        ...turn,
        phase: "ended",
        status: String(data["status"]),
        threadId: (data["thread_id"] as string | undefined) ?? turn.threadId,
      };
    default:
      return turn;
  }
}

// The whole run is there. A capsule's words are the message's, when there was none.
export function withRun(turn: Turn, run: Run): Turn {
  const ended = run.status !== "pending" && run.status !== "running";
  return {
    ...turn,
    run,
    phase: ended ? "ended" : turn.phase,
    status: turn.status ?? (ended ? run.status : null),
    datasetId: run.dataset_id ?? turn.datasetId,
    shownRunId: run.run_id,
    result: run.result ?? turn.result,
    reading: run.reading ?? turn.reading,
    plan: run.plan ?? turn.plan,
    sql: run.sql ?? turn.sql,
  };
}

export const isUnderWay = (turn: Turn): boolean => turn.phase !== "ended";

// For the live region: one short line for each state.
export function stateWords(turn: Turn): string {
  if (turn.phase === "sending") return "Reading the question";
  if (turn.phase === "pending") return turn.position > 0 ? `Waiting, place ${turn.position} in the queue` : "Waiting";
  if (turn.phase === "running") return "Running";
  if (turn.phase === "answering") return "Answering";
  return "";
}
