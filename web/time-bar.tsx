/**
 * The project at another moment: a slider over the lines of its log, with bars that show how many changes fell where, of the events that
 * are loaded; and the banner that says which moment is shown.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type ChangeEvent, isCode } from '../src/client/index.js';
import { count, counted, exactTime } from './format.js';
import { Action, Failure, Loading, Time } from './parts.js';
import { go, route } from './route.js';
import { projectClient } from './session.js';
import { useLoad } from './use-load.js';

const PAGE_EVENTS = 1000;
const BARS = 60;
/** A state of the past can take the server a while: only where the slider rests. */
const REST_MS = 250;

/** The slider. */
export function TimeBar({ project, round }: {
  readonly project: string;
  /** When it changes, there may be other events. */
  readonly round: number;
}) {
  const { at } = route.value;
  const [pages, setPages] = useState(1);
  const { data, error, isLoading, reload } = useLoad(async (signal) => {
    const events: ChangeEvent<string>[] = [];
    const newest = projectClient(project).events<string>({ reverse: true, limit: pages * PAGE_EVENTS, signal });
    for await (const event of newest) events.push(event);
    return events.reverse();
  }, [project, pages, round]);
  const [chosen, setChosen] = useState<number | null>(at);
  useEffect(() => setChosen(at), [at]);
  useEffect(() => {
    if (chosen === at) return undefined;
    const timer = setTimeout(() => go({ at: chosen }, { replaces: true }), REST_MS);
    return () => clearTimeout(timer);
  }, [chosen]);
  const bars = useMemo(() => barsOf(data ?? []), [data]);
  if (error !== undefined) return <Failure error={error} onRetry={reload} />;
  if (data === undefined) return <Loading what="events" />;
  if (data.length === 0) return <p class="muted">No event is kept.</p>;
  const index = chosen === null ? data.length - 1 : lastAtOrBefore(data, ({ seq }) => seq, chosen);
  const shown = data[index];
  const isAhead = chosen !== null && shown !== undefined && index === data.length - 1 && chosen > shown.seq;
  const choose = (next: number): void => setChosen(next >= data.length - 1 ? null : data[Math.max(0, next)]?.seq ?? null);
  const step = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: index - 1, ArrowDown: index - 1, ArrowRight: index + 1, ArrowUp: index + 1, Home: 0, End: data.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
  };
  const firstMs = timeOf(data[0]);
  const lastMs = timeOf(data.at(-1));
  const shownMs = timeOf(shown);
  const shownShare = (shownMs - firstMs) / Math.max(1, lastMs - firstMs);
  return (
    <div class="time-bar">
      <div class="bars" aria-hidden="true">
        {bars.map((height, bar) => (
          <i key={bar} style={{ height: `${height * 100}%` }} class={bar / BARS <= shownShare ? 'past' : ''} />
        ))}
      </div>
      <input type="range" min={firstMs} max={Math.max(lastMs, firstMs + 1)} value={shownMs} aria-label="Moment" onKeyDown={step}
        aria-valuetext={shown === undefined ? '' : `after change ${shown.seq}, ${exactTime(shown.time)}`}
        onInput={(event) => choose(lastAtOrBefore(data, timeOf, Number(event.currentTarget.value)))} />
      <div class="tools">
        <Action isBare icon="previous" label="One change back" disabled={index === 0} onClick={() => choose(index - 1)} />
        <Action isBare icon="next" label="One change on" disabled={chosen === null} onClick={() => choose(index + 1)} />
        <span class="moment">
          {chosen === null ? 'now' : `#${count(chosen)}`}
          {shown !== undefined && !isAhead && <span class="muted"> {shown.op} <bdi>{whatChanged(shown)}</bdi></span>}
        </span>
        {shown !== undefined && !isAhead && <span class="muted"><Time of={shown.time} /></span>}
        <span class="grow" />
        {data.length >= pages * PAGE_EVENTS && <Action label="Older" disabled={isLoading} onClick={() => setPages(pages + 1)} />}
      </div>
    </div>
  );
}

/** Whether the moment that was asked for has not come yet. */
export function isAheadOfLog(error: unknown): boolean {
  return isCode(error, 'invalid_query') && error.facts.parameter === 'at';
}

/** Says that the past is shown, or that there is none at this moment, and leads back. */
export function MomentBanner({ isAhead }: { readonly isAhead: boolean }) {
  const { at } = route.value;
  if (at === null) return null;
  return (
    <div class="banner" role="status">
      <span>{isAhead ? 'There is no change' : 'As it was after change'} <b>#{count(at)}</b>{isAhead && ' yet'}</span>
      <Action label="Back to now" onClick={() => go({ at: null })} />
    </div>
  );
}

function whatChanged({ key, changes }: ChangeEvent<string>): string {
  return key ?? (changes === undefined ? '' : counted(changes.length, 'key'));
}

function timeOf(event: ChangeEvent<string> | undefined): number {
  return event?.time.getTime() ?? 0;
}

/** The index of the last event whose measure is not above a value; the first one if there is none. */
function lastAtOrBefore(events: readonly ChangeEvent<string>[], measure: (event: ChangeEvent<string>) => number, value: number): number {
  return Math.max(0, events.findLastIndex((event) => measure(event) <= value));
}

/** Heights from 0 to 1: how many keys were changed in equal shares of the time. */
function barsOf(events: readonly ChangeEvent<string>[]): readonly number[] {
  const firstMs = timeOf(events[0]);
  const spanMs = Math.max(1, timeOf(events.at(-1)) - firstMs);
  const counts = Array.from({ length: BARS }, () => 0);
  for (const event of events) {
    const bar = Math.max(0, Math.min(BARS - 1, Math.floor(((timeOf(event) - firstMs) / spanMs) * BARS)));
    counts[bar] = (counts[bar] ?? 0) + (event.changes?.length ?? event.keys?.length ?? 1);
  }
  const most = Math.max(1, ...counts);
  // Few changes among many are still seen.
  return counts.map((changes) => Math.sqrt(changes / most));
}
