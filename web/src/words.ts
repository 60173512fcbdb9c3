// How the page says things: times, sizes, states. Plain words, no jargon where there is another word.
import type { RunStatus, Verification } from "./types.ts";

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;

export function milliseconds(ms: number): string {
  if (ms < 1) return "under 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60000 ? `${String(Number((ms / 1000).toFixed(1)))} s` : `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

export function bytes(n: number): string {
  if (n < 1000) return plural(n, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let value = n / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const ordinal = (n: number): string => {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${end}`;
};

// "2026-01-31T09:05:00.000Z" where the reader is.
export function moment(iso: string | null | undefined): string {
  const time = new Date(iso ?? "");
  if (Number.isNaN(time.getTime())) return "";
  return time.toLocaleString("en-GB", {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  });
}

const STATUS_WORDS: Record<RunStatus | "answered", string> = {
  pending: "Waiting",
  running: "Running",
  succeeded: "Answered",
  answered: "Answered",
  failed: "Failed",
  rejected: "Refused",
  timed_out: "Stopped at its time limit",
  cancelled: "Cancelled",
  abstained: "Not understood",
};
export const statusWords = (status: string): string =>
  new Map(Object.entries(STATUS_WORDS)).get(status) ?? status;

const VERDICTS: Record<Verification["verdict"], { good: boolean; words: string }> = {
  same: { good: true, words: "Confirmed. The record is intact, and the query gave the same answer again." },
  differs: { good: false, words: "The query was run again on the same data and gave a different answer." },
  "data changed": { good: false, words: "The record is intact, but the data has changed since, so the answer cannot be repeated." },
  tampered: { good: false, words: "The record was altered after it was written. Do not rely on it." },
  "not repeatable": { good: false, words: "The record is intact, but there is no answer in it to repeat." },
};
export const verdictWords = (verdict: string): { good: boolean; words: string } =>
  new Map(Object.entries(VERDICTS)).get(verdict) ?? { good: false, words: verdict };

const WALLS: [string, string][] = [
  ["user_namespace", "no rights of its own (user namespace)"],
  ["mount_namespace", "no files of this machine (mount namespace)"],
  ["pid_namespace", "no sight of other programs (process namespace)"],
  ["network_namespace", "no network (network namespace)"],
  ["ipc_namespace", "no shared memory (IPC namespace)"],
  ["uts_namespace", "no host name (UTS namespace)"],
  ["landlock", "no opening of files (Landlock)"],
  ["seccomp", "few system calls (seccomp)"],
  ["no_new_privs", "no gaining of rights (no_new_privs)"],
  ["no_capabilities", "no capabilities"],
  ["rlimits", "bounded memory and time (rlimits)"],
];
export const wallWords = (name: string): string => new Map(WALLS).get(name) ?? name.replaceAll("_", " ");
