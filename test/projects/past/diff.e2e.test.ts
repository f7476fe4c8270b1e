/** What two moments of a project differ in, and undoing it, over HTTP with files and restarts, beside a plain model. */
import assert from 'node:assert/strict';
import { differenceText } from '../../../src/api/diff-text.js';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import { diffStoredStates } from '../../../src/offline/replay/diff-states.js';
import { inFolder } from '../../config/config-folder.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { type Answer, type ServedFolder, withServedFolder } from '../served-folder.js';
import { ServedProject, stepOn } from './served-project.js';

const test = suite('projects/past/diff.e2e');

const KEYS = ['a', 'a/b', 'b', 'b/1', 'b/2', 'é'] as const;
const SEGMENT_BYTES = 4096;
const RUNS = 4;
const TIMEOUT_MS = 240_000;
const LINES_TYPE = { Accept: 'application/x-ndjson' };

const step = stepOn(KEYS, fc.nat({ max: 2 }));

interface Version {
  readonly seq: number;
  readonly modified_at: string;
  readonly expires_at: string | null;
  readonly value?: unknown;
}

interface Change {
  readonly key: string;
  readonly change: string;
  readonly seq: number | null;
  readonly time: string;
  readonly op: string;
  readonly actor: string;
  readonly request: string;
  readonly before: Version | null;
  readonly after: Version | null;
}

type Entry = Version & { readonly key: string };

/** A project whose differences are read and undone. */
class Project extends ServedProject {
  async entries(query = ''): Promise<readonly Entry[]> {
    return JSON.parse((await this.ask('GET', `/keys?values=entries${query}`)).text) as Entry[];
  }

  async diff(query: string): Promise<readonly Change[]> {
    const { status, text, body } = await this.ask('GET', `/diff?${query}`);
    assert.equal(status, 200, text);
    return body['changes'] as Change[];
  }

  async revert(body: object): Promise<Answer> {
    return await this.ask('POST', '/revert', body);
  }
}

function withoutKey({ key: _key, ...version }: Entry): Version {
  return version;
}

/** What two listings differ in. */
function plainDiff(before: readonly Entry[], after: readonly Entry[]): readonly unknown[] {
  const [old, young] = [before, after].map((entries) => new Map(entries.map((entry) => [entry.key, withoutKey(entry)])));
  const keys = [...new Set([...before, ...after].map((entry) => entry.key))];
  return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).flatMap((name) => {
    const [one, other] = [old?.get(name), young?.get(name)];
    const isSame = one !== undefined && JSON.stringify(one.value) === JSON.stringify(other?.value) && one.expires_at === other?.expires_at;
    return isSame ? [] : [{ key: name, before: one ?? null, after: other ?? null }];
  });
}

function contentOf(entries: readonly Entry[]): readonly unknown[] {
  return entries.map((entry) => [entry.key, entry.value, entry.expires_at]);
}

for (const [name, storage] of [
  ['hot', {}], ['cold', { cache_in_memory: false }], ['in memory', { on_disk: false }],
] as const) {
  test(`a diff is what two listings differ in, and a revert undoes it: ${name}`, () => fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.nat(), fc.nat(), (steps, one, other) => (
      withServedFolder(async (served) => {
        await served.write({ projects: [{ id: 'shop', storage: { ...storage, segment_bytes: SEGMENT_BYTES } }] });
        await served.start();
        const project = new Project(served, 'shop');
        const then = new Map([[0, [] as readonly Entry[]], [await project.seq(), await project.entries()]]);
        for (const made of steps) {
          await project.take(made);
          then.set(await project.seq(), await project.entries());
        }
        const seqs = [...then.keys()];
        const [from = 0, to = 0] = [one, other].map((at) => seqs[at % seqs.length] ?? 0).sort((a, b) => a - b);
        const wanted = plainDiff(then.get(from) ?? [], then.get(to) ?? []);
        const changes = await project.diff(`from=${from}&to=${to}&values=true`);
        assert.deepEqual(changes.map((change) => ({ key: change.key, before: change.before, after: change.after })), wanted);
        for (const change of changes) {
          const { body } = await project.ask('GET', `/events?since=${Number(change.seq) - 1}&limit=1`);
          const [found = {}] = body['events'] as Record<string, unknown>[];
          for (const member of ['seq', 'time', 'op', 'actor', 'request'] as const) assert.equal(change[member], found[member]);
        }
        if (name !== 'in memory') assert.deepEqual(await offline(served, from, to), changes);
        await checkRevert(project, from, then.get(from) ?? []);
        if (name === 'in memory') return;
        const content = contentOf(await project.entries());
        await served.restart();
        assert.deepEqual(contentOf(await project.entries()), content);
        assert.deepEqual(await project.diff(`from=${from}`), []);
      })
    )),
    { numRuns: RUNS },
  ), { timeoutMs: TIMEOUT_MS });
}

