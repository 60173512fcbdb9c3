// What all parts of the page share.
import { batch, computed, signal } from "@preact/signals";
import * as api from "./api.ts";
import { isUnderWay, type Turn } from "./turn.ts";
import type { Dataset, Run, Schema, Thread } from "./types.ts";

export type Route =
  | { view: "ask" }
  | { view: "thread"; id: string }
  | { view: "run"; id: string }
  | { view: "runs"; search: string } // its filters
  | { view: "compare"; a: string; b: string };

// A path of the page, with what stands behind "?".
export function routeOf(path: string): Route {
  const { pathname, searchParams } = new URL(path, location.origin);
  if (pathname === "/runs") return { view: "runs", search: searchParams.toString() };
  const two = /^\/runs\/([0-9a-f-]+)\.\.\.([0-9a-f-]+)$/i.exec(pathname);
  if (two) return { view: "compare", a: two[1]!, b: two[2]! };
  const found = /^\/(threads|runs)\/([^/]+)$/.exec(pathname);
  if (!found) return { view: "ask" };
  return { view: found[1] === "threads" ? "thread" : "run", id: decodeURIComponent(found[2]!) };
}

function pathOf(to: Route): string {
  if (to.view === "ask") return "/";
  if (to.view === "runs") return to.search ? `/runs?${to.search}` : "/runs";
  return to.view === "compare" ? `/runs/${to.a}...${to.b}` : `/${to.view}s/${encodeURIComponent(to.id)}`;
}

const here = (): string => location.pathname + location.search;

export const route = signal<Route>(routeOf(here()));
export const datasets = signal<Dataset[] | null>(null);
export const datasetId = signal<string | null>(null);
export const planners = signal<string[]>([]);
export const planner = signal<string | null>(null); // null: as the server is set up
export const turns = signal<Turn[]>([]);
export const threadId = signal<string | null>(null);
export const thread = signal<Thread | null>(null);
export const threads = signal<Thread[]>([]);
export const threadsMore = signal<string | null>(null); // `before` of the next page
export const schemas = signal<ReadonlyMap<string, Schema>>(new Map());
// What runs told of a dataset: the version and the sizes of the files that were read last.
export const sizes = signal<ReadonlyMap<string, Run>>(new Map());
export const trouble = signal<string | null>(null); // what could not be loaded
export const said = signal(""); // for the live region
export const draft = signal(""); // what is in the ask box

export const dataset = computed(() => datasets.value?.find((d) => d.id === datasetId.value) ?? null);
export const busy = computed(() => turns.value.some(isUnderWay));

export const say = (text: string): void => {
  said.value = text;
};

export function setTurn(key: number, change: (turn: Turn) => Turn): void {
  turns.value = turns.value.map((turn) => (turn.key === key ? change(turn) : turn));
}

export function setRoute(to: Route, replace = false): void {
  const path = pathOf(to);
  if (path !== here()) history[replace ? "replaceState" : "pushState"](null, "", path);
  route.value = to;
}

export function noteSizes(run: Run): void {
  if (!run.dataset_id || !run.tables || run.tables.length === 0) return;
  const known = sizes.value.get(run.dataset_id);
  if (!known || known.created_at <= run.created_at) sizes.value = new Map(sizes.value).set(run.dataset_id, run);
}

export async function loadSchema(id: string): Promise<Schema | null> {
  const known = schemas.value.get(id);
  if (known) return known;
  try {
    const schema = await api.getSchema(id);
    schemas.value = new Map(schemas.value).set(id, schema);
    return schema;
  } catch {
    return null; // the table is shown without units
  }
}

export async function loadThreads(more = false): Promise<void> {
  try {
    const page = await api.getThreads(more ? threadsMore.value : null);
    batch(() => {
      threads.value = more ? [...threads.value, ...page.threads] : page.threads;
      threadsMore.value = page.next_before;
    });
  } catch {
    // the list stays as it is
  }
}

const CHOSEN = "askcsv.dataset";

export function choose(id: string): void {
  datasetId.value = id;
  try {
    localStorage.setItem(CHOSEN, id);
  } catch {
    // a browser that keeps nothing asks again the next time
  }
}

export async function loadDatasets(): Promise<void> {
  const list = await api.getDatasets();
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(CHOSEN);
  } catch {
    // likewise
  }
  const usable = list.filter((d) => d.available);
  batch(() => {
    datasets.value = list;
    if (!list.some((d) => d.id === datasetId.value))
      datasetId.value = (usable.find((d) => d.id === chosen) ?? usable[0] ?? list[0])?.id ?? null;
  });
}
