/**
 * Shows a new API key, which the server hands out once.
 */
import { Action, copyText, Dialog } from './parts.js';

/** Shows it until the user closes the window. */
export function KeyShown({ title, apiKey, onClose }: { readonly title: string; readonly apiKey: string; readonly onClose: () => void }) {
  return (
    <Dialog title={title} isKept onClose={onClose}>
      <p>The server stores only a hash of it, and cannot show it again. Keep it where you keep passwords.</p>
      <p><code class="secret">{apiKey}</code></p>
      <footer>
        <Action icon="copy" label="Copy" onClick={() => void copyText(apiKey)} />
        <Action kind="primary" label="I have saved it" onClick={onClose} />
      </footer>
    </Dialog>
  );
}