/** What the command prints about the same files. */
async function offline(served: ServedFolder, from: number, to: number): Promise<readonly unknown[]> {
  const changes: unknown[] = [];
  await inFolder(async (scratchFolder) => {
    const source = { disk: new NodeDisk(), dataFolder: served.dataFolder, project: 'shop', scratchFolder, prefix: '' };
    const groups = diffStoredStates({ ...source, from: from === 0 ? undefined : { seq: from }, to: { seq: to } });
    for await (const group of groups) {
      for (const found of group) {
        const values = { before: found.before?.value, after: found.after?.value };
        changes.push(JSON.parse(differenceText({ ...found, values })));
      }
    }
  });
  return changes;
}

async function checkRevert(project: Project, to: number, then: readonly Entry[]): Promise<void> {
  const seq = await project.seq();
  const wanted = await project.diff(`from=${to}`);
  const dry = await project.revert({ to, dry_run: true });
  const { changes, ...facts } = dry.body;
  assert.deepEqual(facts, { to, seq, dry_run: true, reverted: wanted.length });
  assert.deepEqual((changes as Change[]).map(({ before, after, change: _change, ...rest }) => ({ ...rest, before: after, after: before })),
    wanted.map(({ change: _change, ...rest }) => rest));
  assert.equal(await project.seq(), seq);
  const answer = await project.revert({ to, if_seq: seq });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.body['to'], answer.body['reverted']], [to, wanted.length]);
  assert.deepEqual(contentOf(await project.entries()), contentOf(then));
  assert.equal(await project.seq(), wanted.length === 0 ? seq : seq + 1);
  const again = await project.revert({ to });
  assert.deepEqual(again.body, { to, reverted: 0, seq: await project.seq() });
}

async function withProject(body: (project: Project) => Promise<void>, storage: object = {}): Promise<void> {
  await withServedFolder(async (served) => {
    await served.write({ projects: [{ id: 'shop', storage }] });
    await served.start();
    await body(new Project(served, 'shop'));
  });
}

async function textOf(project: Project, query: string, headers: Record<string, string> = LINES_TYPE): Promise<Response> {
  const { served } = project;
  return await fetch(`${served.url}/api/v1/projects/shop/diff?${query}`, {
    headers: { Authorization: `Bearer ${served.key('global')}`, ...headers },
  });
}

