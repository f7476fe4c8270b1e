/**
 * The API keys of a project, or those that hold for all projects: what they may do, and new ones.
 */
import { useState } from 'preact/hooks';
import type { ApiKeyJson } from '../src/client/index.js';
import { KeyShown } from './key-shown.js';
import { sayDone } from './notices.js';
import { Action, Badge, DialogForm, Empty, Failure, Loading, Time } from './parts.js';
import { admin, may, type Permission } from './session.js';
import { useLoad } from './use-load.js';

const PERMISSIONS: readonly { readonly name: Permission; readonly meaning: string; readonly isOfServer?: boolean }[] = [
  { name: 'read', meaning: 'read and list values' },
  { name: 'write', meaning: 'set and delete values' },
  { name: 'history', meaning: 'read the log; with “read”, earlier states' },
  { name: 'admin', meaning: 'change settings and manage API keys' },
  { name: 'metrics', meaning: 'read the metrics of the server', isOfServer: true },
  { name: 'all', meaning: 'everything' },
];
const SECONDS_PER_DAY = 86_400;
const OVERLAPS = [
  { seconds: 0, label: 'at once' }, { seconds: 3600, label: 'after an hour' }, { seconds: SECONDS_PER_DAY, label: 'after a day' },
  { seconds: 7 * SECONDS_PER_DAY, label: 'after a week' },
] as const;
const TONES = { active: 'good', not_yet: 'plain', expired: 'bad' } as const;

type OpenDialog = { readonly kind: 'new' } | { readonly kind: 'rotate' | 'revoke'; readonly entry: ApiKeyJson };

/** Shows the keys of a project, or with null those of the server. */
export function AccessView({ project }: { readonly project: string | null }) {
  const { data, error, reload } = useLoad((signal) => admin().apiKeys.list(project, { signal }), [project]);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const close = (): void => setDialog(null);
  const made = (apiKey: string): void => {
    setShown(apiKey);
    reload();
  };
  return (
    <div class="page">
      <div class="title">
        <h1>API keys</h1>
        <span class="grow" />
        <Action kind="primary" icon="plus" label="New API key" onClick={() => setDialog({ kind: 'new' })} />
      </div>
      <p class="muted">
        {project === null
          ? 'These keys hold for all projects. The global key itself is replaced in the configuration.'
          : 'Beside its primary key, a project can have keys that may do less, or that expire.'}
      </p>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what="API keys" />}
      {data?.length === 0 && <Empty icon="access" title="No API keys yet" />}
      {data !== undefined && data.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label="API keys">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th><th scope="col">Permissions</th><th scope="col">State</th><th scope="col" class="mid">Expires</th>
                <th scope="col" class="wide">Last used</th><th scope="col" class="wide">ID</th>
                <th scope="col"><span class="unseen">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              {data.map((entry) => (
                <KeyLine key={entry.id} entry={entry} onRotate={() => setDialog({ kind: 'rotate', entry })}
                  onRevoke={() => setDialog({ kind: 'revoke', entry })} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {dialog?.kind === 'new' && <NewApiKey project={project} onClose={close} onMade={made} />}
      {dialog?.kind === 'rotate' && <Rotate project={project} entry={dialog.entry} onClose={close} onMade={made} />}
      {dialog?.kind === 'revoke' && (
        <DialogForm title={`Remove “${dialog.entry.name}”?`} action="Remove" kind="danger" onClose={close} onSubmit={async () => {
          await admin().apiKeys.revoke(project, dialog.entry.id);
          sayDone('Removed: it has stopped working');
          reload();
        }}>
          <p>It stops at once, and so do the event streams that were opened with it. This cannot be undone.</p>
        </DialogForm>
      )}
      {shown !== null && <KeyShown title="New API key" apiKey={shown} onClose={() => setShown(null)} />}
    </div>
  );
}

function KeyLine({ entry, onRotate, onRevoke }: {
  readonly entry: ApiKeyJson; readonly onRotate: () => void; readonly onRevoke: () => void;
}) {
  const isPrimary = entry.name === 'primary';
  return (
    <tr>
      <th scope="row"><bdi>{entry.name}</bdi></th>
      <td class="badges">{entry.permissions.map((permission) => <Badge key={permission}>{permission}</Badge>)}</td>
      <td><Badge tone={TONES[entry.state]}>{entry.state.replace('_', ' ')}</Badge></td>
      <td class="mid">{entry.expires_at === null ? <span class="muted">never</span> : <Time of={entry.expires_at} />}</td>
      <td class="wide"><Time of={entry.last_used_at} /></td>
      <td class="wide mono muted">{entry.id}</td>
      <td class="actions">
        {!isPrimary && <Action icon="refresh" isBare label={`Rotate ${entry.name}`} onClick={onRotate} />}
        {!isPrimary && <Action icon="trash" isBare label={`Remove ${entry.name}`} onClick={onRevoke} />}
      </td>
    </tr>
  );
}

interface MakingProps {
  readonly project: string | null;
  readonly onClose: () => void;
  readonly onMade: (key: string) => void;
}

function NewApiKey({ project, onClose, onMade }: MakingProps) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly Permission[]>(['read']);
  const [days, setDays] = useState('90');
  const offered = PERMISSIONS.filter(({ name: permission, isOfServer = false }) => (project === null || !isOfServer) && may(permission));
  return (
    <DialogForm title="New API key" action="Create" isReady={name !== '' && chosen.length > 0} onClose={onClose} onSubmit={async () => {
      const ttl = days === '' ? {} : { ttl_seconds: Number(days) * SECONDS_PER_DAY };
      onMade((await admin().apiKeys.create(project, { name, permissions: [...chosen].sort(), ...ttl })).api_key);
    }}>
      <label>
        Name
        <input value={name} maxLength={100} required autofocus placeholder="dashboard"
          onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <fieldset>
        <legend>Permissions</legend>
        {offered.map(({ name: permission, meaning }) => (
          <label key={permission} class="tick">
            <input type="checkbox" checked={chosen.includes(permission)} onChange={(event) => {
              setChosen(event.currentTarget.checked ? [...chosen, permission] : chosen.filter((one) => one !== permission));
            }} />
            <span><b>{permission}</b> <span class="muted">{meaning}</span></span>
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label>
          Expires after (days)
          <input type="number" min="1" max="36500" step="1" value={days} placeholder="never" aria-describedby="days-hint"
            onInput={(event) => setDays(event.currentTarget.value)} />
        </label>
        <small id="days-hint">Empty: never.</small>
      </div>
    </DialogForm>
  );
}

function Rotate({ project, entry, onClose, onMade }: MakingProps & { readonly entry: ApiKeyJson }) {
  const [overlapSeconds, setOverlapSeconds] = useState<number>(SECONDS_PER_DAY);
  return (
    <DialogForm title={`Rotate “${entry.name}”`} action="Rotate" onClose={onClose} onSubmit={async () => {
      onMade((await admin().apiKeys.rotate(project, entry.id, { overlapSeconds })).api_key);
    }}>
      <p>A new key takes its place, with the same name and permissions.</p>
      <label>
        The present key stops
        <select value={String(overlapSeconds)} onChange={(event) => setOverlapSeconds(Number(event.currentTarget.value))}>
          {OVERLAPS.map(({ seconds, label }) => <option key={seconds} value={String(seconds)}>{label}</option>)}
        </select>
      </label>
    </DialogForm>
  );
}
