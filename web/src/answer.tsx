// A question and its answer: words, chart, table, and where they come from; or why there is none.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import * as api from "./api.ts";
import { ask, askPlan, cancel } from "./chat.ts";
import { ResultChart } from "./chart.tsx";
import { JsonText, Sql } from "./code.tsx";
import { toCsv, toTsv } from "./csv.ts";
import { How } from "./how.tsx";
import { pieces, sourceWords } from "./marks.ts";
import { CopyButton, save } from "./parts.tsx";
import { busy, loadSchema, schemas } from "./state.ts";
import { ResultTable, ROWS_MAX, type Place } from "./table.tsx";
import { isUnderWay, stateWords, type Turn } from "./turn.ts";
import type { Abstention, GroundedNumber, Json, ProblemBody, Result, Run, RunError } from "./types.ts";
import { unitsOf } from "./units.ts";
import { ordinal, plural, statusWords } from "./words.ts";

// ---- while it happens ----

function Progress(props: { turn: Turn }): JSX.Element {
  const { turn } = props;
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((now - turn.startedAt) / 1000);
  const queue = turn.phase === "pending" && turn.position > 0 ? `Waiting, ${ordinal(turn.position)} in the queue` : null;
  return (
    <div class="progress" data-phase={turn.phase}>
      <span class="spinner" aria-hidden="true" />
      <span>{queue ?? stateWords(turn)}</span>
      {seconds >= 1 && <span class="elapsed">{seconds} s</span>}
      {now - turn.startedAt >= 1000 && (
        <button type="button" onClick={() => void cancel(turn)}>Cancel</button>
      )}
    </div>
  );
}

// ---- words ----

function Figure(props: { text: string; number: GroundedNumber; onPlace: (place: Place | null) => void }): JSX.Element {
  const { number, onPlace } = props;
  const words = sourceWords(number);
  const place = number.how !== null && number.column !== null && number.row !== null
    ? { column: number.column, row: number.row } : null;
  return (
    <span
      class={number.how === null ? "figure unsupported" : "figure"}
      tabIndex={0}
      title={words}
      onMouseEnter={() => onPlace(place)}
      onMouseLeave={() => onPlace(null)}
      onFocus={() => onPlace(place)}
      onBlur={() => onPlace(null)}
    >
      {props.text}
      <span class="sr-only"> ({words})</span>
    </span>
  );
}

function Words(props: { turn: Turn; onPlace: (place: Place | null) => void }): JSX.Element | null {
  const { turn } = props;
  if (!turn.text) return null;
  const parts = pieces(turn.text, turn.message?.grounding);
  const unsupported = turn.message?.grounding?.unsupported ?? [];
  return (
    <div class={turn.message?.planner ? "words said" : "words"}>
      <p>
        {parts.map((part, i) =>
          part.number ? <Figure key={i} text={part.text} number={part.number} onPlace={props.onPlace} /> : part.text,
        )}
      </p>
      {turn.message?.planner && (
        <p class="note">
          Written by {turn.message.planner}. Its figures were looked for in the results
          {unsupported.length > 0 ? `; ${unsupported.length === 1 ? "the one" : `those ${unsupported.length}`} underlined in waves ${unsupported.length === 1 ? "was" : "were"} not found.` : "."}
        </p>
      )}
      {turn.message?.end === "cut" && <p class="note">The language model did not finish; these are askcsv’s own words.</p>}
      {turn.message?.end === "withheld" && <p class="note">The language model spoke of results without having run a query, so its words are not shown.</p>}
    </div>
  );
}

// ---- results ----

