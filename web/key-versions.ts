/**
 * The versions of a key, newest first, made of the events that changed it.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChangeEvent } from '../src/client/index.js';
import { isAbort } from './failures.js';
import { endsSession } from './notices.js';
import { projectClient } from './session.js';

/** A version of the key, and what it had. */
export interface Version {
  readonly event: ChangeEvent<string>;
  /** The value after it; null: the key did not exist; undefined: it was erased, or is that of a version further back. */
  readonly text: string | null | undefined;
}

/** Those that have been loaded. */
export interface Versions {
  readonly list: readonly Version[];
  /** True if there are no older ones that are kept. */
  readonly isComplete: boolean;
  readonly error: unknown;
  /** Loads older ones. */
  readonly more: () => void;
}

/** Which versions. */
export interface VersionsOptions {
  readonly project: string;
  readonly name: string;
  /** The moment that is shown; null: now. */
  readonly at: number | null;
  /** The version that the key has; when it changes, the list is loaded again. */
  readonly seq: number | undefined;
}

const PAGE_VERSIONS = 50;
const NOTHING: Omit<Versions, 'more'> = { list: [], isComplete: false, error: undefined };

/** Loads the versions of a key. */
export function useVersions({ project, name, at, seq }: VersionsOptions): Versions {
  const [state, setState] = useState(NOTHING);
  const load = useRef<() => Promise<void>>(async () => undefined);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const until = at === null ? {} : { until: at };
    const events = projectClient(project).events<string>({ key: name, reverse: true, signal, ...until });
    const loaded: ChangeEvent<string>[] = [];
    load.current = async () => {
      let isComplete = false;
      let error: unknown;
      try {
        for (let index = 0; index < PAGE_VERSIONS && !isComplete; index += 1) {
          const next = await events.next();
          if (next.done === true) isComplete = true;
          else loaded.push(next.value);
        }
      } catch (caught) {
        if (signal.aborted || isAbort(caught) || endsSession(caught)) return;
        error = caught;
      }
      if (!signal.aborted) setState({ list: withValues(loaded, name), isComplete, error });
    };
    setState(NOTHING);
    void load.current();
    return () => controller.abort(new DOMException('The history is no longer shown', 'AbortError'));
  }, [project, name, at, seq]);
  return { ...state, more: () => void load.current() };
}

/** Gives each event the value that the key had after it. A touch leaves the value of the version before. */
function withValues(events: readonly ChangeEvent<string>[], name: string): readonly Version[] {
  const versions: Version[] = [];
  let before: string | null | undefined;
  for (const event of events.toReversed()) {
    before = textAfter(event, name, before);
    versions.push({ event, text: before });
  }
  return versions.reverse();
}

function textAfter(event: ChangeEvent<string>, name: string, before: string | null | undefined): string | null | undefined {
  if (event.erased) return undefined;
  const change = event.changes?.find(({ key }) => key === name) ?? event;
  if (change.text !== undefined) return change.text;
  return change.op === 'touch' ? before : null;
}
