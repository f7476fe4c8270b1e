/**
 * How a project is: what it holds, what limits it, whether the server is ready, and the last hour as charts.
 */
import { useState } from 'preact/hooks';
import type { LimitsJson, ProjectJson } from '../src/client/index.js';
import { Charts } from './charts.js';
import { count, duration, size } from './format.js';
import { Action, attempt, Badge, Copy, Failure, Loading, Time } from './parts.js';
import { admin, isGlobal, may, projectClient } from './session.js';
import { StateBadge, stateMeaning } from './state-badge.js';
import { useLoad } from './use-load.js';

const QUOTA_WARN_SHARE = 0.9;
const PERCENT = 100;
const COMPACT_TIMEOUT_MS = 600_000;
const MS_PER_SECOND = 1000;

/** Shows how the server is, to one who may not see projects. */
export function ServerView() {
  return (
    <div class="page">
      <div class="title"><h1>Server</h1></div>
      <div class="cards"><Readiness /></div>
      <Charts project={null} />
    </div>
  );
}

/** Shows it. */
export function StateView({ project }: { readonly project: string }) {
  const details = useLoad((signal) => admin().projects.get(project, { signal }), [project]);
  const limits = useLoad((signal) => projectClient(project).limits({ signal }), [project]);
  const reload = (): void => {
    details.reload();
    limits.reload();
  };
  return (
    <div class="page">
      <div class="title">
        <h1>State</h1>
        {details.data !== undefined && <StateBadge state={details.data.state} />}
        <span class="grow" />
        <Action icon="refresh" label="Reload" isBare onClick={reload} />
      </div>
      {details.error !== undefined && <Failure error={details.error} onRetry={reload} />}
      {details.data === undefined && details.error === undefined && <Loading what="the project" />}
      {details.data !== undefined && <Details details={details.data} onCompacted={reload} />}
      <div class="cards">
        {limits.data !== undefined && <Quotas limits={limits.data} />}
        {limits.data !== undefined && <Limits limits={limits.data} />}
        {may('history') && details.data?.storage.on_disk === true && <Checkpoint project={project} seq={details.data.seq} />}
        <Readiness />
      </div>
      {may('read') && <Charts project={project} />}
    </div>
  );
}

function Details({ details, onCompacted }: { readonly details: ProjectJson; readonly onCompacted: () => void }) {
  const [isBusy, setIsBusy] = useState(false);
  const compact = (): void => {
    setIsBusy(true);
    attempt('make a snapshot', async () => {
      try {
        const done = await admin().projects.compact(details.id, { timeoutMs: COMPACT_TIMEOUT_MS });
        onCompacted();
        const time = duration(done.duration_ms / MS_PER_SECOND);
        return `Snapshot at #${count(done.seq)}: ${count(done.key_count)} keys, ${size(done.bytes)}, in ${time}`;
      } finally {
        setIsBusy(false);
      }
    });
  };
  const { storage } = details;
  return (
    <>
      {details.state !== 'serving' && <p class="refusal" role="alert">{stateMeaning(details.state)}</p>}
      <dl class="figures">
        <div><dt>Keys</dt><dd>{count(details.key_count)}</dd></div>
        <div><dt>Values</dt><dd>{size(details.value_bytes)}</dd></div>
        <div><dt>Last change</dt><dd>#{count(details.seq)}</dd></div>
        <div><dt>Created</dt><dd><Time of={details.created_at} /></dd></div>
        <div><dt>Settings changed</dt><dd><Time of={details.updated_at} /></dd></div>
      </dl>
      <div class="tools">
        <span class="muted">
          {storage.on_disk ? `On disk, durability ${storage.durability}` : 'In memory only'}
          {storage.on_disk && (storage.cache_in_memory ? ', values in memory' : ', values read from disk')}
          {storage.on_disk && `, a snapshot every ${duration(storage.compaction.interval_seconds)} if it is due`}
        </span>
        <span class="grow" />
        {isGlobal() && storage.on_disk && <Action label="Make a snapshot now" disabled={isBusy} onClick={compact} />}
      </div>
    </>
  );
}