function Tools(props: { result: Result; run: Run | null; name: string }): JSX.Element {
  const { result, run, name } = props;
  const [trouble, setTrouble] = useState<string | null>(null);
  const fetchFile = async (type: string, ending: string): Promise<void> => {
    setTrouble(null);
    try {
      const blob = run ? await api.resultFile(run.run_id, type) : new Blob([toCsv(result)], { type });
      save(`${name}.${ending}`, blob);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="tools">
      <span class="count">{plural(result.row_count, "row")}{result.truncated && ", the first of more"}</span>
      <span class="end">
        <CopyButton label="Copy" text={() => toTsv(result)} />
        <button type="button" class="quiet" onClick={() => void fetchFile("text/csv", "csv")}>CSV</button>
        <button type="button" class="quiet" disabled={!run} onClick={() => void fetchFile("application/json", "json")}>JSON</button>
      </span>
      {trouble && <p class="bad" role="alert">Not saved: {trouble}</p>}
    </div>
  );
}

function Outcome(props: { turn: Turn; lit: Place | null }): JSX.Element | null {
  const { turn } = props;
  const result = turn.result;
  const schema = turn.datasetId ? schemas.value.get(turn.datasetId) : undefined;
  useEffect(() => {
    if (turn.datasetId) void loadSchema(turn.datasetId);
  }, [turn.datasetId]);
  const units = useMemo(() => (result ? unitsOf(turn.plan, schema, result.columns) : []), [result, schema, turn.plan]);
  const shown = useMemo(
    () => (result && result.rows.length > ROWS_MAX ? { ...result, rows: result.rows.slice(0, ROWS_MAX) } : result),
    [result],
  );
  if (!result || !shown) return null;
  const name = `askcsv-${(turn.shownRunId ?? "result").slice(-12)}`;
  return (
    <>
      {result.rows.length > 1 && (
        <ResultChart result={result} plan={turn.plan} question={turn.question} units={units} name={name} />
      )}
      <ResultTable result={shown} units={units} lit={props.lit} label={`Result: ${plural(result.row_count, "row")}`} />
      {result.truncated && (
        <p class="note">Only the first {plural(result.row_count, "row")} are here; the query gives more. Ask for fewer, or for a summary.</p>
      )}
      {shown !== result && <p class="note">The table shows the first {plural(ROWS_MAX, "row")}; CSV and JSON have all {result.row_count.toLocaleString("en-US")}.</p>}
      {result.preview && <p class="note">These are the first {plural(result.rows.length, "row")}; the others are on their way.</p>}
      <Tools result={result} run={turn.run} name={name} />
    </>
  );
}

// ---- no answer ----

function Notice(props: { title: string; kind: "ask" | "bad"; children: ComponentChildren }): JSX.Element {
  return (
    <div class={`notice ${props.kind}`}>
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

const sentence = (text: string): string =>
  text === "" ? "" : text[0]!.toUpperCase() + text.slice(1) + (/[.!?…:]$/.test(text) ? "" : ".");

function NotUnderstood(props: { abstention: Abstention; datasetId: string | null }): JSX.Element {
  const { abstention, datasetId } = props;
  const choices = abstention.choices ?? [];
  const near = (abstention.nearest ?? []).filter((n) => n.suggestions.length > 0);
  return (
    <Notice title={choices.length > 0 ? "Which of these do you mean?" : "I did not understand this"} kind="ask">
      <p>{sentence(abstention.message)}</p>
      {near.map((n) => (
        <p key={n.word}>Near “{n.word}”: {n.suggestions.join(", ")}.</p>
      ))}
      {choices.length > 0 && datasetId && (
        <ul class="choices">
          {choices.map((choice, i) => (
            <li key={i}>
              <button type="button" disabled={busy.value} onClick={() => askPlan(choice.reading, datasetId, choice.plan)}>{choice.reading}</button>
            </li>
          ))}
        </ul>
      )}
      {(abstention.questions ?? []).length > 0 && (
        <>
          <p>Questions that can be answered:</p>
          <ul class="choices">
            {abstention.questions!.map((text) => (
              <li key={text}><button type="button" disabled={busy.value} onClick={() => ask(text)}>{text}</button></li>
            ))}
          </ul>
        </>
      )}
    </Notice>
  );
}

const ERROR_TITLES = new Map([
  ["SQL_POLICY_VIOLATION", "This query is not allowed"],
  ["EXFILTRATION_SUSPECTED", "This would only copy data out"],
  ["VALIDATION_ERROR", "This query is not valid"],
  ["SQL_EXECUTION_ERROR", "The query failed"],
  ["RUNNER_TIMEOUT", "This took too long and was stopped"],
  ["RUNNER_RESOURCE_EXCEEDED", "This needed more memory than it may use"],
  ["RUNNER_OUTPUT_EXCEEDED", "The answer is too large"],
  ["DATASET_CHANGED", "The data changed meanwhile"],
  ["QUEUE_FULL", "Too many questions at once"],
  ["TOO_MANY_REQUESTS", "Too many questions at once"],
  ["MODEL_UNAVAILABLE", "The language model cannot be reached"],
  ["MODEL_REFUSED", "The language model refused the request"],
  ["MODEL_ANSWER", "The language model's answer was no use"],
  ["FORBIDDEN", "Your key does not allow this"],
  ["UNAUTHORIZED", "A key is needed"],
  ["CANCELLED", "Cancelled"],
]);

const WORTH_ANOTHER_TRY = new Set(["CANCELLED", "RUNNER_TIMEOUT", "DATASET_CHANGED", "RUNNER_INTERNAL_ERROR"]);

function Refused(props: { error: RunError; sql: string | null | undefined; question: string }): JSX.Element {
  const { error, sql } = props;
  const position = error.position;
  return (
    <Notice title={ERROR_TITLES.get(error.type) ?? "There is no answer"} kind={error.type === "CANCELLED" ? "ask" : "bad"}>
      <p>{sentence(error.message)}</p>
      {sql && position !== undefined && <Sql sql={sql} fault={{ position, message: error.message }} />}
      {error.faults && error.faults.length > 1 && (
        <ul>{error.faults.map((fault, i) => <li key={i}><code>{fault.pointer}</code> {fault.message}</li>)}</ul>
      )}
      {error.pointer && !error.faults && <p>In the plan, at <code>{error.pointer}</code>.</p>}
      {props.question && WORTH_ANOTHER_TRY.has(error.type) && <Again question={props.question} />}
    </Notice>
  );
}

function Failed(props: { problem: ProblemBody; question: string }): JSX.Element {
  const { problem } = props;
  return (
    <Notice title={ERROR_TITLES.get(problem.error) ?? problem.title} kind="bad">
      <p>{sentence(problem.detail)}</p>
      {problem.request_id && <p class="note">If you report this, name the request: <code>{problem.request_id}</code></p>}
      {props.question && <Again question={props.question} />}
    </Notice>
  );
}

const Again = (props: { question: string }): JSX.Element => (
  <button type="button" disabled={busy.value} onClick={() => ask(props.question)}>Ask again</button>
);

function NoAnswer(props: { turn: Turn }): JSX.Element | null {
  const { turn } = props;
  const run = turn.run;
  if (turn.problem) return <Failed problem={turn.problem} question={turn.question} />;
  if (run?.abstention) return <NotUnderstood abstention={run.abstention} datasetId={turn.datasetId} />;
  if (run?.error && run.status !== "succeeded") return <Refused error={run.error} sql={isSql(turn) ? null : run.sql} question={turn.question} />;
  if (turn.status === "cancelled") return <Notice title="Cancelled" kind="ask"><Again question={turn.question} /></Notice>;
  if (turn.status === "lost")
    return (
      <Notice title="The answer was lost" kind="bad">
        <p>The connection ended before there was an answer, and none was kept.</p>
        {turn.question && <Again question={turn.question} />}
      </Notice>
    );
  return null;
}

// ---- all of it ----

const GIVEN = /^(SQL|PLAN):\s*/i;
const isSql = (turn: Turn): boolean => /^SQL:/i.test(turn.question) || (turn.question === "" && turn.run?.query_mode === "sql");

function planOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null; // it is shown as it was written
  }
}

function Question(props: { turn: Turn }): JSX.Element {
  const { turn } = props;
  const given = GIVEN.test(turn.question);
  if (isSql(turn)) {
    const sql = turn.sql ?? turn.question.replace(GIVEN, "");
    const error = turn.run?.error;
    const fault = error?.position ? { position: error.position, message: error.message } : null;
    return <><h2 class="sr-only">SQL</h2><Sql sql={sql} fault={fault} /></>;
  }
  const plan = given ? planOf(turn.question.replace(GIVEN, "")) : turn.question === "" ? turn.plan : null;
  if (plan !== null) return <><h2 class="sr-only">Plan</h2><JsonText json={plan} label="Plan" /></>;
  return <h2 class="question">{given ? <code>{turn.question}</code> : turn.question || statusWords(turn.status ?? "")}</h2>;
}

// Of a language model's answer that of its words, which name their runs.
function Share(props: { id: string }): JSX.Element {
  const path = `/runs/${props.id}`;
  return (
    <p class="share">
      <a href={path}>Address of this answer</a>
      <CopyButton label="Copy address" text={() => location.origin + path} />
    </p>
  );
}

export function Answer(props: { turn: Turn }): JSX.Element {
  const { turn } = props;
  const [lit, setLit] = useState<Place | null>(null);
  // The words repeat what the notice says when there is no answer.
  const noAnswer = !isUnderWay(turn) && (turn.problem || turn.run?.abstention || (turn.run?.error && turn.run.status !== "succeeded"));
  return (
    <article class="turn" data-status={turn.status ?? turn.phase}>
      <Question turn={turn} />
      {turn.repairs.length > 0 && (
        <p class="note">{plural(turn.repairs.length, "query", "queries")} of the language model {turn.repairs.length === 1 ? "was" : "were"} refused or failed; it tried another way.</p>
      )}
      {!noAnswer && !isSql(turn) && <Words turn={turn} onPlace={setLit} />}
      <Outcome turn={turn} lit={lit} />
      {!isUnderWay(turn) && <NoAnswer turn={turn} />}
      {isUnderWay(turn) && <Progress turn={turn} />}
      {turn.run && <How run={turn.run} answerId={turn.message?.answer_id} />}
      {turn.runIds.length > 1 && (
        <p class="note">It took these runs: {turn.runIds.map((id, i) => <span key={id}>{i > 0 && ", "}<a href={`/runs/${id}`}>{i + 1}</a></span>)}.</p>
      )}
      {turn.run && !isUnderWay(turn) && <Share id={turn.message?.answer_id ?? turn.run.run_id} />}
    </article>
  );
}