test('pages and lines have the same changes, of the same two states, whatever is written meanwhile', () => withProject(async (project) => {
  const ops = [...Array(25).keys()].map((number) => ({ op: 'set', key: `k${String(number).padStart(2, '0')}`, value: `1.${number}0` }));
  await project.ask('POST', '/batch', { ops });
  const to = await project.seq();
  const all = await project.diff('from=1&limit=1000&values=true');
  assert.equal(all.length, 25);
  const pages: Change[] = [];
  for (let target = '/diff?from=1&limit=10&values=true'; target !== '';) {
    const page = await project.ask('GET', target);
    pages.push(...page.body['changes'] as Change[]);
    assert.deepEqual([page.body['from'], page.body['to']], [1, to]);
    assert.deepEqual([page.headers.get('SimpleKV-From'), page.headers.get('SimpleKV-At')], ['1', `${to}`]);
    target = /^<\/api\/v1\/projects\/shop(.*)>/.exec(page.headers.get('Link') ?? '')?.[1] ?? '';
    await project.take({ kind: 'set', key: `k${pages.length}`, value: 'later' });
  }
  assert.deepEqual(pages, all);
  const lines = await (await textOf(project, `from=1&to=${to}&values=true`)).text();
  assert.deepEqual(lines.trimEnd().split('\n').map((line) => JSON.parse(line) as Change), all);
  const some = await textOf(project, `from=1&to=${to}&limit=3`);
  assert.equal((await some.text()).split('\n').length, 4);
  assert.match(some.headers.get('Link') ?? '', /cursor=/);
  assert.equal(await (await textOf(project, 'from=1&to=1')).text(), '');
  const unfit = await textOf(project, 'from=1', { Accept: 'text/csv' });
  assert.deepEqual([unfit.status, (await unfit.json() as Record<string, unknown>)['code']], [406, 'not_acceptable']);
}));

test('values come back token for token, and keys that did not exist are deleted', () => withProject(async (project) => {
  const put = async (name: string, text: string): Promise<void> => {
    const { served } = project;
    await fetch(`${served.url}/api/v1/projects/shop/keys/${name}`, {
      method: 'PUT', body: text, headers: { 'Authorization': `Bearer ${served.key('global')}`, 'Content-Type': 'application/json' },
    });
  };
  const exact = '{"n":1.0,"big":12345678901234567890,"twice":1,"twice":2,"u":"\\u00e9"}';
  await put('exact', exact);
  const seq = await project.seq();
  await put('exact', '{"n":1}');
  await put('new', '1');
  const answer = await project.revert({ to: seq });
  assert.deepEqual([answer.status, answer.body['reverted']], [200, 2]);
  assert.equal((await project.ask('GET', '/keys/exact')).text, exact);
  assert.equal((await project.ask('GET', '/keys/new')).status, 404);
  const [event] = (await project.ask('GET', '/events?order=desc&limit=1')).body['events'] as Record<string, unknown>[];
  assert.deepEqual([event?.['op'], event?.['seq'], event?.['hash']], ['batch', answer.body['seq'], answer.body['hash']]);
}));

test('a revert of some keys, or of those with a prefix, leaves the others', () => withProject(async (project) => {
  for (const name of ['a/1', 'a/2', 'b/1']) await project.take({ kind: 'set', key: name, value: 1 });
  const seq = await project.seq();
  await project.take({ kind: 'clear', query: '' });
  assert.deepEqual((await project.revert({ to: seq, prefix: 'b/' })).body['reverted'], 1);
  assert.deepEqual((await project.entries()).map((entry) => entry.key), ['b/1']);
  assert.deepEqual((await project.revert({ to: seq, keys: ['a/2', 'none', 'a/2'] })).body['reverted'], 1);
  assert.deepEqual((await project.entries()).map((entry) => entry.key), ['a/2', 'b/1']);
  const cleared = await project.diff(`from=${seq}&to=${seq + 1}`);
  assert.deepEqual(cleared.map((change) => [change.key, change.change, change.op, change.seq]),
    ['a/1', 'a/2', 'b/1'].map((name) => [name, 'removed', 'clear', seq + 1]));
}));

