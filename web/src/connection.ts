// Whether the server is there. It is asked now and then; once it is gone, until it is back.
import { signal } from "@preact/signals";

export type Link = "there" | "gone" | "back";
export const link = signal<Link>("there");
export const nextTryAt = signal(0); // milliseconds, as Date.now()

const LOOK_MS = 30_000; // while nothing else asks; each is a line in the server's log
const TRY_MS = [500, 1000, 2000, 3000, 5000];
const SAY_BACK_MS = 4000;

let waiting: (() => void)[] = [];
let tries = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

async function answers(): Promise<boolean> {
  try {
    const response = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    return response.ok;
  } catch {
    return false;
  }
}

function plan(ms: number): void {
  clearTimeout(timer);
  nextTryAt.value = Date.now() + ms;
  timer = setTimeout(() => void look(), ms);
}

async function look(): Promise<void> {
  if (document.hidden && link.value !== "gone") return plan(LOOK_MS);
  if (await answers()) {
    if (link.value === "gone") {
      link.value = "back";
      setTimeout(() => link.value === "back" && (link.value = "there"), SAY_BACK_MS);
      const all = waiting;
      waiting = [];
      all.forEach((go) => go());
    }
    tries = 0;
    return plan(LOOK_MS);
  }
  lost();
}

// Called by whoever found that the server does not answer.
export function lost(): void {
  link.value = "gone";
  plan(TRY_MS[Math.min(tries++, TRY_MS.length - 1)]!);
}

export const tryNow = (): void => plan(0);

export const isBack = (): Promise<void> =>
  link.value === "gone" ? new Promise((go) => waiting.push(go)) : Promise.resolve();

export function watch(): void {
  plan(LOOK_MS);
  addEventListener("offline", tryNow);
  addEventListener("online", tryNow);
  document.addEventListener("visibilitychange", () => !document.hidden && tryNow());
}
