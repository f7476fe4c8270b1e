/**
 * Makes a key that does not exist yet.
 */
import { useState } from 'preact/hooks';
import { type ExpiryChoice, ExpiryFields } from './expiry-fields.js';
import { compact, jsonFault } from './json-text.js';
import { sayDone } from './notices.js';
import { DialogForm } from './parts.js';
import { go } from './route.js';
import { projectClient } from './session.js';

/** Asks for a name and a value. */
export function NewKey({ project, prefix, onClose, onCreated }: {
  readonly project: string; readonly prefix: string; readonly onClose: () => void; readonly onCreated: () => void;
}) {
  const [name, setName] = useState(prefix);
  const [text, setText] = useState('');
  const [expiry, setExpiry] = useState<ExpiryChoice>({});
  const fault = text.trim() === '' ? null : jsonFault(text);
  const isReady = name !== '' && text.trim() !== '' && fault === null;
  return (
    <DialogForm title="New key" action="Create" isReady={isReady} onClose={onClose} onSubmit={async () => {
      await projectClient(project).setText(name, compact(text), { ...expiry, ifSeq: 0 });
      sayDone('Created');
      onCreated();
      go({ view: 'k', key: name });
    }}>
      <div class="field">
        <label>
          Key
          <input value={name} onInput={(event) => setName(event.currentTarget.value)} required autocapitalize="off" spellcheck={false}
            autofocus placeholder="user/1" class="mono" aria-describedby="key-hint" />
        </label>
        <small id="key-hint">“/” and “:” make folders.</small>
      </div>
      <div class="field">
        <label>
          Value, as JSON
          <textarea rows={8} value={text} onInput={(event) => setText(event.currentTarget.value)} required spellcheck={false} class="mono"
            placeholder={'{"name": "Ada"}'} aria-invalid={fault === null ? undefined : 'true'} aria-describedby="value-hint" />
        </label>
        <small id="value-hint">{fault?.message ?? 'A text needs its quotes: "hello".'}</small>
      </div>
      <ExpiryFields onChange={setExpiry} />
    </DialogForm>
  );
}