test('a key that was changed since the caller looked is named, and nothing is changed', () => withProject(async (project) => {
  for (const name of ['a', 'b', 'c']) await project.take({ kind: 'set', key: name, value: 1 });
  const to = await project.seq();
  for (const name of ['a', 'b', 'c']) await project.take({ kind: 'set', key: name, value: 2 });
  const seen = await project.seq();
  await project.take({ kind: 'set', key: 'b', value: 3 });
  await project.take({ kind: 'set', key: 'other', value: 3 });
  const before = await project.entries();
  const refused = await project.revert({ to, if_seq: seen });
  const { code, keys, count } = refused.body;
  assert.deepEqual([refused.status, code, keys, count], [412, 'precondition_failed', ['b'], 1]);
  assert.deepEqual(await project.entries(), before);
  assert.equal((await project.revert({ to, if_seq: seen, keys: ['a', 'c'] })).body['reverted'], 2);
}));

test('writers during reverts lose nothing: each revert is refused, or changes just what it saw', () => withProject(async (project) => {
  for (let number = 0; number < 20; number += 1) await project.take({ kind: 'set', key: `k${number}`, value: 0 });
  const to = await project.seq();
  for (let number = 0; number < 20; number += 1) await project.take({ kind: 'set', key: `k${number}`, value: 'changed' });
  let isOver = false;
  const acknowledged: { readonly key: string; readonly seq: number }[] = [];
  const writer = (async () => {
    for (let number = 0; !isOver; number += 1) {
      const answer = await project.ask('PUT', `/keys/k${number % 20}`, number);
      acknowledged.push({ key: `k${number % 20}`, seq: Number(answer.body['seq']) });
    }
  })();
  const reverts = [];
  for (let round = 0; round < 12; round += 1) reverts.push(await project.revert({ to }));
  isOver = true;
  await writer;
  reverts.push(await project.revert({ to }));
  const events: Record<string, unknown>[] = [];
  for (let since = to; ;) {
    const { body } = await project.ask('GET', `/events?since=${since}&limit=1000`);
    const page = body['events'] as Record<string, unknown>[];
    events.push(...page);
    if (page.length === 0) break;
    since = Number(page.at(-1)?.['seq']);
  }
  for (const written of acknowledged) assert.ok(events.some((event) => event['seq'] === written.seq && event['key'] === written.key));
  for (const { status, body } of reverts) {
    assert.ok(status === 200 || (status === 412 && (body['keys'] as string[]).length === body['count']), JSON.stringify(body));
  }
  assert.equal(reverts.at(-1)?.status, 200);
  const last = await project.entries();
  assert.deepEqual(last.map((entry) => entry.value), last.map(() => 0));
}));

test('a revert that is sent again with its Idempotency-Key brings nothing back a second time', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  const project = new Project(served, 'shop');
  await project.take({ kind: 'set', key: 'a', value: 1 });
  const to = await project.seq();
  await project.take({ kind: 'set', key: 'a', value: 2 });
  const once = { 'Idempotency-Key': 'undo-7' };
  const first = await project.ask('POST', '/revert', { to }, once);
  assert.deepEqual([first.status, first.body['reverted']], [200, 1]);
  await project.take({ kind: 'set', key: 'a', value: 3 });
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await served.stop();
      await served.start();
    }
    const again = await project.ask('POST', '/revert', { to }, once);
    const { to: _, ...receipt } = first.body;
    assert.deepEqual([again.status, again.headers.get('Idempotency-Replayed'), again.body], [200, 'true', receipt]);
    assert.equal((await project.ask('GET', '/keys/a')).text, '3');
  }
  const other = await project.ask('PUT', '/keys/b', 4, once);
  assert.deepEqual([other.status, other.body['code']], [422, 'idempotency_key_reused']);
}));

test('what no line can hold is refused as a whole', () => withProject(async (project) => {
  for (let number = 0; number < 18; number += 1) await project.take({ kind: 'set', key: `k${number}`, value: 'x'.repeat(1_000_000) });
  const to = await project.seq();
  await project.take({ kind: 'clear', query: '' });
  const seq = await project.seq();
  for (const isDryRun of [true, false]) {
    const refused = await project.revert({ to, dry_run: isDryRun });
    assert.deepEqual([refused.status, refused.body['code'], refused.body['limit']], [413, 'line_too_large', 16_777_216]);
  }
  assert.equal(await project.seq(), seq);
  assert.equal((await project.revert({ to, prefix: 'k1' })).body['reverted'], 9);
}));

