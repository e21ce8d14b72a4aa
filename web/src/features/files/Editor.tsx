import { css } from "@codemirror/lang-css";
import { html } from "@codemirror/lang-html";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import { changedLines } from "./changedLines";

export type EditorProps = { path: string; text: string; line?: number; wrap: boolean };

/** A file to read: coloured, with line numbers; an edit comes in at its place and is tinted for 2 s. */
export default function Editor({ path, text, line, wrap }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);

  useEffect(() => {
    const made = new EditorView({ parent: host.current!, state: makeState(path, text, wrap) });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- text and wrap are brought in below
  }, [path]);

  useEffect(() => {
    const v = view.current;
    if (v) update(v, text);
  }, [text, path]);

  useEffect(() => {
    view.current?.dispatch({ effects: wrapping.reconfigure(wrap ? EditorView.lineWrapping : []) });
  }, [wrap, path]);

  useEffect(() => {
    const v = view.current;
    if (!v || !line) return;
    const at = v.state.doc.line(Math.min(line, v.state.doc.lines));
    v.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
  }, [line, path]);

  return <div ref={host} className="min-h-0 flex-1 overflow-hidden" />;
}

const wrapping = new Compartment();
const tint = StateEffect.define<{ from: number; to: number } | null>();
const tinted = Decoration.line({ class: "cm-changed" });

const tintField = StateField.define({
  create: () => Decoration.none,
  update(marks, tr) {
    let next = marks.map(tr.changes);
    for (const e of tr.effects) {
      if (!e.is(tint)) continue;
      next = e.value ? lines(tr.state, e.value) : Decoration.none;
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function lines(state: EditorState, { from, to }: { from: number; to: number }) {
  const out = [];
  for (let n = from; n <= Math.min(to, state.doc.lines); n++) out.push(tinted.range(state.doc.line(n).from));
  return RangeSet.of(out);
}

// Only the part that differs is replaced, so that caret and scroll stay where they are.
function update(view: EditorView, text: string): void {
  const before = view.state.doc.toString();
  if (before === text) return;
  const changed = changedLines(before, text);
  let head = 0;
  while (head < before.length && head < text.length && before[head] === text[head]) head++;
  let tail = 0;
  while (tail < before.length - head && tail < text.length - head && before.at(-1 - tail) === text.at(-1 - tail))
    tail++;
  view.dispatch({
    changes: { from: head, to: before.length - tail, insert: text.slice(head, text.length - tail) },
    effects: changed ? tint.of(changed) : [],
  });
  if (changed) setTimeout(() => view.dispatch({ effects: tint.of(null) }), 2000);
}

function makeState(path: string, text: string, wrap: boolean): EditorState {
  return EditorState.create({
    doc: text,
    extensions: [
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({ "aria-label": `${path}, read only`, "aria-readonly": "true", tabindex: "0" }),
      lineNumbers(),
      drawSelection(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      search({ top: true }),
      keymap.of(searchKeymap),
      syntaxHighlighting(colours),
      language(path),
      tintField,
      wrapping.of(wrap ? EditorView.lineWrapping : []),
      look,
    ],
  });
}

function language(path: string): Extension {
  const end = path.split(".").at(-1)?.toLowerCase() ?? "";
  if (/^[mc]?[jt]sx?$/.test(end)) return javascript({ jsx: !/^[mc]?ts$/.test(end), typescript: end.includes("t") });
  if (end === "css" || end === "scss") return css();
  if (["html", "htm", "svg", "vue", "xml"].includes(end)) return html();
  if (["json", "jsonc", "map"].includes(end)) return json();
  return end === "md" || end === "mdx" ? markdown() : [];
}

const colours = HighlightStyle.define([
  {
    tag: [t.keyword, t.modifier, t.operatorKeyword, t.tagName, t.atom, t.bool, t.null, t.self],
    color: "var(--syn-key)",
  },
  { tag: [t.string, t.special(t.string), t.regexp, t.attributeValue], color: "var(--syn-str)" },
  { tag: [t.number, t.color, t.unit], color: "var(--syn-num)" },
  {
    tag: [
      t.function(t.variableName),
      t.function(t.propertyName),
      t.typeName,
      t.className,
      t.attributeName,
      t.propertyName,
    ],
    color: "var(--syn-fn)",
  },
  { tag: [t.comment, t.meta, t.processingInstruction], color: "var(--syn-com)" },
  { tag: [t.heading, t.strong], fontWeight: "600" },
  { tag: t.emphasis, fontStyle: "italic" },
  { tag: [t.link, t.url], color: "var(--accent-text)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--code-bg)", color: "var(--text)", fontSize: "12.5px" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", fontVariantLigatures: "none", lineHeight: "18px" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--code-bg)", color: "var(--text-3)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 12px 0 16px" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--accent-soft) 50%, transparent)" },
  ".cm-changed": { backgroundColor: "var(--diff-add)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", borderColor: "var(--line-strong)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--surface)", borderColor: "var(--line)" },
});
