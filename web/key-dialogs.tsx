/**
 * What is asked before a key is deleted, and when its value expires.
 */
import { useState } from 'preact/hooks';
import { isCode, type Entry } from '../src/client/index.js';
import { type ExpiryChoice, ExpiryFields } from './expiry-fields.js';
import { sayDone } from './notices.js';
import { DialogForm, KeyName } from './parts.js';
import { go } from './route.js';
import { projectClient } from './session.js';

interface KeyDialogProps {
  readonly project: string;
  readonly entry: Entry<string>;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Deletes the version that is shown, and no later one. */
export function DeleteKey({ project, entry, onClose, onDone }: KeyDialogProps) {
  return (
    <DialogForm title="Delete this key?" action="Delete" kind="danger" onClose={onClose} onSubmit={() => onlyThisVersion(async () => {
      await projectClient(project).delete(entry.key, { ifEtag: entry.etag });
      sayDone('Deleted');
      go({ view: 'keys', key: null });
      onDone();
    })}>
      <p><KeyName of={entry.key} /></p>
      <p class="muted">Its history stays in the log, so it can be restored.</p>
    </DialogForm>
  );
}

/** Changes when the value expires, without sending it again. */
export function ExpiryDialog({ project, entry, onClose, onDone }: KeyDialogProps) {
  const [choice, setChoice] = useState<ExpiryChoice>({});
  return (
    <DialogForm title="When does this value expire?" action="Change" onClose={onClose} onSubmit={() => onlyThisVersion(async () => {
      await projectClient(project).batch().touch(entry.key, { ...choice, ifEtag: entry.etag }).commit();
      sayDone('Changed when it expires');
      onDone();
    })}>
      <p><KeyName of={entry.key} /></p>
      <ExpiryFields onChange={setChoice} />
    </DialogForm>
  );
}

async function onlyThisVersion(change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!isCode(error, 'precondition_failed')) throw error;
    throw new Error('The key has changed since you have loaded it: close this window and reload it', { cause: error });
  }
}
