// The editor of plans and SQL: CodeMirror, loaded by import() when one is opened. It stands in a shadow root,
// where its style sheets are adopted; as <style> elements the page's policy would not let them in.
import {
  autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap,
  type Completion, type CompletionContext, type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonLanguage } from "@codemirror/lang-json";
import { PostgreSQL, sql, SQLDialect } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap, linter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState, Prec, type Extension, type Transaction } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Fault } from "./places.ts";
import { planProposals } from "./plan-help.ts";
import { KEYWORDS } from "./sql.ts";
import type { Schema } from "./types.ts";

export interface Editing {
  parent: HTMLElement;
  text: string;
  isPlan: boolean;
  label: string;
  schema: Schema | null; // for completion
  check: (text: string) => Promise<Fault[]>; // a moment after each change
  changed: (text: string) => void;
  run: () => void;
  leave: () => void;
}

export interface Editor {
  text: () => string;
  focus: (at?: number) => void;
  show: (faults: Fault[]) => void;
  end: () => void;
}

const CHECK_AFTER_MS = 400;

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.typeName], color: "var(--keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--number)" },
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);

const looks = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--back)", border: "1px solid var(--line)", borderRadius: "8px", fontSize: "0.9rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace', fontSize: "0.85em", lineHeight: "1.55", maxHeight: "28rem", minHeight: "6rem", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)", padding: "0.6rem 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--lit)" },
  ".cm-gutters": { color: "var(--muted)", backgroundColor: "transparent", border: "0" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--lit)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 1.5px", textUnderlineOffset: "2px", backgroundColor: "var(--bad-back)" },
  ".cm-tooltip": { color: "var(--ink)", backgroundColor: "var(--back)", border: "1px solid var(--line)", borderRadius: "6px", maxWidth: "min(30rem, 90vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "inherit", maxWidth: "min(30rem, 90vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "var(--on-accent)", backgroundColor: "var(--accent)" },
  ".cm-tooltip-autocomplete li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-diagnostic": { borderLeftColor: "var(--bad)", padding: "0.3rem 0.6rem" },
  // Where it would lie over the list.
  "@media (max-width: 40rem)": { ".cm-tooltip.cm-completionInfo": { display: "none" } },
  ".cm-panels": { color: "var(--ink)", backgroundColor: "var(--soft)" },
});

// ---- completion ----

function columnsEverywhere(schema: Schema): Completion[] {
  return schema.tables.flatMap((table) =>
    table.columns.map((c) => ({
      label: c.name, type: "property", detail: `${table.name}, ${c.type}`, info: c.description ?? "", boost: 1,
    })),
  );
}

// PostgreSQL's signs, but only the words that a query here has a use for.
const dialect = SQLDialect.define({
  ...PostgreSQL.spec,
  keywords: [...KEYWORDS].join(" "),
  types: "bigint boolean date decimal double integer interval timestamp varchar",
  builtin:
    "abs avg coalesce count date_diff date_part date_trunc length lower max median min nullif quantile_cont rank " +
    "round row_number stddev strftime substring sum trim upper",
});

// Tables, and columns behind "table."; columns alone are proposed wherever a word begins.
function sqlLanguage(schema: Schema | null): Extension {
  const tables = new Map(
    (schema?.tables ?? []).map((t) => [
      t.name, t.columns.map((c) => ({ label: c.name, type: "property", detail: c.type, info: c.description ?? "" })),
    ]),
  );
  const columns = schema ? columnsEverywhere(schema) : [];
  const source = (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[A-Za-z_]\w*/);
    if (!word || context.state.sliceDoc(word.from - 1, word.from) === ".") return null;
    return { from: word.from, options: columns, validFor: /^\w*$/ };
  };
  return [
    sql({
      dialect,
      schema: Object.fromEntries(tables),
      keywordCompletion: (label, type) => ({ label: type === "keyword" ? label.toUpperCase() : label, type, boost: -1 }),
    }),
    dialect.language.data.of({ autocomplete: source }),
  ];
}

const KINDS = { name: "property", word: "keyword", table: "class", column: "variable" } as const;

function planLanguage(schema: Schema | null): Extension {
  const source = (context: CompletionContext): CompletionResult | null => {
    const before = context.state.sliceDoc(0, context.pos);
    if (!context.explicit && !/["\w.]$/.test(before)) return null;
    const { from, to, proposals } = planProposals(context.state.doc.toString(), context.pos, schema);
    // Compared with what stands before the cursor; CodeMirror would take the closing quote along.
    const written = context.state.sliceDoc(from, context.pos).replace(/^"/, "").toLowerCase();
    const at = (text: string): number => text.toLowerCase().indexOf(written);
    const fitting = proposals.filter((p) => at(p.text) >= 0).sort((a, b) => Number(at(a.text) > 1) - Number(at(b.text) > 1));
    if (fitting.length === 0) return null;
    return {
      from, to, filter: false,
      options: fitting.map((p) => ({ label: p.text, type: KINDS[p.kind], detail: p.detail ?? "", info: p.info ?? "" })),
    };
  };
  return [json(), jsonLanguage.data.of({ autocomplete: source })];
}

// ---- the editor ----

const diagnostic = (fault: Fault): Diagnostic => ({ ...fault, severity: "error" });

function keys(editing: Editing): Extension {
  const done = (what: () => void) => (): boolean => {
    what();
    return true;
  };
  return [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run: done(editing.run) }])),
    // Tab is the browser's own: it leaves. Escape closes what is open first.
    keymap.of([
      ...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap,
      { key: "Escape", run: done(editing.leave) },
    ]),
  ];
}

// Of what is typed over, the browser would keep the colours, by a style attribute, which the page's policy does
// not let in. So it is not the browser that puts it there.
const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== "insertText" || event.data === null || empty || view.composing) return false;
    const text = event.data;
    const insert = (): Transaction => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    event.preventDefault();
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true;
  },
});

export function edit(editing: Editing): Editor {
  const root = editing.parent.shadowRoot ?? editing.parent.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: editing.text,
      extensions: [
        keys(editing), typedOver, lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), indentOnInput(),
        autocompletion({ icons: false }), EditorView.lineWrapping, syntaxHighlighting(colours), looks,
        editing.isPlan ? planLanguage(editing.schema) : sqlLanguage(editing.schema),
        linter(
          async (now) => (await editing.check(now.state.doc.toString())).map(diagnostic), { delay: CHECK_AFTER_MS },
        ),
        EditorView.contentAttributes.of({ "aria-label": editing.label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && editing.changed(update.state.doc.toString())),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    focus: (at) => {
      if (at !== undefined) view.dispatch({ selection: { anchor: at }, scrollIntoView: true });
      view.focus();
    },
    show: (faults) => view.dispatch(setDiagnostics(view.state, faults.map(diagnostic))),
    end: () => view.destroy(),
  };
}
