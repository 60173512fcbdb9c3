// The answer as a picture: SVG with attributes only, so that it needs no style sheet when it is saved.
import { extent, max, min } from "d3-array";
import { scaleLinear, scaleUtc } from "d3-scale";
import { line } from "d3-shape";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { formatsOf, numberOf, plainText, short, timeOf, type Format } from "./columns.ts";
import { save, useWidth } from "./parts.tsx";
import { chartsOf, chartWords, measuresOf, type Chart, type ChartKind } from "./shape.ts";
import { labelPlaces, type Tick } from "./ticks.ts";
import type { Json, Result, Row } from "./types.ts";
import { unitSign } from "./units.ts";

interface Theme {
  ink: string;
  muted: string;
  line: string;
  back: string;
  series: string[];
}

// Series can be told apart by people who see few colours (after Okabe and Ito).
const LIGHT: Theme = {
  ink: "#1c2128", muted: "#57606a", line: "#dfe3e8", back: "#ffffff",
  series: ["#2f6ea3", "#c65a11", "#2a8a6a", "#a8497f", "#8a6d00", "#3b8fc4", "#6b5bb5", "#666666"],
};
const DARK: Theme = {
  ink: "#e6e9ed", muted: "#9aa4af", line: "#2f363d", back: "#15181c",
  series: ["#7fb2e0", "#f0975a", "#5cc4a0", "#e08cba", "#d8b93c", "#56b4e9", "#a99bea", "#b0b0b0"],
};

function useTheme(): Theme {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = (): void => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return dark ? DARK : LIGHT;
}

interface Drawing {
  result: Result;
  chart: Chart;
  formats: Format[];
  units: readonly (string | null)[];
  width: number;
  theme: Theme;
}

const FONT = "system-ui, sans-serif";
const CHAR = 6.7; // about the width of a character at 12 px

const cut = (text: string, n: number): string => (text.length > n ? `${text.slice(0, Math.max(n - 1, 1))}…` : text);

const nameOf = (d: Drawing, column: number): string => {
  const unit = d.units[column];
  return d.formats[column]!.name + (unit ? ` (${unitSign(unit)})` : "");
};

interface TextProps {
  x: number;
  y: number;
  fill: string;
  "text-anchor"?: "start" | "middle" | "end";
  children: string;
}

function Text(props: TextProps): JSX.Element {
  return <text font-family={FONT} font-size="12" {...props} />;
}

// ---- bars, one below the other: their names are read as they are written ----

function Bars(d: Drawing): JSX.Element {
  const [step, thick, top] = [26, 16, 24];
  const column = d.chart.y[0]!;
  const format = d.formats[column]!;
  const names = d.result.rows.map((row) => (row[d.chart.x] === null ? "null" : d.formats[d.chart.x]!.show(row[d.chart.x])));
  const values = d.result.rows.map((row) => numberOf(row[column]));
  const known = values.filter((v) => Number.isFinite(v));
  const labels = d.result.rows.map((row) => (row[column] === null ? "null" : format.show(row[column])));
  const left = Math.min(Math.max(...names.map((name) => name.length)) * CHAR + 12, d.width * 0.42);
  const right = Math.max(...labels.map((label) => label.length)) * CHAR + 10;
  const low = Math.min(0, min(known) ?? 0);
  const high = Math.max(0, max(known) ?? 0);
  const room = Math.max(d.width - left - right - (low < 0 ? right : 0), 40);
  const start = left + (low < 0 ? right : 0);
  const x = scaleLinear([low, high === low ? low + 1 : high], [start, start + room]);
  return (
    <>
      <Text x={x(0)} y={12} fill={d.theme.muted}>{nameOf(d, column)}</Text>
      {d.result.rows.map((_, i) => {
        const y = top + i * step;
        const value = values[i]!;
        const length = Number.isFinite(value) ? Math.abs(x(value) - x(0)) : 0;
        const negative = value < 0;
        return (
          <g key={i}>
            <title>{`${names[i]}: ${labels[i]}`}</title>
            <rect x={0} y={y - 4} width={d.width} height={step} fill={d.theme.back} fill-opacity="0" />
            <Text x={left - 8} y={y + thick - 4} text-anchor="end" fill={d.theme.ink}>
              {cut(names[i]!, Math.floor((left - 8) / CHAR))}
            </Text>
            <rect
              x={negative ? x(value) : x(0)} y={y} width={Math.max(length, length > 0 ? 1 : 0)} height={thick} rx="2"
              fill={d.theme.series[0]} data-bar=""
            />
            <Text
              x={(negative ? x(value) : x(0) + length) + (negative ? -6 : 6)} y={y + thick - 4}
              text-anchor={negative ? "end" : "start"} fill={d.theme.muted}
            >
              {labels[i]!}
            </Text>
          </g>
        );
      })}
      <line x1={x(0)} x2={x(0)} y1={top - 4} y2={top + names.length * step - 4} stroke={d.theme.muted} />
    </>
  );
}

