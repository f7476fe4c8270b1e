/**
 * The log of a project as it grows: what happens is on top. The stream reconnects by itself and says so.
 */
import { useEffect, useState } from 'preact/hooks';
import type { ChangeEvent } from '../src/client/index.js';
import { ActorName, OpBadge } from './event-parts.js';
import { clipped, clockTime, count, counted, duration, exactTime } from './format.js';
import { Action, Badge, Empty, KeyName, Loading } from './parts.js';
import { linkTo } from './route.js';
import { type Connection, type Filter, type Item, SHOWN_MAX, useTail } from './tail.js';

const PREVIEW_CHARACTERS = 200;
const KEYS_LISTED_MAX = 50;
const TYPING_PAUSE_MS = 300;
const MS_PER_SECOND = 1000;
const OPS = ['set', 'set.until', 'delete', 'batch', 'touch', 'expire', 'clear', 'clear.range'] as const;

const NO_FILTER: Filter = { prefix: '', op: '', actor: '' };

/** Follows the project. */
export function LiveView({ project }: { readonly project: string }) {
  const [filter, setFilter] = useState(NO_FILTER);
  const { items, heldCount, connection, isPaused, pause, resume, clear, reconnect } = useTail(project, filter);
  const hasStopped = typeof connection === 'object' && 'failure' in connection;
  return (
    <div class="page">
      <div class="title">
        <h1>Live</h1>
        <ConnectionBadge connection={connection} />
        <span class="grow" />
        {heldCount > 0 && <span class="muted" role="status">{heldCount === SHOWN_MAX ? `${SHOWN_MAX} or more` : heldCount} new</span>}
        {hasStopped && <Action icon="refresh" label="Connect again" onClick={reconnect} />}
        {isPaused ? <Action icon="play" label="Resume" onClick={resume} /> : <Action icon="pause" label="Pause" onClick={pause} />}
        <Action label="Clear" onClick={clear} />
      </div>
      <FilterBar onChange={setFilter} />
      {typeof connection === 'object' && (
        <p class="refusal" role="alert">{'failure' in connection ? connection.failure : connection.reason}</p>
      )}
      {items.length === 0
        ? <Nothing connection={connection} />
        : <ol class="events" aria-label="Events, newest first">{items.map((item) => <Line key={keyOf(item)} item={item} />)}</ol>}
    </div>
  );
}

function ConnectionBadge({ connection }: { readonly connection: Connection }) {
  if (connection === 'open') return <Badge tone="good">live</Badge>;
  if (connection === 'connecting') return <Badge>connecting</Badge>;
  if ('failure' in connection) return <Badge tone="bad">stopped</Badge>;
  return <Badge tone="warn">again in {duration(connection.waitMs / MS_PER_SECOND)}</Badge>;
}

/** What stands where there is no line: whether there was none is known only of a stream that is open. */
function Nothing({ connection }: { readonly connection: Connection }) {
  if (connection === 'connecting') return <Loading what="events" />;
  if (connection !== 'open') return <Empty icon="live" title="Not connected"><p>Changes appear here once the server answers.</p></Empty>;
  return <Empty icon="live" title="Nothing has happened"><p>Changes appear here as they are written to the log.</p></Empty>;
}

function FilterBar({ onChange }: { readonly onChange: (filter: Filter) => void }) {
  const [draft, setDraft] = useState(NO_FILTER);
  useEffect(() => {
    const timer = setTimeout(() => onChange(draft), draft === NO_FILTER ? 0 : TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  return (
    <div class="filters">
      <input type="search" placeholder="Prefix" aria-label="Only keys that begin with" value={draft.prefix} spellcheck={false}
        onInput={(event) => setDraft({ ...draft, prefix: event.currentTarget.value })} />
      <select aria-label="Only this operation" value={draft.op}
        onChange={(event) => setDraft({ ...draft, op: event.currentTarget.value as Filter['op'] })}>
        <option value="">all operations</option>
        {OPS.map((op) => <option key={op}>{op}</option>)}
      </select>
      <input type="search" placeholder="Actor" aria-label="Only actors that contain" value={draft.actor} spellcheck={false}
        onInput={(event) => setDraft({ ...draft, actor: event.currentTarget.value })} />
    </div>
  );
}

function Line({ item }: { readonly item: Item }) {
  if (item.kind === 'mark') return <li class="mark">{item.text}</li>;
  const { event } = item;
  return (
    <li class="event">
      <time dateTime={event.time.toISOString()} title={exactTime(event.time)}>{clockTime(event.time)}</time>
      <OpBadge op={event.op} />
      <div class="what"><What event={event} /></div>
      <ActorName actor={event.actor} />
      <a class="seq" href={linkTo({ view: 'keys', key: null, at: event.seq })} title="The project at this moment">#{count(event.seq)}</a>
    </li>
  );
}

function What({ event }: { readonly event: ChangeEvent<string> }) {
  if (event.erased) return <span class="muted">its values were erased</span>;
  if (event.key !== undefined) return <One name={event.key} text={event.text} />;
  if (event.changes !== undefined) {
    return (
      <details>
        <summary>{counted(event.changes.length, 'change')}</summary>
        {event.changes.slice(0, KEYS_LISTED_MAX).map((change) => (
          <div key={change.key} class="part"><OpBadge op={change.op} /><One name={change.key} text={change.text} /></div>
        ))}
        {event.changes.length > KEYS_LISTED_MAX && <p class="muted">and {count(event.changes.length - KEYS_LISTED_MAX)} more</p>}
      </details>
    );
  }
  if (event.keys !== undefined) {
    return (
      <details>
        <summary>{counted(event.keys.length, 'key')}</summary>
        {event.keys.slice(0, KEYS_LISTED_MAX).map((name) => <div key={name} class="part"><One name={name} text={undefined} /></div>)}
      </details>
    );
  }
  return <details><summary>Show the line</summary><pre>{event.line}</pre></details>;
}

function One({ name, text }: { readonly name: string; readonly text: string | undefined }) {
  return (
    <>
      <a href={linkTo({ view: 'k', key: name, at: null })}><KeyName of={name} /></a>
      {text !== undefined && <code class="preview"><bdi>{clipped(text, PREVIEW_CHARACTERS)}</bdi></code>}
    </>
  );
}

function keyOf(item: Item): string {
  return item.kind === 'event' ? item.event.position : `mark ${item.id}`;
}
