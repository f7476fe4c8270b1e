/**
 * What became of a key: its versions, newest first, what each of them changed, and a way back to it.
 */
import { useEffect, useState } from 'preact/hooks';
import type { Entry } from '../src/client/index.js';
import { DiffView } from './diff-view.js';
import { ActorName, OpBadge } from './event-parts.js';
import { count } from './format.js';
import { useVersions, type Version, type Versions } from './key-versions.js';
import { sayDone } from './notices.js';
import { Action, Copy, DialogForm, Empty, Failure, Loading, Time } from './parts.js';
import { linkTo, route } from './route.js';
import { may, projectClient } from './session.js';

interface HistoryProps {
  readonly project: string;
  readonly name: string;
  /** What the key has; undefined if it does not exist. */
  readonly current: Entry<string> | undefined;
  readonly onRestored: () => void;
}

/** Shows the history of a key. */
export function HistoryView(props: HistoryProps) {
  const { project, name, current } = props;
  const { at } = route.value;
  const versions = useVersions({ project, name, at, seq: current?.seq });
  const [selected, setSelected] = useState(0);
  useEffect(() => setSelected(0), [project, name, at, current?.seq]);
  const shown = versions.list[selected];
  if (shown === undefined) {
    if (versions.error !== undefined) return <Failure error={versions.error} onRetry={versions.more} />;
    if (!versions.isComplete) return <Loading what="the history" />;
    return <Empty icon="clock" title="No history"><p>No changes of this key are kept.</p></Empty>;
  }
  return (
    <div class="history">
      <VersionList versions={versions} selected={selected} onSelect={setSelected} />
      <ShownVersion key={shown.event.seq} {...props} versions={versions} index={selected} shown={shown} canRestore={at === null} />
    </div>
  );
}

function VersionList({ versions: { list, isComplete, error, more }, selected, onSelect }: {
  readonly versions: Versions; readonly selected: number; readonly onSelect: (index: number) => void;
}) {
  return (
    <ol class="versions" aria-label="Versions, newest first">
      {list.map(({ event }, index) => (
        <li key={event.seq}>
          <button type="button" aria-pressed={index === selected} onClick={() => onSelect(index)}>
            <span class="version-line"><b>#{count(event.seq)}</b><OpBadge op={event.op} /><Time of={event.time} /></span>
            <ActorName actor={event.actor} />
          </button>
        </li>
      ))}
      {error !== undefined && <li><Failure error={error} /></li>}
      {!isComplete && <li><Action label="Older versions" onClick={more} /></li>}
    </ol>
  );
}

function ShownVersion({ project, name, current, onRestored, versions: { list, isComplete }, index, shown, canRestore }: HistoryProps & {
  readonly versions: Versions; readonly index: number; readonly shown: Version; readonly canRestore: boolean;
}) {
  const [compared, setCompared] = useState(index + 1);
  const [isRestoring, setIsRestoring] = useState(false);
  const { event, text } = shown;
  // Before the first version that is kept there was none, unless retention has removed it: then nothing is known.
  const before = compared < list.length ? list[compared]?.text : isComplete ? null : undefined;
  return (
    <section class="version" aria-label={`Version ${event.seq}`}>
      <div class="tools">
        <label class="inline">
          Compared with
          <select value={String(compared)} onChange={(change) => setCompared(Number(change.currentTarget.value))}>
            {list.map((one, other) => other !== index && <option key={one.event.seq} value={String(other)}>#{one.event.seq}</option>)}
            {index + 1 >= list.length && <option value={String(index + 1)}>{isComplete ? 'nothing' : 'older'}</option>}
          </select>
        </label>
        <span class="grow" />
        {typeof text === 'string' && <Copy text={text} label="Copy the value of this version" />}
        {canRestore && may('write') && typeof text === 'string' && text !== current?.text && (
          <Action icon="restore" label="Restore this" onClick={() => setIsRestoring(true)} />
        )}
      </div>
      <p class="muted">
        Request <code><bdi>{event.request}</bdi></code>
        {' · '}<a href={linkTo({ view: 'k', at: event.seq })}>the project at this moment</a>
      </p>
      {text === undefined || before === undefined
        ? <p class="diff muted">{event.erased ? 'The values of this line were erased.' : 'The value before is not known here.'}</p>
        : <DiffView before={before} after={text} />}
      {isRestoring && typeof text === 'string' && (
        <Restore project={project} name={name} text={text} seq={event.seq} current={current} onClose={() => setIsRestoring(false)}
          onDone={onRestored} />
      )}
    </section>
  );
}

function Restore({ project, name, text, seq, current, onClose, onDone }: {
  readonly project: string; readonly name: string; readonly text: string; readonly seq: number; readonly current: Entry<string> | undefined;
  readonly onClose: () => void; readonly onDone: () => void;
}) {
  return (
    <DialogForm title={`Restore version #${count(seq)}?`} action="Restore" onClose={onClose} onSubmit={async () => {
      const condition = current === undefined ? { ifSeq: 0 } : { ifEtag: current.etag };
      await projectClient(project).setText(name, text, { ...condition, keepTtl: true });
      sayDone(`Restored the value of #${count(seq)}`);
      onDone();
    }}>
      <p class="muted">A normal write: the history goes on, and this can be undone as well. What changes:</p>
      <DiffView before={current?.text ?? null} after={text} />
    </DialogForm>
  );
}
