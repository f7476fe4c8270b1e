/**
 * Shows or edits JSON: a place for the editor, which is loaded when the first of them appears.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Editor } from './editor.js';

/** Shows a text. While it is edited, the text of the editor counts, not the property. */
export function JsonEditor({ text, label, isReadOnly = true, faultAt = null, onChange, onSave }: {
  readonly text: string;
  readonly label: string;
  readonly isReadOnly?: boolean;
  /** Where the text stops being JSON; null: nowhere. */
  readonly faultAt?: number | null;
  readonly onChange?: (text: string) => void;
  readonly onSave?: () => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const listeners = useRef({ onChange, onSave });
  listeners.current = { onChange, onSave };
  const [isLoading, setIsLoading] = useState(true);
  const [isFailed, setIsFailed] = useState(false);
  useEffect(() => {
    let isGone = false;
    import('./editor.js').then(({ createEditor }) => {
      if (isGone || place.current === null) return;
      editor.current = createEditor(place.current, {
        text, label, isReadOnly,
        onChange: (next) => listeners.current.onChange?.(next),
        ...(isReadOnly ? {} : { onSave: () => listeners.current.onSave?.() }),
      });
      setIsLoading(false);
      if (!isReadOnly) editor.current.focus();
    }, () => setIsFailed(true));
    return () => {
      isGone = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, [isReadOnly, label]);
  useEffect(() => {
    const { current } = editor;
    if (current !== null && current.text() !== text) current.setText(text);
  }, [text]);
  useEffect(() => editor.current?.showFault(faultAt), [faultAt, isLoading]);
  return (
    <>
      <div class="editor" ref={place} hidden={isLoading} />
      {/* The text can be read before, and without, the editor. */}
      {isLoading && <pre class="editor" tabIndex={0}>{text}</pre>}
      {isFailed && !isReadOnly && <p class="refusal" role="alert">The editor could not be loaded; load the page again</p>}
    </>
  );
}
