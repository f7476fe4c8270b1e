/**
 * The keys of a project on the left, the value of one of them on the right; on a narrow screen one of the two.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ProjectJson } from '../src/client/index.js';
import { counted } from './format.js';
import { parentOf, pathOf } from './folders.js';
import { KeyList } from './key-list.js';
import { KeyTable } from './key-table.js';
import { isAheadOfLog, MomentBanner, TimeBar } from './time-bar.js';
import { NewKey } from './new-key.js';
import { Action, Empty, Failure, Loading } from './parts.js';
import { go, revisits, route } from './route.js';
import { admin, may, projectClient } from './session.js';
import { isReadable, stateMeaning } from './state-badge.js';
import { useLoad } from './use-load.js';
import { ValueView } from './value-view.js';

/** Values that are larger on average are not listed: a page of them would be too much. */
const LISTED_VALUE_BYTES_MAX = 4096;
/** How long typing may pause before keys are asked for. */
const TYPING_PAUSE_MS = 200;

/** Shows the keys. */
export function KeysView({ project }: { readonly project: string }) {
  if (!may('read')) {
    return <Empty icon="keys" title="This API key cannot read values"><p>It lacks the permission “read”.</p></Empty>;
  }
  return <ReadableKeys project={project} />;
}

function ReadableKeys({ project }: { readonly project: string }) {
  const details = useLoad((signal) => admin().projects.get(project, { signal }), [project]);
  if (details.error !== undefined) return <div class="page"><Failure error={details.error} onRetry={details.reload} /></div>;
  if (details.data === undefined) return <Loading what="the project" />;
  if (!isReadable(details.data.state)) {
    return <Empty icon="warning" title={`“${project}” is not served`}><p>{stateMeaning(details.data.state)}</p></Empty>;
  }
  return <Browser project={project} details={details.data} />;
}

function Browser({ project, details: first }: { readonly project: string; readonly details: ProjectJson }) {
  const { key, at, prefix } = route.value;
  const [isFlat, setIsFlat] = useState(false);
  const [isTimeShown, setIsTimeShown] = useState(at !== null);
  const [isCreating, setIsCreating] = useState(false);
  /** Counts changes that were made here, and wishes to see those of others: all but the value is loaded again then. */
  const [reloads, setReloads] = useState(0);
  const [firstVisit] = useState(revisits.value);
  const round = reloads + revisits.value - firstVisit;
  const { data: latest } = useLoad(
    async (signal) => (round === 0 ? first : await admin().projects.get(project, { signal })), [project, first, round],
  );
  const details = latest ?? first;
  const hasValues = details.key_count === 0 || details.value_bytes / details.key_count <= LISTED_VALUE_BYTES_MAX;
  const list = useMemo(() => {
    const client = projectClient(project);
    return new KeyList({ reader: at === null ? client : client.at(at), prefix, hasFolders: !isFlat, hasValues });
  }, [project, at, prefix, isFlat, hasValues, round]);
  useEffect(() => {
    void list.more();
    return () => list.stop();
  }, [list]);
  useEffect(() => {
    // A link to a key shows it among its neighbours.
    if (key !== null && prefix === '') go({ prefix: pathOf(key).at(-1) ?? '' }, { replaces: true });
  }, []);
  const canWrite = may('write') && at === null;
  const reload = (): void => setReloads((before) => before + 1);
  const isAhead = isAheadOfLog(list.error.value);
  return (
    <div class={`split ${key === null || isAhead ? '' : 'has-detail'}`}>
      <section class="master" aria-label="Keys">
        {key === null && <h1 class="unseen">Keys of {project}</h1>}
        <div class="tools">
          <PrefixBox prefix={prefix} />
          <Action isBare icon={isFlat ? 'keys' : 'folder'} label="Folders" pressed={!isFlat} onClick={() => setIsFlat(!isFlat)} />
          {may('history') && (
            <Action isBare icon="clock" label="Time travel" pressed={isTimeShown}
              onClick={() => { setIsTimeShown(!isTimeShown); if (isTimeShown) go({ at: null }); }} />
          )}
          <Action isBare icon="refresh" label="Reload the keys" onClick={reload} />
          {canWrite && <Action isBare kind="primary" icon="plus" label="New key" onClick={() => setIsCreating(true)} />}
        </div>
        {isTimeShown && <TimeBar project={project} round={round} />}
        <MomentBanner isAhead={isAhead} />
        {!isAhead && (
          <>
            <Crumbs project={project} prefix={prefix} />
            <KeyTable list={list} selected={key} prefix={prefix} hasFolders={!isFlat} empty={(
              <NoKeys prefix={prefix} isPast={at !== null} canWrite={canWrite} onNew={() => setIsCreating(true)} />
            )} />
          </>
        )}
      </section>
      <section class="detail" aria-label="Value">
        {key === null || isAhead
          ? details.key_count > 0 && !isAhead && (
            <Empty icon="keys" title={at === null ? counted(details.key_count, 'key') : 'An earlier state'}>
              <p>Select a key to see its value.</p>
            </Empty>
          )
          : <ValueView key={`${project} ${key} ${at}`} project={project} name={key} onChanged={reload} />}
      </section>
      {isCreating && <NewKey project={project} prefix={prefix} onClose={() => setIsCreating(false)} onCreated={reload} />}
    </div>
  );
}

