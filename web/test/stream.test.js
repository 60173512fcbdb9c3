import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader } from "../src/sse.ts";
import { applyEvent, isUnderWay, newTurn, stateWords, withRun } from "../src/turn.ts";

const all = (...pieces) => {
  const reader = new EventReader();
  return pieces.flatMap((piece) => reader.feed(piece));
};

test("events of the server", () => {
  assert.deepEqual(all('id: 1\nevent: sql\ndata: {"sql":"SELECT 1"}\n\n: still there\n\nid: 2\nevent: done\ndata: {}\n\n'), [
    { id: "1", name: "sql", data: '{"sql":"SELECT 1"}' }, { id: "2", name: "done", data: "{}" },
  ]);
});

test("however it is cut, and whatever ends its lines", () => {
  const text = 'id: 7\nevent: result\ndata: a\ndata:b\n\nid: 8\ndata: ☕\n\n';
  const wanted = [{ id: "7", name: "result", data: "a\nb" }, { id: "8", name: "message", data: "☕" }];
  for (const end of ["\n", "\r\n", "\r"]) {
    const framed = text.replaceAll("\n", end) + (end === "\r" ? ":x" : "");
    for (let size = 1; size < 9; size++) {
      const pieces = [];
      for (let i = 0; i < framed.length; i += size) pieces.push(framed.slice(i, i + size));
      assert.deepEqual(all(...pieces), wanted, `${JSON.stringify(end)} by ${size}`);
    }
  }
});

test("an event that did not end is none", () => {
  assert.deepEqual(all("id: 1\ndata: half"), []);
  assert.deepEqual(all("id: 1\nevent: x\n\n"), [], "without data there is nothing to say");
});

const event = (name, data) => ({ id: "", name, data: JSON.stringify(data) });
const told = (...events) => events.reduce(applyEvent, newTurn(1, "q", "d", 0));

test("a question's way", () => {
  const pending = told(event("run.pending", { run_id: "r", thread_id: "t", position: 2 }));
  assert.deepEqual([pending.phase, pending.position, pending.threadId, stateWords(pending)], ["pending", 2, "t", "Waiting, place 2 in the queue"]);
  const running = applyEvent(pending, event("run.running", { run_id: "r" }));
  assert.deepEqual([running.phase, running.position], ["running", 0]);
  const result = applyEvent(running, event("result", { columns: ["a"], types: ["INTEGER"], rows: [[1]], row_count: 1 }));
  assert.deepEqual([result.phase, result.shownRunId], ["answering", "r"]);
  const done = applyEvent(result, event("done", { thread_id: "t", status: "succeeded" }));
  assert.deepEqual([done.phase, done.status, isUnderWay(done)], ["ended", "succeeded", false]);
});

test("words come in pieces, and may be taken back", () => {
  assert.equal(told(event("message.delta", { text: "a" }), event("message.delta", { text: "b" })).text, "ab");
  assert.equal(told(event("message.delta", { text: "a" }), event("message.delta", { text: "", reset: true }), event("message.delta", { text: "c" })).text, "c");
});

test("of several runs the last with a result is shown", () => {
  const turn = told(event("run.pending", { run_id: "1" }), event("result", { rows: [] }), event("run.pending", { run_id: "2" }),
    event("repair", { type: "SQL_POLICY_VIOLATION", message: "no" }));
  assert.deepEqual([turn.shownRunId, turn.runIds, turn.repairs.length], ["1", ["1", "2"], 1]);
});

test("what is not understood changes nothing", () => {
  const turn = newTurn(1, "q", "d", 0);
  assert.equal(applyEvent(turn, event("something.new", {})), turn);
  assert.equal(applyEvent(turn, { id: "", name: "plan", data: "{half" }), turn);
  assert.equal(applyEvent(turn, { id: "", name: "plan", data: "7" }), turn);
});

test("the run that was kept completes it", () => {
  const run = { run_id: "r", status: "rejected", dataset_id: "e", result: null, error: { type: "X", message: "no" } };
  const turn = withRun(told(event("run.pending", { run_id: "r" })), run);
  assert.deepEqual([turn.phase, turn.status, turn.datasetId], ["ended", "rejected", "e"]);
  assert.equal(withRun(newTurn(1, "q", "d", 0), { ...run, status: "running" }).phase, "sending");
});