// ---- axes of lines and points ----

const [TOP, BOTTOM, PLOT] = [28, 30, 250];

function valueAxis(d: Drawing, values: number[]): { y: (v: number) => number; left: number; axis: JSX.Element } {
  const [low = 0, high = 1] = extent(values.filter((v) => Number.isFinite(v)));
  // Lines may begin above nothing where all of them are far from it.
  const base = low > 0 && low > high * 0.6 ? low - (high - low || high) * 0.15 : Math.min(0, low);
  const scale = scaleLinear([base, high === base ? base + 1 : high], [TOP + PLOT, TOP]).nice(5);
  const ticks = scale.ticks(5);
  const left = Math.max(...ticks.map((tick) => short(tick).length)) * CHAR + 12;
  const axis = (
    <g>
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={left} x2={d.width} y1={scale(tick)} y2={scale(tick)} stroke={d.theme.line} />
          <Text x={left - 8} y={scale(tick) + 4} text-anchor="end" fill={d.theme.muted}>{short(tick)}</Text>
        </g>
      ))}
    </g>
  );
  return { y: (v) => scale(v), left, axis };
}

function tickLabels(d: Drawing, ticks: Tick[]): JSX.Element {
  return (
    <g>
      {labelPlaces(ticks, d.width, CHAR).map(({ at, text, x }) => (
        <g key={at}>
          <line x1={at} x2={at} y1={TOP + PLOT} y2={TOP + PLOT + 4} stroke={d.theme.muted} />
          {x !== null && <Text x={x} y={TOP + PLOT + 18} text-anchor="middle" fill={d.theme.muted}>{text}</Text>}
        </g>
      ))}
    </g>
  );
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// As coarse as the ticks are; the year stands at the first one and wherever it changes.
function timeTicks(ticks: Date[], x: (t: Date) => number): { at: number; text: string }[] {
  const years = ticks.every((t) => t.getUTCMonth() === 0 && t.getUTCDate() === 1 && t.getTime() % 86_400_000 === 0);
  const months = ticks.every((t) => t.getUTCDate() === 1 && t.getTime() % 86_400_000 === 0);
  const days = ticks.every((t) => t.getTime() % 86_400_000 === 0);
  const clock = (t: Date): string => t.toISOString().slice(11, ticks.some((u) => u.getUTCSeconds() > 0) ? 19 : 16);
  return ticks.map((t, i) => {
    const before = ticks[i - 1];
    const year = before?.getUTCFullYear() === t.getUTCFullYear() ? "" : ` ${t.getUTCFullYear()}`;
    const day = `${t.getUTCDate()} ${MONTHS[t.getUTCMonth()]}`;
    const isNewDay = before?.toISOString().slice(0, 10) !== t.toISOString().slice(0, 10);
    const text = years ? String(t.getUTCFullYear()) : months ? `${MONTHS[t.getUTCMonth()]}${year}` : days ? day + year
      : isNewDay ? `${day} ${clock(t)}` : clock(t);
    return { at: x(t), text };
  });
}

interface Line {
  name: string;
  points: { row: Row; x: number; y: number; cell: Json }[];
}

function linesOf(d: Drawing): Line[] {
  const { x, y, series } = d.chart;
  const point = (row: Row, column: number) =>
    ({ row, x: timeOf(row[x]), y: numberOf(row[column]), cell: row[column] ?? null });
  const ready = (points: Line["points"]): Line["points"] =>
    points.filter((p) => !Number.isNaN(p.x)).sort((a, b) => a.x - b.x);
  if (series === null)
    return y.map((column) => ({ name: nameOf(d, column), points: ready(d.result.rows.map((row) => point(row, column))) }));
  const by = new Map<string, Row[]>();
  for (const row of d.result.rows) {
    const name = row[series] === null ? "null" : plainText(row[series]);
    by.set(name, [...(by.get(name) ?? []), row]);
  }
  return [...by].map(([name, rows]) => ({ name, points: ready(rows.map((row) => point(row, y[0]!))) }));
}

// Where each name of the legend stands, from left to right and on as many lines as it takes.
function legendOf(names: string[], width: number): { places: { x: number; y: number }[]; height: number } {
  const places: { x: number; y: number }[] = [];
  let [x, y] = [0, 4];
  for (const name of names) {
    const own = name.length * CHAR + 30;
    if (x > 0 && x + own > width) [x, y] = [0, y + 18];
    places.push({ x, y });
    x += own;
  }
  return { places, height: y + 18 };
}

function Legend(d: Drawing & { names: string[] }): JSX.Element {
  const { places } = legendOf(d.names, d.width);
  return (
    <g>
      {d.names.map((name, i) => (
        <g key={name}>
          <rect x={places[i]!.x} y={places[i]!.y} width={10} height={10} rx="2" fill={d.theme.series[i % 8]} />
          <Text x={places[i]!.x + 15} y={places[i]!.y + 9} fill={d.theme.ink}>{name}</Text>
        </g>
      ))}
    </g>
  );
}

const hasLegend = (chart: Chart): boolean => chart.kind === "line" && (chart.series !== null || chart.y.length > 1);

function Lines(d: Drawing): JSX.Element {
  const lines = linesOf(d);
  const all = lines.flatMap((l) => l.points);
  const { y, left, axis } = valueAxis(d, all.map((p) => p.y));
  const [from = 0, to = 1] = extent(all, (p) => p.x);
  const x = scaleUtc([from, to], [left + 6, d.width - 10]);
  const few = all.length <= 120;
  const path = line<Line["points"][number]>((p) => x(p.x), (p) => y(p.y)).defined((p) => Number.isFinite(p.y));
  const format = d.formats[d.chart.y[0]!]!;
  return (
    <>
      {!hasLegend(d.chart) && (
        <Text x={0} y={13} fill={d.theme.muted}>{lines[0]!.name}</Text>
      )}
      {axis}
      {tickLabels(d, timeTicks(x.ticks(Math.max(2, Math.floor(d.width / 110))), x))}
      {lines.map((l, i) => (
        <g key={l.name}>
          <path d={path(l.points) ?? ""} fill="none" stroke={d.theme.series[i % 8]} stroke-width="2" stroke-linejoin="round" data-line="" />
          {l.points.filter((p) => Number.isFinite(p.y)).map((p, j) => (
            <circle key={j} cx={x(p.x)} cy={y(p.y)} r={few ? 3.5 : 6} fill={d.theme.series[i % 8]} fill-opacity={few ? 1 : 0}>
              <title>{`${l.name}, ${d.formats[d.chart.x]!.show(p.row[d.chart.x])}: ${format.show(p.cell)}`}</title>
            </circle>
          ))}
        </g>
      ))}
    </>
  );
}

function Points(d: Drawing): JSX.Element {
  const [cx, cy] = [d.chart.x, d.chart.y[0]!];
  const rows = d.result.rows.filter((row) => Number.isFinite(numberOf(row[cx])) && Number.isFinite(numberOf(row[cy])));
  const { y, left, axis } = valueAxis(d, rows.map((row) => numberOf(row[cy])));
  const [low = 0, high = 1] = extent(rows, (row) => numberOf(row[cx]));
  const x = scaleLinear([low, high === low ? low + 1 : high], [left + 8, d.width - 12]).nice();
  return (
    <>
      <Text x={0} y={13} fill={d.theme.muted}>{nameOf(d, cy)}</Text>
      <Text x={d.width} y={TOP + PLOT + BOTTOM + 8} text-anchor="end" fill={d.theme.muted}>{nameOf(d, cx)}</Text>
      {axis}
      {tickLabels(d, x.ticks(Math.max(2, Math.floor(d.width / 110))).map((t) => ({ at: x(t), text: short(t) })))}
      {rows.map((row, i) => (
        <circle key={i} cx={x(numberOf(row[cx]))} cy={y(numberOf(row[cy]))} r="4" fill={d.theme.series[0]} fill-opacity="0.7" data-point="">
          <title>{d.formats.map((f, c) => `${f.name}: ${row[c] === null ? "null" : f.show(row[c])}`).join("\n")}</title>
        </circle>
      ))}
    </>
  );
}

// ---- what is around it ----

const heightOf = (result: Result, kind: ChartKind): number =>
  kind === "bar" ? 24 + result.rows.length * 26 : TOP + PLOT + BOTTOM + (kind === "scatter" ? 14 : 0);

// The legend stands above the lines, which begin where one line of it would end.
function WithLegend(d: Drawing): JSX.Element {
  const names = linesOf(d).map((l) => l.name);
  return (
    <>
      <Legend {...d} names={names} />
      <g transform={`translate(0,${legendOf(names, d.width).height - 22})`}><Lines {...d} /></g>
    </>
  );
}

const legendRoom = (d: Drawing): number =>
  hasLegend(d.chart) ? legendOf(linesOf(d).map((l) => l.name), d.width).height - 22 : 0;

function svgText(svg: SVGSVGElement, theme: Theme): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", theme.back]] as const)
    back.setAttribute(name, value);
  copy.insertBefore(back, copy.querySelector("g, text, path, rect"));
  return new XMLSerializer().serializeToString(copy);
}

