// What the server says (schemas/openapi.v1.json), as far as the page reads it.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = readonly Json[];

export interface Prompt {
  id: string;
  text: string;
}

export interface Dataset {
  id: string;
  name: string | null;
  description: string | null;
  as_of: string | null;
  version: string | null;
  bytes: number | null;
  tables: string[];
  prompts: Prompt[];
  available: boolean;
  unavailable_because?: string;
}

export interface Column {
  name: string;
  type: string;
  nullable: boolean;
  description: string | null;
  unit: string | null;
  values?: string[];
}

export interface Table {
  name: string;
  description: string | null;
  format: string;
  columns: Column[];
  sample_rows?: Row[];
}

export interface Schema {
  id: string;
  name: string | null;
  description: string | null;
  tables: Table[];
  relationships: { from: string; to: string }[];
  sample_rows_unavailable_because?: string;
}

export interface Result {
  columns: string[];
  types: string[];
  rows: Row[];
  row_count: number;
  truncated: boolean;
  ordered: boolean;
  preview?: boolean; // of an event: not all rows are there
}

export interface RunError {
  type: string;
  message: string;
  position?: number; // character in the SQL, from 1
  pointer?: string; // JSON Pointer into the plan
  faults?: { type: string; pointer: string; message: string }[];
}

export interface Abstention {
  reason: string;
  message: string;
  words?: string[];
  nearest?: { word: string; suggestions: string[] }[];
  choices?: { reading: string; plan: Json }[];
  questions?: string[];
}

export interface Reading {
  sentence: string;
  assumptions?: string[];
}

export type RunStatus =
  | "pending"
  | "running"
  | "succeeded"
  | "failed"
  | "rejected"
  | "timed_out"
  | "cancelled"
  | "abstained";

// A run, as lists have it.
export interface RunState {
  run_id: string;
  status: RunStatus;
  dataset_id: string | null;
  question: string | null;
  planner: string | null;
  query_mode: "plan" | "sql" | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface SourceTable {
  name: string;
  sha256: string;
  bytes: number;
  rows: number;
}

// A capsule; those of the kind answer (a language model's words) have no plan, SQL or result.
export interface Run {
  kind?: "run" | "answer" | "retention";
  run_id: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  dataset_id: string | null;
  dataset_version: string | null;
  tables?: SourceTable[] | null;
  question: string | null;
  planner: string | null;
  reading?: Reading | null;
  query_mode?: "plan" | "sql" | null;
  plan?: Json;
  sql?: string | null;
  as_of?: string | null;
  executor?: string;
  cached_from?: string | null;
  limits?: Record<string, number> | null;
  status: RunStatus;
  result?: Result | null;
  result_hash?: string | null;
  error: RunError | null;
  abstention?: Abstention | null;
  timings?: Record<string, number> | null;
  engine?: { name: string; version: string } | null;
  sandbox?: { walls?: Record<string, boolean | number>; peak_memory_mb?: number } | null;
  prev_hash?: string;
  capsule_hash?: string;
  thread_id?: string | null;
  runs?: { run_id: string; capsule_hash: string }[];
  answer?: { text: string; grounding?: Grounding | unknown };
}

// A number in a language model's words, and where in the results it was found.
export interface GroundedNumber {
  text: string;
  start: number; // code points
  end: number;
  how: string | null; // null: it was not found
  run_id: string | null;
  column: string | null;
  row: number | null; // from 0
}

export interface Grounding {
  checked: number;
  found: number;
  unsupported: string[];
  numbers: GroundedNumber[];
}

export interface Message {
  id: string;
  role: "user" | "assistant";
  text: string;
  run_ids: string[];
  planner?: string;
  answer_id?: string;
  end?: string;
  grounding?: Grounding;
}

export interface StoredMessage extends Message {
  seq: number;
  created_at: string;
  meta: { status?: string; planner?: string; answer_id?: string; end?: string; grounding?: Grounding };
}

export interface Thread {
  thread_id: string;
  title: string;
  created_at: string;
  updated_at: string;
  messages: number;
}

export interface ProblemBody {
  title: string;
  status: number;
  detail: string;
  error: string;
  position?: number;
  pointer?: string;
  retry_after_ms?: number;
  request_id?: string;
  faults?: { type: string; pointer: string; message: string }[];
  run_id?: string;
}

export interface Verification {
  verdict: "same" | "differs" | "data changed" | "tampered" | "not repeatable";
  message: string;
  rerun_id: string | null;
}
