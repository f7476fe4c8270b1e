/**
 * The way in: with an API key, or without one where a scope is open.
 */
import { useState } from 'preact/hooks';
import { isCode } from '../src/client/index.js';
import { Logo } from './app.js';
import { messageOf } from './failures.js';
import { enter, farewell, serverUrl } from './session.js';

const NEEDS_KEY = 'This needs an API key';

/** Asks for an API key. */
export function LoginView() {
  const [key, setKey] = useState('');
  const [keeps, setKeeps] = useState(false);
  const [project, setProject] = useState('');
  const [isOpen, setIsOpen] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const submit = (event: Event): void => {
    event.preventDefault();
    setIsBusy(true);
    setError(undefined);
    const entered = isOpen ? enter(undefined, project === '' ? {} : { project }) : enter(key.trim(), { keeps });
    void entered.catch(setError).finally(() => setIsBusy(false));
  };
  return (
    <main class="login">
      <form onSubmit={submit} autocomplete="off">
        <h1><Logo />SimpleKV</h1>
        <p class="muted">{serverUrl}</p>
        {farewell.value !== null && error === undefined && <p class="refusal" role="status">{farewell.value}</p>}
        {isOpen ? (
          <div class="field">
            <label>
              Open project
              <input value={project} onInput={(event) => setProject(event.currentTarget.value)} placeholder="all projects"
                autocapitalize="off" spellcheck={false} aria-describedby="open-hint" />
            </label>
            <small id="open-hint">The ID of a project without authentication. Empty: the whole server, if that is open.</small>
          </div>
        ) : (
          <>
            <div class="field">
              <label>
                API key
                <input type="password" value={key} onInput={(event) => setKey(event.currentTarget.value)} placeholder="skv_…" required
                  autocomplete="off" spellcheck={false} aria-describedby="key-hint" autofocus />
              </label>
              <small id="key-hint">
                The key of a project opens that project, the global key all of them. Both were printed when the server started for the
                first time.
              </small>
            </div>
            <label class="tick">
              <input type="checkbox" checked={keeps} onChange={(event) => setKeeps(event.currentTarget.checked)} />
              Keep it until this tab is closed
            </label>
          </>
        )}
        {error !== undefined && (
          <p class="refusal" role="alert">{isOpen && isCode(error, 'unauthorized') ? NEEDS_KEY : messageOf(error)}</p>
        )}
        <button type="submit" class="primary" disabled={isBusy} aria-busy={isBusy}>{isOpen ? 'Open' : 'Sign in'}</button>
        <button type="button" class="plain" onClick={() => { setIsOpen(!isOpen); setError(undefined); }}>
          {isOpen ? 'Use an API key' : 'Without an API key'}
        </button>
      </form>
    </main>
  );
}