async function pngOf(svg: SVGSVGElement, theme: Theme): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svgText(svg, theme)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    const scale = 2; // sharp on dense screens and on paper
    canvas.width = svg.width.baseVal.value * scale;
    canvas.height = svg.height.baseVal.value * scale;
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, failed) =>
      canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), "image/png"),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

const BOX_HEIGHT = 544; // as in style.css; a higher chart is scrolled
const KIND_WORDS: Record<ChartKind, string> = { bar: "Bars", line: "Lines", scatter: "Points" };

interface About {
  result: Result;
  plan: Json;
  question: string;
  units: readonly (string | null)[];
  name: string; // of files
}

// Nothing, when the answer has no shape for a chart.
export function ResultChart(props: About): JSX.Element | null {
  const { result, units } = props;
  const charts = useMemo(() => chartsOf(result, props.plan, props.question, units), [result, units]);
  return charts.length > 0 ? <ChartOf {...props} charts={charts} /> : null;
}

function ChartOf(props: About & { charts: Chart[] }): JSX.Element {
  const { result, units, charts } = props;
  const measures = useMemo(() => measuresOf(result), [result]);
  const formats = useMemo(() => formatsOf(result), [result]);
  const [kind, setKind] = useState<ChartKind | "none" | null>(null);
  const [measure, setMeasure] = useState<number | null>(null);
  const [box, width] = useWidth();
  const svg = useRef<SVGSVGElement>(null);
  const theme = useTheme();
  const found = charts.find((chart) => chart.kind === kind) ?? charts[0]!;
  const several = measures.length > 1 && found.kind !== "scatter" && found.y.length === 1;
  const chart = several && measure !== null ? { ...found, y: [measure] } : found;
  const words = chartWords(result, chart, (column, cell) => formats[column]!.show(cell));
  const drawing: Drawing = { result, chart, formats, units, width, theme };
  const hidden = kind === "none";
  return (
    <figure class="chart">
      <figcaption class="tools">
        <label>
          Chart{" "}
          <select value={hidden ? "none" : chart.kind} onChange={(e) => setKind(e.currentTarget.value as ChartKind | "none")}>
            {charts.map((c) => <option key={c.kind} value={c.kind}>{KIND_WORDS[c.kind]}</option>)}
            <option value="none">None</option>
          </select>
        </label>
        {several && !hidden && (
          <label>
            of{" "}
            <select value={chart.y[0]} onChange={(e) => setMeasure(Number(e.currentTarget.value))}>
              {measures.map((i) => <option key={i} value={i}>{result.columns[i]}</option>)}
            </select>
          </label>
        )}
        {!hidden && (
          <span class="end">
            <button type="button" class="quiet" onClick={() => save(`${props.name}.svg`, new Blob([svgText(svg.current!, theme)], { type: "image/svg+xml" }))}>
              SVG
            </button>
            <button type="button" class="quiet" onClick={() => void pngOf(svg.current!, theme).then((blob) => save(`${props.name}.png`, blob))}>
              PNG
            </button>
          </span>
        )}
      </figcaption>
      <div
        ref={box} class="chart-box" hidden={hidden}
        {...(heightOf(result, chart.kind) > BOX_HEIGHT ? { role: "region", "aria-label": "Chart", tabIndex: 0 } : {})}
      >
        {width > 0 && !hidden && (
          <svg ref={svg} role="img" aria-label={words} width={width} height={heightOf(result, chart.kind) + legendRoom(drawing)}>
            {chart.kind === "bar" ? <Bars {...drawing} /> : chart.kind === "scatter" ? <Points {...drawing} /> : hasLegend(chart) ? <WithLegend {...drawing} /> : <Lines {...drawing} />}
          </svg>
        )}
      </div>
    </figure>
  );
}
