/**
 * One key: its value as it is stored or laid out, when it changed and expires, and what can be done with it. Reading comes first; editing
 * is a switch, and saves only over the version that was read.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ChangeEvent, Entry } from '../src/client/index.js';
import { isCode } from '../src/client/index.js';
import { DeleteKey, ExpiryDialog } from './key-dialogs.js';
import { count, size } from './format.js';
import { JsonEditor } from './json-editor.js';
import { compact, jsonFault, laidOut } from './json-text.js';
import { lazy } from './lazy.js';
import { forget, sayDone, sayFailed } from './notices.js';
import { Action, Badge, Copy, copyText, Empty, Failure, KeyName, Loading, Time } from './parts.js';
import { go, guardPlace, linkTo, route } from './route.js';
import { may, projectClient } from './session.js';
import { useLoad } from './use-load.js';

const Conflict = lazy(async () => (await import('./conflict.js')).Conflict);
const HistoryView = lazy(async () => (await import('./history-view.js')).HistoryView);
/** Larger values are not laid out unless that is asked for. */
const LAID_OUT_CHARACTERS_MAX = 500_000;

const HOW_IT_IS_SAVED = 'Saved without the line breaks and indents, token for token, and only over the version that you read. '
  + 'Ctrl-S saves.';

/** Shows a key. */
export function ValueView({ project, name, onChanged }: {
  readonly project: string; readonly name: string; readonly onChanged: () => void;
}) {
  const { at, view } = route.value;
  const client = projectClient(project);
  const { data, error, isLoading, reload } = useLoad(
    async (signal) => ({ entry: await client.getEntry<string>(name, { signal, ...moment(at) }) }), [project, name, at],
  );
  const changed = (): void => {
    reload();
    onChanged();
  };
  return (
    <div class="value">
      <div class="value-head">
        <Action isBare icon="back" label="Back to the keys" onClick={() => go({ view: 'keys', key: null })} />
        <h1><KeyName of={name} /></h1>
        <Copy text={name} label="Copy the key" />
        <Action isBare icon="link" label="Copy a link to this key"
          onClick={() => void copyText(`${location.origin}${location.pathname}${linkTo({})}`)} />
        <Action isBare icon="refresh" label="Reload the value" onClick={changed} disabled={isLoading} />
      </div>
      {may('history') && (
        <div class="tabs" role="tablist" aria-label="Value or history">
          <Tab isCurrent={view !== 'h'} label="Value" onClick={() => go({ view: 'k' })} />
          <Tab isCurrent={view === 'h'} label="History" onClick={() => go({ view: 'h' })} />
        </div>
      )}
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what="the value" />}
      {data !== undefined && view === 'h' && <HistoryView project={project} name={name} current={data.entry} onRestored={changed} />}
      {data !== undefined && view !== 'h' && (data.entry === undefined
        ? <NoValue isPast={at !== null} />
        : <Present project={project} entry={data.entry} isPast={at !== null} onChanged={changed} />)}
    </div>
  );
}

function moment(at: number | null): { readonly at?: number } {
  return at === null ? {} : { at };
}

function Tab({ isCurrent, label, onClick }: { readonly isCurrent: boolean; readonly label: string; readonly onClick: () => void }) {
  return <button type="button" role="tab" aria-selected={isCurrent} onClick={onClick}>{label}</button>;
}

function NoValue({ isPast }: { readonly isPast: boolean }) {
  return (
    <Empty icon="keys" title={isPast ? 'The key did not exist at this moment' : 'There is no such key'}>
      {may('history') && <p><a href={linkTo({ view: 'h' })}>Its history</a> shows whether it ever existed.</p>}
    </Empty>
  );
}

function Present({ project, entry, isPast, onChanged }: {
  readonly project: string; readonly entry: Entry<string>; readonly isPast: boolean; readonly onChanged: () => void;
}) {
  const [form, setForm] = useState<'formatted' | 'stored'>(entry.text.length > LAID_OUT_CHARACTERS_MAX ? 'stored' : 'formatted');
  const [isEditing, setIsEditing] = useState(false);
  const [dialog, setDialog] = useState<'delete' | 'expiry' | null>(null);
  const shown = useMemo(() => (form === 'formatted' ? laidOut(entry.text) : entry.text), [form, entry.text]);
  const canWrite = may('write') && !isPast;
  if (isEditing) {
    return (
      <Edit project={project} entry={entry} onClose={(isSaved) => {
        setIsEditing(false);
        if (isSaved) onChanged();
      }} />
    );
  }
  return (
    <>
      <Facts project={project} entry={entry} canWrite={canWrite} onExpiry={() => setDialog('expiry')} />
      <div class="tools">
        <div class="segments" role="group" aria-label="Form of the value">
          <button type="button" aria-pressed={form === 'formatted'} onClick={() => setForm('formatted')}>Formatted</button>
          <button type="button" aria-pressed={form === 'stored'} onClick={() => setForm('stored')}>Stored</button>
        </div>
        <span class="grow" />
        <Copy text={entry.text} label="Copy the value" />
        {canWrite && <Action isBare icon="trash" label="Delete the key" onClick={() => setDialog('delete')} />}
        {canWrite && <Action kind="primary" icon="edit" label="Edit" onClick={() => setIsEditing(true)} />}
      </div>
      <JsonEditor key={form} text={shown} label={form === 'formatted' ? 'Value, formatted' : 'Value, as stored'} />
      <p class="foot muted">
        {shown === entry.text ? 'Exactly as it is stored, token for token.' : 'Formatted for reading: what is stored has other spaces.'}
      </p>
      {dialog === 'delete' && <DeleteKey project={project} entry={entry} onClose={() => setDialog(null)} onDone={onChanged} />}
      {dialog === 'expiry' && <ExpiryDialog project={project} entry={entry} onClose={() => setDialog(null)} onDone={onChanged} />}
    </>
  );
}