function Quotas({ limits: { quota, rate } }: { readonly limits: LimitsJson }) {
  return (
    <article>
      <h2>Quotas</h2>
      <Quota label="Keys" limit={quota.max_keys.limit} used={quota.max_keys.used} text={count} />
      <Quota label="Keys and values" limit={quota.max_bytes.limit} used={quota.max_bytes.used} text={size} />
      <Rate label="Reads per second per API key" limit={rate.reads_per_second.limit} />
      <Rate label="Changes per second per API key" limit={rate.writes_per_second.limit} />
    </article>
  );
}

function Quota({ label, limit, used, text }: {
  readonly label: string; readonly limit: number | null; readonly used: number; readonly text: (value: number) => string;
}) {
  const share = limit === null ? 0 : Math.min(1, used / Math.max(1, limit));
  return (
    <div class="quota">
      <span>{label}</span>
      <span>
        {text(used)}
        {limit === null ? <span class="muted"> · no limit</span> : ` of ${text(limit)}, ${Math.round(share * PERCENT)} %`}
      </span>
      {limit !== null && <meter class={share >= QUOTA_WARN_SHARE ? 'full' : ''} min={0} max={1} value={share} aria-label={label} />}
    </div>
  );
}

function Rate({ label, limit }: { readonly label: string; readonly limit: number | null }) {
  return <div class="quota"><span>{label}</span><span>{limit === null ? <span class="muted">no limit</span> : count(limit)}</span></div>;
}

function Limits({ limits: { limits } }: { readonly limits: LimitsJson }) {
  return (
    <article>
      <h2>Limits of a request</h2>
      <div class="quota"><span>Value</span><span>{size(limits.value_bytes)}</span></div>
      <div class="quota"><span>Key</span><span>{size(limits.key_bytes)}</span></div>
      <div class="quota"><span>Operations of a batch</span><span>{count(limits.batch_ops)}</span></div>
      <div class="quota"><span>Body of a batch</span><span>{size(limits.batch_bytes)}</span></div>
      <div class="quota">
        <span>Requests remembered</span>
        <span>{count(limits.idempotency.entries)} for {duration(limits.idempotency.seconds)}</span>
      </div>
    </article>
  );
}

function Checkpoint({ project, seq }: { readonly project: string; readonly seq: number }) {
  const { data, error } = useLoad((signal) => projectClient(project).checkpoint({ signal }), [project, seq]);
  return (
    <article>
      <h2>Checkpoint</h2>
      <p class="muted">The newest line. Kept elsewhere, it proves later that nothing up to here was changed or lost.</p>
      {error !== undefined && <Failure error={error} />}
      {data !== undefined && (
        <p class="row">
          <code class="hash">#{count(data.seq)} {data.hash}</code>
          <Copy text={JSON.stringify(data)} label="Copy the checkpoint" />
        </p>
      )}
    </article>
  );
}

function Readiness() {
  const { data, error, reload } = useLoad((signal) => admin().ready({ verbose: true, signal }), []);
  const checks = data?.checks ?? [];
  const failed = checks.filter(({ ok }) => !ok);
  const degraded = data?.degraded?.map(({ id, state }) => `${id} (${state})`) ?? [];
  return (
    <article>
      <h2>Server {data !== undefined && <Badge tone={data.isReady ? 'good' : 'bad'}>{data.status.replace('_', ' ')}</Badge>}</h2>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {failed.map((check) => <Check key={check.name} {...check} />)}
      {degraded.length > 0 && <p class="refusal">With a problem: {degraded.join(', ')}</p>}
      {checks.length > failed.length && (
        <details>
          <summary>{count(checks.length - failed.length)} of {count(checks.length)} checks passed</summary>
          {checks.filter(({ ok }) => ok).map((check) => <Check key={check.name} {...check} />)}
        </details>
      )}
    </article>
  );
}

function Check({ name, ok, detail }: { readonly name: string; readonly ok: boolean; readonly detail: string }) {
  return (
    <div class="quota">
      <span><Badge tone={ok ? 'good' : 'bad'}>{ok ? 'ok' : 'failed'}</Badge> {name.replaceAll('_', ' ')}</span>
      <small>{detail}</small>
    </div>
  );
}
