import assert from "node:assert/strict";
import { test } from "node:test";
import { labelPlaces } from "../src/ticks.ts";

const shown = (ticks, width) => labelPlaces(ticks.map(([at, text]) => ({ at, text })), width, 7).filter((t) => t.x !== null);
const texts = (...given) => shown(...given).map((t) => t.text);

test("labels that have room stay where they are", () => {
  assert.deepEqual(shown([[100, "Aug 2025"], [200, "Oct"], [300, "Dec"]], 400).map((t) => [t.x, t.text]), [[100, "Aug 2025"], [200, "Oct"], [300, "Dec"]]);
});

test("at the edges they are moved in, and what says more stays", () => {
  assert.deepEqual(texts([[60, "Aug 2025"], [180, "Oct"], [268, "Dec"], [312, "Jan 2026"]], 320), ["Aug 2025", "Oct", "Jan 2026"]);
  const [label] = shown([[318, "Jan 2026"]], 320);
  assert.equal(label.x + (8 * 7) / 2 + 2, 320);
});

test("no two overlap, however narrow", () => {
  for (let width = 60; width < 400; width += 7) {
    const ticks = Array.from({ length: 12 }, (_, i) => [(i * width) / 11, i % 5 === 0 ? `Jan 20${20 + i}` : "Feb"]);
    const places = shown(ticks, width);
    assert.ok(places.length > 0);
    for (let i = 1; i < places.length; i++)
      assert.ok(places[i].x - places[i - 1].x >= ((places[i].text.length + places[i - 1].text.length) * 7) / 2 + 8);
  }
});
