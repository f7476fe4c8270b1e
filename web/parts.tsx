/**
 * Small parts that several views are made of.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from './failures.js';
import { ago, exactTime } from './format.js';
import { Icon, type IconName } from './icon.js';
import { type ActionName, sayDone, sayFailed } from './notices.js';

/** A button with an icon; its label is read, and shown unless `isBare`. */
export function Action({ icon, label, onClick, isBare = false, kind, disabled, pressed }: {
  readonly icon?: IconName;
  readonly label: string;
  readonly onClick?: () => void;
  readonly isBare?: boolean;
  readonly kind?: 'primary' | 'danger';
  readonly disabled?: boolean;
  readonly pressed?: boolean;
}) {
  return (
    <button type="button" class={`${kind ?? ''} ${isBare ? 'bare' : ''}`} {...(isBare ? { 'aria-label': label, 'title': label } : {})}
      onClick={onClick} disabled={disabled} aria-pressed={pressed}>
      {icon !== undefined && <Icon name={icon} />}
      {!isBare && <span>{label}</span>}
    </button>
  );
}

/** A time, short; the whole time appears when it is pointed at. */
export function Time({ of }: { readonly of: Date | string | null }) {
  if (of === null) return <span class="muted">–</span>;
  return <time dateTime={new Date(of).toISOString()} title={exactTime(of)}>{ago(of)}</time>;
}

/** A word with a color that says how things are. */
export function Badge({ tone = 'plain', children }: {
  readonly tone?: 'plain' | 'good' | 'warn' | 'bad' | 'accent'; readonly children: ComponentChildren;
}) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** The name of a key, which can be anything: kept apart from the direction of the text around it. */
export function KeyName({ of }: { readonly of: string }) {
  return <bdi class="key-name">{visible(of)}</bdi>;
}

/** Characters that would turn or hide the rest of the text are shown as what they are. */
function visible(text: string): string {
  return text.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (character) => (
    `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`
  ));
}

/** What went wrong while a view was loaded, with a way to try again. */
export function Failure({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>{messageOf(error)}</p>
      {onRetry !== undefined && <Action label="Try again" icon="refresh" onClick={onRetry} />}
    </div>
  );
}

/** What stands where there is nothing yet. */
export function Empty({ icon, title, children }: {
  readonly icon: IconName; readonly title: string; readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

/** Stands for what is being loaded. */
export function Loading({ what }: { readonly what: string }) {
  return <p class="loading" role="status">Loading {what}…</p>;
}

/** Copies a text. */
export function Copy({ text, label }: { readonly text: string; readonly label: string }) {
  return <Action icon="copy" label={label} isBare onClick={() => void copyText(text)} />;
}

/** Copies a text, where the browser allows it: on HTTPS and on the machine itself. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    sayDone('Copied', 'copy');
  } catch {
    sayFailed(new Error('This browser does not let pages without HTTPS copy: select the text and copy it'), 'copy');
  }
}

/**
 * A window that has to be answered before anything else. Escape and the close button answer no, unless only its own buttons may close it.
 */
export function Dialog({ title, isKept = false, onClose, children }: {
  readonly title: string; readonly isKept?: boolean; readonly onClose: () => void; readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  // Browsers let a page refuse the first Escape, and close at the second.
  const keep = (): void => dialog.current?.showModal();
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onCancel={isKept ? (event) => event.preventDefault() : onClose}
      onClose={isKept ? keep : onClose}>
      <article>
        <header>
          <h2 id="dialog-title">{title}</h2>
          {!isKept && <Action icon="close" label="Close" isBare onClick={onClose} />}
        </header>
        {children}
      </article>
    </dialog>
  );
}

/** A form in a dialog: what it does, what it refuses with, and a button that is busy meanwhile. */
export function DialogForm({ title, action, kind = 'primary', onSubmit, onClose, isReady = true, children }: {
  readonly title: string;
  /** The label of the button. */
  readonly action: string;
  readonly kind?: 'primary' | 'danger';
  readonly onSubmit: () => Promise<void>;
  readonly onClose: () => void;
  readonly isReady?: boolean;
  readonly children?: ComponentChildren;
}) {
  const [error, setError] = useState<unknown>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setIsBusy(true);
    setError(undefined);
    void onSubmit().then(onClose, setError).finally(() => setIsBusy(false));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        {error !== undefined && <p class="refusal" role="alert">{messageOf(error)}</p>}
        <footer>
          <Action label="Cancel" onClick={onClose} />
          <button type="submit" class={kind} disabled={!isReady || isBusy}>{action}</button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Runs what a button does, and says how it went. */
export function attempt(action: ActionName, what: () => Promise<string>): void {
  what().then((text) => sayDone(text, action), (error: unknown) => sayFailed(error, action));
}