function Facts({ project, entry, canWrite, onExpiry }: {
  readonly project: string; readonly entry: Entry<string>; readonly canWrite: boolean; readonly onExpiry: () => void;
}) {
  const { data: event } = useLoad(
    async (signal) => (may('history') ? await eventOf(project, entry.seq, signal) : null), [project, entry.seq],
  );
  return (
    <dl class="facts">
      <div><dt>Version</dt><dd>#{count(entry.seq)}</dd></div>
      <div><dt>Changed</dt><dd><Time of={event?.time ?? entry.modifiedAt} /></dd></div>
      {event != null && <div><dt>By</dt><dd class="mono" title={`request ${event.request}`}><bdi>{event.actor}</bdi></dd></div>}
      <div><dt>Size</dt><dd>{size(new TextEncoder().encode(entry.text).length)}</dd></div>
      <div>
        <dt>Expires</dt>
        <dd>
          {entry.expiresAt === null ? 'never' : <Badge tone="warn"><Time of={entry.expiresAt} /></Badge>}
          {canWrite && <button type="button" class="plain" onClick={onExpiry}>Change<span class="unseen"> when it expires</span></button>}
        </dd>
      </div>
    </dl>
  );
}

/** The line that made a version. It may no longer be kept. */
async function eventOf(project: string, seq: number, signal: AbortSignal): Promise<ChangeEvent<string> | null> {
  try {
    for await (const event of projectClient(project).events<string>({ since: seq - 1, until: seq, limit: 1, signal })) return event;
  } catch (error) {
    if (!isCode(error, 'history_gone')) throw error;
  }
  return null;
}

function Edit({ project, entry, onClose }: {
  readonly project: string; readonly entry: Entry<string>; readonly onClose: (isSaved: boolean) => void;
}) {
  const [first] = useState(laidOut(entry.text));
  const [text, setText] = useState(first);
  /** The version that is replaced. */
  const [etag, setEtag] = useState(entry.etag);
  const [theirs, setTheirs] = useState<Entry<string> | 'deleted' | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const fault = useMemo(() => jsonFault(text), [text]);
  const isChanged = text !== first;
  useEffect(() => (isChanged ? guardPlace(() => confirm('Discard your changes?')) : undefined), [isChanged]);
  const save = async (condition: { readonly ifEtag: string } | { readonly ifSeq: 0 }): Promise<void> => {
    setIsBusy(true);
    try {
      const { seq } = await projectClient(project).setText(entry.key, compact(text), { ...condition, keepTtl: true });
      sayDone(`Saved as version #${count(seq)}`, 'save');
      onClose(true);
    } catch (error) {
      if (!isCode(error, 'precondition_failed')) throw error;
      setTheirs((await projectClient(project).getEntry<string>(entry.key)) ?? 'deleted');
      forget('save');
    } finally {
      setIsBusy(false);
    }
  };
  const failed = (error: unknown): void => sayFailed(error, 'save');
  const submit = (): void => {
    if (fault === null && isChanged && !isBusy) save({ ifEtag: etag }).catch(failed);
  };
  if (theirs !== null) {
    return (
      <Conflict mine={text} base={entry} theirs={theirs} onTakeTheirs={() => onClose(true)}
        onKeepEditing={() => { if (theirs !== 'deleted') setEtag(theirs.etag); setTheirs(null); }}
        onOverwrite={() => { save(theirs === 'deleted' ? { ifSeq: 0 } : { ifEtag: theirs.etag }).catch(failed); }} />
    );
  }
  return (
    <>
      <div class="tools">
        <b>Editing version #{count(entry.seq)}</b>
        <span class="grow" />
        <Action label="Cancel" onClick={() => { if (!isChanged || confirm('Discard your changes?')) onClose(false); }} />
        <Action kind="primary" label="Save" disabled={fault !== null || !isChanged || isBusy} onClick={submit} />
      </div>
      {/* Above the editor: notices cover what is below it. */}
      <p class={`foot ${fault === null ? 'muted' : 'refusal'}`} role="status">{fault?.message ?? HOW_IT_IS_SAVED}</p>
      <JsonEditor text={text} label="Value, edited" isReadOnly={false} faultAt={fault?.index ?? null} onChange={setText} onSave={submit} />
    </>
  );
}