test('an expiry comes back, and a key whose expiry has passed does not', () => withProject(async (project) => {
  await project.ask('PUT', '/keys/long?ttl_seconds=1000', 1);
  await project.ask('PUT', '/keys/short?ttl_seconds=1', 1);
  const to = await project.seq();
  const then = await project.entries();
  await project.take({ kind: 'set', key: 'long', value: 1 });
  await project.take({ kind: 'set', key: 'short', value: 2 });
  const changes = await project.diff(`from=${to}`);
  assert.deepEqual(changes.map((change) => [change.key, change.change]), [['long', 'changed'], ['short', 'changed']]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal((await project.revert({ to })).body['reverted'], 2);
  const now = await project.entries();
  assert.deepEqual(now.map((entry) => [entry.key, entry.expires_at]), then.slice(0, 1).map((entry) => [entry.key, entry.expires_at]));
}));

test('a key that has expired is removed by the server, or by nothing yet', () => withProject(async (project) => {
  await project.ask('PUT', '/keys/short?ttl_seconds=1', 1);
  const from = await project.seq();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await project.take({ kind: 'set', key: 'other', value: 1 });
  const [change] = (await project.diff(`from=${from}`)).filter((one) => one.key === 'short');
  assert.deepEqual([change?.change, change?.op, change?.actor, change?.request], ['removed', 'expire', 'server', '']);
}));

test('a revert is subject to the quota, and to the rate of writes by its keys', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  const project = new Project(served, 'shop');
  await project.ask('POST', '/batch', { ops: ['a', 'b', 'c'].map((name) => ({ op: 'set', key: name, value: 1 })) });
  const to = await project.seq();
  await project.take({ kind: 'clear', query: '' });
  await project.ask('PUT', '', { quota: { max_keys: 2 } });
  const refused = await project.revert({ to });
  assert.deepEqual([refused.status, refused.body['code'], refused.body['actual']], [507, 'quota_exceeded', 3]);
  assert.equal((await project.revert({ to, keys: ['a', 'c'] })).status, 200);
  assert.deepEqual((await project.entries()).map((entry) => entry.key), ['a', 'c']);
}));

test('a value that was erased cannot be brought back, and the others can', () => withProject(async (project) => {
  for (const written of [1, 2]) {
    const ops = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ op: 'set', key: name, value: written }));
    await project.ask('POST', '/batch', { ops });
    await project.take({ kind: 'set', key: 'secret', value: `s${written}` });
  }
  const to = 3;
  const redacted = await project.ask('POST', '/redact', { seqs: [to], reason: 'asked for' });
  assert.equal(redacted.status, 200, redacted.text);
  for (const body of [{ to }, { to, keys: ['secret'] }, { to, if_seq: 5 }, { to, prefix: 's' }]) {
    const refused = await project.revert(body);
    assert.deepEqual([refused.status, refused.body['code']], [410, 'value_redacted'], JSON.stringify(body));
  }
  assert.equal((await project.revert({ to, prefix: 'a' })).body['reverted'], 1);
  assert.equal((await project.revert({ to, keys: ['b', 'c', 'd', 'e', 'f'] })).body['reverted'], 5);
  const { status, body } = await project.ask('GET', `/diff?from=${to}&to=5&values=true`);
  assert.deepEqual([status, body['code']], [410, 'value_redacted']);
  assert.equal((await project.diff(`from=${to}&to=5`)).length, 7);
}));

test('what retention has removed cannot be compared or brought back', () => withProject(async (project) => {
  for (let round = 0; round < 2; round += 1) {
    for (let number = 1; number <= 10; number += 1) await project.take({ kind: 'set', key: `k${number}`, value: 'x'.repeat(1500 + round) });
    await project.take({ kind: 'compact' });
  }
  for (const answer of [await project.ask('GET', '/diff?from=3'), await project.revert({ to: 3 })]) {
    assert.deepEqual([answer.status, answer.body['code']], [410, 'history_gone']);
  }
}, { segment_bytes: SEGMENT_BYTES, retention: { max_bytes: 0 } }));