function PrefixBox({ prefix }: { readonly prefix: string }) {
  const [text, setText] = useState(prefix);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setText(prefix), [prefix]);
  useEffect(() => {
    if (text === prefix) return undefined;
    const timer = setTimeout(() => go({ prefix: text }, { replaces: true }), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return;
      // In the editor, which is inside a shadow tree, the target is its host.
      if (event.target instanceof HTMLElement && event.target.shadowRoot !== null) return;
      event.preventDefault();
      box.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return (
    <form role="search" onSubmit={(event) => { event.preventDefault(); if (text !== '') go({ prefix, key: text, view: 'k' }); }}>
      <input ref={box} type="search" value={text} onInput={(event) => setText(event.currentTarget.value)}
        placeholder="Prefix or key" aria-label="Keys that begin with; Enter jumps to the key of this name"
        autocapitalize="off" spellcheck={false} />
    </form>
  );
}

function Crumbs({ project, prefix }: { readonly project: string; readonly prefix: string }) {
  if (prefix === '') return null;
  const folders = pathOf(prefix);
  const rest = prefix.slice(folders.at(-1)?.length ?? 0);
  const row = useRef<HTMLDivElement>(null);
  // Where not all of them fit, the last one is seen: it says where one is.
  useLayoutEffect(() => row.current?.scrollTo({ left: row.current.scrollWidth }), [prefix]);
  return (
    <div class="crumbs" ref={row} role="navigation" aria-label="Folders">
      <Action isBare icon="up" label="Up" onClick={() => go({ prefix: parentOf(prefix) })} />
      <button type="button" class="plain" onClick={() => go({ prefix: '' })}>{project}</button>
      {folders.map((folder, index) => (
        <button key={folder} type="button" class="plain" onClick={() => go({ prefix: folder })}>
          <bdi>{folder.slice(folders[index - 1]?.length ?? 0)}</bdi>
        </button>
      ))}
      {rest !== '' && <span><bdi>{rest}</bdi>…</span>}
    </div>
  );
}

function NoKeys({ prefix, isPast, canWrite, onNew }: {
  readonly prefix: string; readonly isPast: boolean; readonly canWrite: boolean; readonly onNew: () => void;
}) {
  if (prefix !== '') {
    return (
      <Empty icon="keys" title="No key here">
        <p>No key {isPast ? 'began' : 'begins'} with <code><bdi>{prefix}</bdi></code>.</p>
      </Empty>
    );
  }
  return (
    <Empty icon="keys" title="No keys yet">
      {isPast
        ? <p>At this moment the project had no keys.</p>
        : <p>A key has a name and a JSON value. Every change of it is kept in the log.</p>}
      {canWrite && <Action kind="primary" icon="plus" label="New key" onClick={onNew} />}
    </Empty>
  );
}
