// Asking the server. Every failure is one of two: it said why (Problem), or it is not there (Gone).
import { signal } from "@preact/signals";
import { isBack, lost } from "./connection.ts";
import type {
  Dataset, ProblemBody, Run, RunState, Schema, StoredMessage, Thread, Verification,
} from "./types.ts";

export class Problem extends Error {
  constructor(readonly body: ProblemBody) {
    super(body.detail || body.title);
  }
}

export class Gone extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

// ---- the key: kept until the tab is closed, sent to nobody but the server ----

const KEY = "askcsv.key";
export const keyAsked = signal<{ again: boolean } | null>(null);
let keyWaiting: ((given: boolean) => void)[] = [];
export const keyGiven = signal<string | null>(keptKey());

function keptKey(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(text: string | null): void {
  keyGiven.value = text;
  try {
    if (text === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // then it lasts as long as the page
  }
}

const key = (): string | null => keyGiven.peek();

export function forgetKey(): void {
  keep(null);
  location.assign("/"); // and all that it showed
}

export function giveKey(text: string | null): void {
  if (text !== null) keep(text);
  keyAsked.value = null;
  const all = keyWaiting;
  keyWaiting = [];
  all.forEach((go) => go(text !== null));
}

function askForKey(used: string | null): Promise<boolean> {
  if (key() !== used) return Promise.resolve(true); // somebody else has just asked for it
  keyAsked.value = { again: used !== null };
  return new Promise((go) => keyWaiting.push(go));
}

// ---- requests ----

export interface Asking {
  method?: string;
  body?: unknown;
  text?: string; // a body that is JSON already
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

async function send(path: string, asking: Asking, used: string | null): Promise<Response> {
  const headers = new Headers(asking.headers);
  if (used !== null) headers.set("Authorization", `Bearer ${used}`);
  const body = asking.text ?? (asking.body === undefined ? undefined : JSON.stringify(asking.body));
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const init: RequestInit = { method: asking.method ?? "GET", headers };
  if (body !== undefined) init.body = body;
  if (asking.signal) init.signal = asking.signal;
  try {
    return await fetch(path, init);
  } catch (error) {
    if (asking.signal?.aborted) throw error;
    lost();
    throw new Gone();
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: ProblemBody = {
    title: `Status ${response.status}`,
    status: response.status,
    detail: `The server, or something before it, answered with status ${response.status}.`,
    error: "UNKNOWN",
  };
  try {
    const body = (await response.json()) as Partial<ProblemBody>;
    return new Problem({ ...fallback, ...body });
  } catch {
    return new Problem(fallback);
  }
}

// The response, when it is a good one. Asks for a key when the server wants one.
export async function request(path: string, asking: Asking = {}): Promise<Response> {
  for (;;) {
    const used = key();
    const response = await send(path, asking, used);
    if (response.ok) return response;
    if (response.status === 401 && (await askForKey(used))) continue;
    throw await problemOf(response);
  }
}

async function json<T>(path: string, asking: Asking = {}): Promise<T> {
  const response = await request(path, asking);
  try {
    return (await response.json()) as T;
  } catch {
    lost(); // it broke off within its answer
    throw new Gone();
  }
}

// What only reads waits for the server to come back.
async function read<T>(path: string): Promise<T> {
  for (;;) {
    try {
      return await json<T>(path);
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      await isBack();
    }
  }
}

const at = encodeURIComponent;

export const getDatasets = async (): Promise<Dataset[]> =>
  (await read<{ datasets: Dataset[] }>("/v1/datasets")).datasets;
export const getSchema = (id: string): Promise<Schema> => read(`/v1/datasets/${at(id)}/schema`);
export const getPlanners = (): Promise<{ default: string; available: string[] }> => read("/v1/planners");
export const getRun = (id: string): Promise<Run> => read(`/v1/runs/${at(id)}`);
export const getRuns = (asked: URLSearchParams): Promise<{ runs: RunState[]; next_before: string | null }> =>
  read(`/v1/runs?${asked}`);
export const getRunState = (id: string): Promise<{ status: string; queue?: { position: number } }> =>
  read(`/v1/runs/${at(id)}/status`);
export const getThreads = (before?: string | null): Promise<{ threads: Thread[]; next_before: string | null }> =>
  read(`/v1/threads${before ? `?before=${at(before)}` : ""}`);
export const getThread = (id: string): Promise<Thread> => read(`/v1/threads/${at(id)}`);
const MESSAGES_PAGE = 100;
export const getMessages = async (id: string): Promise<StoredMessage[]> => {
  const all: StoredMessage[] = [];
  for (;;) {
    const after = all.at(-1)?.seq ?? 0;
    const page = await read<{ messages: StoredMessage[] }>(
      `/v1/threads/${at(id)}/messages?limit=${MESSAGES_PAGE}&after=${after}`,
    );
    all.push(...page.messages);
    if (page.messages.length < MESSAGES_PAGE) return all;
  }
};
export const renameThread = (id: string, title: string): Promise<Thread> =>
  json(`/v1/threads/${at(id)}`, { method: "PATCH", body: { title } });
export const deleteThread = async (id: string): Promise<void> => {
  await request(`/v1/threads/${at(id)}`, { method: "DELETE" });
};
export const verifyRun = (id: string): Promise<Verification> =>
  json(`/v1/runs/${at(id)}/verify`, { method: "POST" });
export const cancelRun = async (id: string): Promise<void> => {
  await request(`/v1/runs/${at(id)}/cancel`, { method: "POST" });
};
// A plan goes as it was written: the server sees each digit, and a name that is there twice.
export type Given = { plan: string } | { sql: string };
// wait_ms is short: the page shows what happens meanwhile.
export const startRun = (datasetId: string, given: Given): Promise<Run | { run_id: string; status: string }> => {
  const about = JSON.stringify({ dataset_id: datasetId, wait_ms: 250 }).slice(0, -1);
  const what = "plan" in given
    ? `"query_type":"plan","plan":${given.plan}` : `"query_type":"sql","sql":${JSON.stringify(given.sql)}`;
  return json("/v1/runs", { method: "POST", text: `${about},${what}}` });
};
export const compilePlan = (plan: string): Promise<{ sql: string }> =>
  json("/v1/plans/compile", { method: "POST", text: `{"plan":${plan}}` });
export const checkSql = (datasetId: string, sql: string): Promise<{ allowed: true }> =>
  json("/v1/sql/check", { method: "POST", body: { dataset_id: datasetId, sql } });
export const resultFile = async (id: string, type: string): Promise<Blob> =>
  (await request(`/v1/runs/${at(id)}/result`, { headers: { Accept: type } })).blob();
