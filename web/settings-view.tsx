/**
 * The settings of a project, and what ends it.
 */
import { useState } from 'preact/hooks';
import type { ProjectJson, SettingsChangeJson } from '../src/client/index.js';
import { count } from './format.js';
import { KeyShown } from './key-shown.js';
import { sayDone, sayFailed } from './notices.js';
import { Action, DialogForm, Failure, Loading } from './parts.js';
import { go } from './route.js';
import { admin, isGlobal, mayListProjects } from './session.js';
import { type SettingField as Field, SETTING_GROUPS } from './setting-fields.js';
import { useLoad } from './use-load.js';

const NO_LIMIT = 'no limit';

/** Shows and changes the settings. */
export function SettingsView({ project }: { readonly project: string }) {
  const { data, error, reload } = useLoad((signal) => admin().projects.get(project, { signal }), [project]);
  return (
    <div class="page narrow">
      <div class="title"><h1>Settings</h1></div>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what="settings" />}
      {data !== undefined && <SettingsForm key={data.updated_at} details={data} onSaved={reload} />}
      <Danger project={project} />
    </div>
  );
}

function SettingsForm({ details, onSaved }: { readonly details: ProjectJson; readonly onSaved: () => void }) {
  const [changes, setChanges] = useState<ReadonlyMap<Field, unknown>>(new Map());
  const [apiKey, setApiKey] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const set = (field: Field, value: unknown): void => {
    const next = new Map(changes);
    if (value === valueAt(details, field)) next.delete(field);
    else next.set(field, value);
    setChanges(next);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    setIsBusy(true);
    void admin().projects.update(details.id, changeOf(changes)).then((changed) => {
      sayDone('Settings saved', 'change settings');
      if (changed.api_key !== undefined) setApiKey(changed.api_key);
      else onSaved();
    }, (error: unknown) => sayFailed(error, 'change settings')).finally(() => setIsBusy(false));
  };
  return (
    <form class="settings" onSubmit={submit}>
      {SETTING_GROUPS.map(({ title, fields }) => (
        <fieldset key={title}>
          <legend>{title}</legend>
          {fields.map((field) => (
            <SettingField key={field.label} field={field} value={changes.has(field) ? changes.get(field) : valueAt(details, field)}
              onChange={(value) => set(field, value)} />
          ))}
        </fieldset>
      ))}
      <footer>
        <button type="submit" class="primary" disabled={changes.size === 0 || isBusy}>Save</button>
        {changes.size > 0 && <Action label="Reset" onClick={() => setChanges(new Map())} />}
      </footer>
      {apiKey !== null && <KeyShown title={`API key of “${details.id}”`} apiKey={apiKey} onClose={onSaved} />}
    </form>
  );
}

interface FieldProps {
  readonly field: Field;
  readonly value: unknown;
}

function SettingField({ field, value, onChange }: FieldProps & { readonly onChange: (value: unknown) => void }) {
  const { kind, label, hint, none = NO_LIMIT } = field;
  if (field.isOfServer && !isGlobal()) return <ShownSetting field={field} value={value} />;
  if (kind === 'flag') {
    return (
      <label class="tick setting">
        <input type="checkbox" role="switch" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
        <span>{label}<small>{hint}</small></span>
      </label>
    );
  }
  return (
    <label class="setting">
      <span>{label}<small>{hint}{kind === 'limit' && ` Empty: ${none}.`}</small></span>
      {typeof kind === 'string'
        ? (
          <input type="number" step="1" min="0" required={kind === 'number'} placeholder={kind === 'limit' ? NO_LIMIT : ''}
            value={value === null ? '' : String(value)} onInput={(event) => onChange(numberOf(event.currentTarget.value))} />
        )
        : (
          <select value={String(value)} onChange={(event) => onChange(event.currentTarget.value)}>
            {kind.map((one) => <option key={one}>{one}</option>)}
          </select>
        )}
    </label>
  );
}

/** A setting that the caller cannot change. */
function ShownSetting({ field: { label, hint }, value }: FieldProps) {
  return (
    <dl class="setting">
      <dt>{label}{hint !== '' && <small>{hint}</small>}</dt>
      <dd>{textOf(value)}</dd>
    </dl>
  );
}

function textOf(value: unknown): string {
  if (value === null) return NO_LIMIT;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'number' ? count(value) : String(value);
}

function Danger({ project }: { readonly project: string }) {
  const [dialog, setDialog] = useState<'key' | 'delete' | null>(null);
  const [typed, setTyped] = useState('');
  const [apiKey, setApiKey] = useState<string | null>(null);
  const close = (): void => setDialog(null);
  if (!isGlobal()) return null;
  return (
    <section class="danger-zone" aria-label="What cannot be undone">
      <div class="row">
        <span>Replace the primary API key<small>The present one stops at once.</small></span>
        <Action label="Replace" onClick={() => setDialog('key')} />
      </div>
      <div class="row">
        <span>Delete the project<small>With its keys, values and history, for good.</small></span>
        <Action kind="danger" label="Delete" onClick={() => { setTyped(''); setDialog('delete'); }} />
      </div>
      {dialog === 'key' && (
        <DialogForm title="Replace the primary API key?" action="Replace" kind="danger" onClose={close} onSubmit={async () => {
          setApiKey((await admin().projects.regenerateKey(project)).api_key);
        }}>
          <p>
            Programs that use the present key are refused from then on. To rotate without an interruption, use the keys under
            “API keys”.
          </p>
        </DialogForm>
      )}
      {dialog === 'delete' && (
        <DialogForm title={`Delete “${project}”?`} action="Delete for good" kind="danger" isReady={typed === project}
          onClose={close} onSubmit={async () => {
            await admin().projects.delete(project);
            sayDone(`“${project}” was deleted`);
            if (mayListProjects()) go({ project: null, view: 'projects', key: null, at: null, prefix: '' });
          }}>
          <p>All keys, values and the whole history of the project are deleted. Only a backup can bring them back.</p>
          <label>
            Type <b>{project}</b> to confirm
            <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} autocapitalize="off" spellcheck={false}
              autofocus />
          </label>
        </DialogForm>
      )}
      {apiKey !== null && <KeyShown title={`API key of “${project}”`} apiKey={apiKey} onClose={() => setApiKey(null)} />}
    </section>
  );
}

function valueAt(details: ProjectJson, { path }: Field): unknown {
  return path.reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>>)[name], details);
}

function changeOf(changes: ReadonlyMap<Field, unknown>): SettingsChangeJson {
  const change: Record<string, unknown> = {};
  for (const [{ path }, value] of changes) {
    let place = change;
    for (const name of path.slice(0, -1)) place = (place[name] ??= {}) as Record<string, unknown>;
    place[path.at(-1) ?? ''] = value;
  }
  return change;
}

function numberOf(text: string): number | null {
  return text === '' ? null : Number(text);
}