test('moments that are none, or the wrong way round, are refused', () => withProject(async (project) => {
  await project.take({ kind: 'set', key: 'a', value: 1 });
  const ahead = new Date(Date.now() + 60_000).toISOString();
  const queries = [
    '', 'to=1', 'from=', 'from=3', 'from=now', 'from=-1', 'from=1.0', `from=${ahead}`, 'from=1&to=99', 'from=2&to=1', 'from=1&to=',
    'from=1&limit=0', 'from=1&limit=1001', 'from=1&cursor=!', 'from=1&cursor=_w', 'from=1&values=entries', 'from=1&from=1', 'from=1&key=a',
    'from=1&start=a', 'from=1&at=1',
  ];
  for (const query of queries) {
    const answer = await project.ask('GET', `/diff?${query}`);
    assert.deepEqual([answer.status, answer.body['code']], [400, 'invalid_query'], query);
  }
  const bodies: readonly (readonly [unknown, string])[] = [
    [1, 'invalid_body'], [[], 'invalid_body'], [{}, 'invalid_body'], [{ to: 3 }, 'invalid_body'], [{ to: -1 }, 'invalid_body'],
    [{ to: 1.5 }, 'invalid_body'], [{ to: null }, 'invalid_body'], [{ to: ahead }, 'invalid_body'], [{ to: 'now' }, 'invalid_body'],
    [{ to: [1] }, 'invalid_body'], [{ to: 2, if_seq: 1 }, 'invalid_body'], [{ to: 1, if_seq: 3 }, 'invalid_body'],
    [{ to: 1, if_seq: '2' }, 'invalid_body'], [{ to: 1, prefix: 1 }, 'invalid_body'], [{ to: 1, prefix: 'a', keys: ['a'] }, 'invalid_body'],
    [{ to: 1, keys: [] }, 'invalid_body'], [{ to: 1, keys: [1] }, 'invalid_body'], [{ to: 1, keys: {} }, 'invalid_body'],
    [{ to: 1, keys: [''] }, 'invalid_key'], [{ to: 1, keys: ['\u0001'] }, 'invalid_key'], [{ to: 1, dry_run: 1 }, 'invalid_body'],
    [{ to: 1, more: 1 }, 'invalid_body'], [{ to: 1, keys: Array.from({ length: 1001 }, (_, at) => `k${at}`) }, 'too_many_keys'],
  ];
  for (const [body, code] of bodies) {
    const answer = await project.revert(body as object);
    assert.deepEqual([answer.status, answer.body['code']], [400, code], JSON.stringify(body).slice(0, 100));
  }
  assert.equal(await project.seq(), 2);
}));

test('any body is answered, and only one that fits changes something', () => withProject(async (project) => {
  await project.take({ kind: 'set', key: 'a', value: 1 });
  const member = fc.tuple(
    fc.constantFrom('to', 'prefix', 'keys', 'if_seq', 'dry_run', '__proto__', 'x'),
    fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, 1, 2, 'a', ['a'], true)),
  );
  await fc.assert(fc.asyncProperty(fc.array(member, { maxLength: 5 }), async (members) => {
    const text = `{${members.map(([name, made]) => `${JSON.stringify(name)}:${JSON.stringify(made)}`).join(',')}}`;
    const { served } = project;
    const response = await fetch(`${served.url}/api/v1/projects/shop/revert`, {
      method: 'POST', body: text, headers: { 'Authorization': `Bearer ${served.key('global')}`, 'Content-Type': 'application/json' },
    });
    assert.ok([200, 400].includes(response.status), `${response.status} for ${text}`);
    await response.text();
  }), { numRuns: 150 });
}));

test.run();
