// Which of an axis' marks are labelled, and where: within the picture, and no label over another.
export interface Tick {
  at: number;
  text: string;
}

const GAP = 8; // pixels between two labels

// char: about the width of a character. x is the label's middle; null: there is no room for it. The longest come
// first: "Jan 2026" says what "Dec" beside it does not.
export function labelPlaces(ticks: readonly Tick[], width: number, char: number): (Tick & { x: number | null })[] {
  const half = (tick: Tick): number => (tick.text.length * char) / 2;
  const middle = (tick: Tick): number => Math.min(Math.max(tick.at, half(tick) + 2), width - half(tick) - 2);
  const shown: Tick[] = [];
  for (const tick of [...ticks].sort((a, b) => b.text.length - a.text.length || a.at - b.at))
    if (shown.every((other) => Math.abs(middle(other) - middle(tick)) >= half(other) + half(tick) + GAP)) shown.push(tick);
  return ticks.map((tick) => ({ ...tick, x: shown.includes(tick) ? middle(tick) : null }));
}
