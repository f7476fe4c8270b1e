/**
 * The editor of JSON, CodeMirror, in a file of its own that is loaded when a value is opened. It lives in a shadow tree: its styles are
 * made by scripts there, which the content security policy allows.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { EditorState, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, WidgetType,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** An editor in the page. */
export interface Editor {
  /** What is in it. */
  readonly text: () => string;
  readonly setText: (text: string) => void;
  readonly focus: () => void;
  /** Marks a place of the text; null: none. */
  readonly showFault: (index: number | null) => void;
  /** Takes it out of the page. */
  readonly destroy: () => void;
}

/** What an editor is for. */
export interface EditorOptions {
  readonly text: string;
  /** What a screen reader calls it. */
  readonly label: string;
  readonly isReadOnly: boolean;
  readonly onChange?: (text: string) => void;
  /** Called for Ctrl-S, or Cmd-S. */
  readonly onSave?: () => void;
}

/** Folding and colors of a longer text cost more than they help. */
const LANGUAGE_CHARACTERS_MAX = 2_000_000;

const COLORS = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--json-name)' },
  { tag: tags.string, color: 'var(--json-string)' },
  { tag: tags.number, color: 'var(--json-number)' },
  { tag: [tags.bool, tags.null], color: 'var(--json-word)' },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--muted)' },
]);

const LOOK = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', color: 'var(--text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6', overflow: 'auto' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--faint)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { background: 'var(--selection)' },
  '.cm-matchingBracket': { outline: '1px solid var(--line-strong)', backgroundColor: 'transparent' },
  '.cm-fault': { backgroundColor: 'var(--bad-soft)', borderBottom: '2px solid var(--bad)' },
  '.cm-fault-end': { display: 'inline-block', width: '1ch', height: '1.2em', verticalAlign: 'text-bottom' },
  '.cm-foldPlaceholder': { background: 'var(--hover)', border: '1px solid var(--line)', color: 'var(--muted)', padding: '0 4px' },
});

/** Stands where something is missing at the end of a line. */
class FaultAtEnd extends WidgetType {
  override eq(): boolean {
    return true;
  }

  toDOM(): HTMLElement {
    const element = document.createElement('span');
    element.className = 'cm-fault cm-fault-end';
    return element;
  }
}

const faultIs = StateEffect.define<number | null>();

/** The mark of a fault. It moves with the text until another place is shown. */
const faultMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, { changes, effects, state }) => {
    const shown = effects.find((effect) => effect.is(faultIs));
    if (shown === undefined) return marks.map(changes);
    if (shown.value === null) return Decoration.none;
    const from = Math.min(shown.value, state.doc.length);
    const rest = state.sliceDoc(from, state.doc.lineAt(from).to);
    const [character] = rest;
    return Decoration.set(character === undefined
      ? Decoration.widget({ widget: new FaultAtEnd(), side: 1 }).range(from)
      : Decoration.mark({ class: 'cm-fault' }).range(from, from + character.length));
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Left to the browser, what is typed over a selection would take its styles along as attributes, which the policy of the page forbids. */
const typedOverSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    if (event.inputType !== 'insertText' || event.data === null || view.state.selection.main.empty || view.composing) return false;
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
    event.preventDefault();
    return true;
  },
});

/** Puts an editor into an element. */
export function createEditor(place: HTMLElement, { text, label, isReadOnly, onChange, onSave }: EditorOptions): Editor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open' });
  const save = { key: 'Mod-s', preventDefault: true, run: () => { onSave?.(); return true; } };
  const extensions = [
    lineNumbers(), drawSelection(), LOOK, EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, ...(isReadOnly ? { tabindex: '0' } : {}) }),
    // A right-to-left mark in a string must not turn the rest of its line.
    EditorView.perLineTextDirection.of(false),
    keymap.of([
      ...(onSave === undefined ? [] : [save]), ...historyKeymap, ...foldKeymap, ...defaultKeymap, ...(isReadOnly ? [] : [indentWithTab]),
    ]),
    ...(text.length > LANGUAGE_CHARACTERS_MAX ? [] : [json(), foldGutter(), syntaxHighlighting(COLORS), bracketMatching()]),
    ...(isReadOnly
      ? [EditorState.readOnly.of(true), EditorView.editable.of(false)]
      : [history(), indentOnInput(), highlightActiveLine(), typedOverSelection, faultMark]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange?.(update.state.doc.toString());
    }),
  ];
  const view = new EditorView({ state: EditorState.create({ doc: text, extensions }), parent: root, root });
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    focus: () => view.focus(),
    showFault: (index) => view.dispatch({ effects: faultIs.of(index) }),
    destroy: () => view.destroy(),
  };
}
