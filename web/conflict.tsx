/**
 * Shown when a value was changed by another while it was edited: both texts, and what is different.
 */
import { useState } from 'preact/hooks';
import type { Entry } from '../src/client/index.js';
import { DiffView } from './diff-view.js';
import { count } from './format.js';
import { compact, laidOut } from './json-text.js';
import { Action, Time } from './parts.js';

const PANES = { mine: 'Mine', theirs: 'Theirs', diff: 'Difference' } as const;
type Pane = keyof typeof PANES;

/** Shows both, and asks what to do. */
export function Conflict({ mine, base, theirs, onOverwrite, onKeepEditing, onTakeTheirs }: {
  readonly mine: string;
  readonly base: Entry<string>;
  /** What the key has now. */
  readonly theirs: Entry<string> | 'deleted';
  readonly onOverwrite: () => void;
  readonly onKeepEditing: () => void;
  readonly onTakeTheirs: () => void;
}) {
  const [pane, setPane] = useState<Pane>('diff');
  const isDeleted = theirs === 'deleted';
  const theirText = isDeleted ? '' : theirs.text;
  return (
    <div class="conflict">
      <div class="refusal" role="alert">
        <b>{isDeleted ? 'This key was deleted while you were editing.' : 'This value was changed while you were editing.'}</b>{' '}
        You read version #{count(base.seq)}
        {isDeleted ? '.' : <>; it is now #{count(theirs.seq)}, written <Time of={theirs.modifiedAt} />.</>}
      </div>
      <div class="tools">
        <Action label={isDeleted ? 'Leave it deleted' : 'Discard mine'} onClick={onTakeTheirs} />
        <Action label="Keep editing" onClick={onKeepEditing} />
        <Action kind="danger" label={isDeleted ? 'Create it again with mine' : 'Overwrite with mine'} onClick={onOverwrite} />
      </div>
      <div class="segments narrow-only" role="group" aria-label="Pane">
        {(Object.keys(PANES) as Pane[]).map((one) => (
          <button key={one} type="button" aria-pressed={pane === one} onClick={() => setPane(one)}>{PANES[one]}</button>
        ))}
      </div>
      <div class={`panes show-${pane}`}>
        <section class="pane-mine"><h2>Mine</h2><pre tabIndex={0}>{mine}</pre></section>
        <section class="pane-theirs"><h2>Theirs</h2><pre tabIndex={0}>{isDeleted ? '(deleted)' : laidOut(theirText)}</pre></section>
        <section class="pane-diff">
          <h2>From theirs to mine</h2>
          <DiffView before={isDeleted ? null : theirText} after={compact(mine)} />
        </section>
      </div>
    </div>
  );
}
