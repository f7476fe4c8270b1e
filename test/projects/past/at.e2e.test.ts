/** What a read answers at an earlier seq or time is what it answered then. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { type Answer, withServedFolder } from '../served-folder.js';
import { ServedProject, stepOn } from './served-project.js';

const test = suite('projects/past/at.e2e');

const KEYS = ['a', 'a/b', 'b', 'b/1', 'b/2', 'c'] as const;
const SEGMENT_BYTES = 4096;
const RUNS = 5;
const TIMEOUT_MS = 240_000;

const step = stepOn(KEYS, fc.nat());

/** A project of which everything is read. */
class Project extends ServedProject {
  /** All that can be read, each answer with what is the same at any later time. */
  async answers(at?: number | string): Promise<readonly unknown[]> {
    const given: unknown[] = [];
    const joined = (target: string): string => (at === undefined ? target : `${target}${target.includes('?') ? '&' : '?'}at=${at}`);
    const note = ({ status, text, headers, body }: Answer): void => {
      const versions = ['ETag', 'Last-Modified', 'Content-Length'].map((name) => headers.get(name));
      given.push(status < 400 ? [status, text, ...versions] : [status, body['code']]);
    };
    for (const query of [
      '', '?values=false', '?values=entries', '?count=true', '?count=true&prefix=b', '?reverse=true&values=entries&start=a/b',
      '?limit=2&prefix=a',
    ]) note(await this.ask('GET', joined(`/keys${query}`)));
    for (const name of KEYS) note(await this.ask('GET', joined(`/keys/${name}`)));
    note(await this.ask('HEAD', joined('/keys/a')));
    note(await this.ask('POST', joined('/read'), { keys: [...KEYS, 'none'] }));
    note(await this.ask('POST', joined('/read'), { keys: ['b/1', 'none'], values: false }));
    return given;
  }
}

for (const [name, storage] of [
  ['hot', {}], ['cold', { cache_in_memory: false }], ['in memory', { on_disk: false }],
] as const) {
  test(`reads at each seq answer as they did then: ${name}`, () => fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => withServedFolder(async (served) => {
      await served.write({ projects: [{ id: 'shop', storage: { ...storage, segment_bytes: SEGMENT_BYTES } }] });
      await served.start();
      const project = new Project(served, 'shop');
      const then = new Map([[await project.seq(), await project.answers()]]);
      for (const one of steps) {
        await project.take(one);
        then.set(await project.seq(), await project.answers());
      }
      for (const [seq, answers] of [...then].reverse()) assert.deepEqual(await project.answers(seq), answers, `seq ${seq}`);
      assert.equal((await project.ask('GET', `/keys?at=0`)).text, '{}');
      if (name === 'in memory') return;
      await served.restart();
      assert.deepEqual(await readdir(served.dataFolder).then((names) => names.includes('_past')), false);
      const [[seq, answers] = [0, []]] = then;
      assert.deepEqual(await project.answers(seq), answers);
    })),
    { numRuns: RUNS },
  ), { timeoutMs: TIMEOUT_MS });
}

test('a time means everything before the first line that is later, and pages stay at its seq', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  const project = new Project(served, 'shop');
  for (let number = 0; number < 6; number += 1) {
    await project.take({ kind: 'set', key: `k${number}`, value: number });
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  const lines = (await served.lines('shop')).filter((line) => typeof line['seq'] === 'number');
  for (const line of lines) {
    const time = String(line['time']);
    const answer = await project.ask('GET', `/keys?values=false&at=${encodeURIComponent(time)}`);
    const last = lines.findLast((other) => String(other['time']) <= time);
    assert.equal(answer.headers.get('SimpleKV-At'), String(last?.['seq']));
    assert.equal((JSON.parse(answer.text) as unknown[]).length, Math.max(Number(last?.['seq']) - 1, 0));
  }
  const time = String(lines.at(-2)?.['time']);
  const page = await project.ask('GET', `/keys?values=false&limit=2&at=${time}`);
  assert.deepEqual(page.text, '["k0","k1"]');
  await project.take({ kind: 'set', key: 'k00', value: 1 });
  const link = /^<\/api\/v1(\/projects\/shop)?(.*)>/.exec(page.headers.get('Link') ?? '')?.[2] ?? '';
  assert.match(link, /[?&]at=6&/);
  const next = await project.ask('GET', link);
  assert.deepEqual([next.text, next.headers.get('SimpleKV-At')], ['["k2","k3"]', '6']);
}));

test('moments that have not passed, and texts that are none, are refused', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  const project = new Project(served, 'shop');
  const ahead = new Date(Date.now() + 60_000).toISOString();
  for (const at of ['2', ahead, '-1', 'now', '1.0', '2026-02-30T00:00:00Z', '01', '99999999999999999999']) {
    for (const [method, target, body] of [['GET', '/keys'], ['GET', '/keys/a'], ['POST', '/read', { keys: ['a'] }]] as const) {
      const answer = await project.ask(method, `${target}?at=${at}`, body);
      assert.deepEqual([answer.status, answer.body['code'], answer.body['parameter']], [400, 'invalid_query', 'at'], `${target} ${at}`);
    }
  }
  assert.equal((await project.ask('GET', '/keys?at=2000-01-01T00:00:00Z')).headers.get('SimpleKV-At'), '0');
  const absent = await project.ask('GET', '/keys/a?at=1');
  assert.deepEqual([absent.status, absent.body['code']], [404, 'key_not_found']);
}));

test('what retention has removed is gone, and what a snapshot has of that time is not', () => withServedFolder(async (served) => {
  const storage = { segment_bytes: SEGMENT_BYTES, retention: { max_bytes: 0 } };
  await served.write({ projects: [{ id: 'shop', storage }] });
  await served.start();
  const project = new Project(served, 'shop');
  const fill = async (from: number, to: number): Promise<void> => {
    for (let number = from; number <= to; number += 1) await project.take({ kind: 'set', key: `k${number}`, value: 'x'.repeat(1500) });
  };
  await project.take({ kind: 'set', key: 'old', value: 1 });
  await fill(1, 10);
  await project.take({ kind: 'compact' });
  const seq = await project.seq();
  await fill(1, 10);
  await project.take({ kind: 'compact' });
  await project.take({ kind: 'set', key: 'old', value: 2 });
  for (const target of [`/keys?at=3`, `/keys/k1?at=3`, `/keys/old?at=3`, '/keys?count=true&at=2000-01-01T00:00:00Z']) {
    const gone = await project.ask('GET', target);
    assert.deepEqual([gone.status, gone.body['code']], [410, 'history_gone'], target);
    assert.ok(Number(gone.body['oldest_seq']) > 3);
  }
  // The history of the key says nothing about it any more; the fallback snapshot does.
  const old = await project.ask('GET', `/keys/old?at=${seq}`);
  assert.deepEqual([old.status, old.text], [200, '1']);
  assert.equal((await project.ask('GET', `/keys?count=true&at=${seq}`)).body['count'], 11);
}));

test('a project in memory has its past while its lines are kept, and none of it is on disk', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop', storage: { on_disk: false } }] });
  await served.start();
  const project = new Project(served, 'shop');
  for (let number = 0; number < 30; number += 1) await project.take({ kind: 'set', key: 'big', value: 'x'.repeat(600_000) });
  assert.equal((await project.ask('GET', '/keys?at=3')).status, 410);
  assert.equal((await project.ask('GET', '/keys/big?at=3')).status, 410);
  assert.equal((await project.ask('GET', '/keys/big?at=25')).status, 200);
  assert.ok(!(await readdir(served.dataFolder)).includes('_past'));
}));

test('the folder of past states is removed with its project', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }, { id: 'other' }] });
  await served.start();
  const [shop, other] = [new Project(served, 'shop'), new Project(served, 'other')];
  for (const project of [shop, other]) {
    await project.take({ kind: 'set', key: 'a', value: 'x'.repeat(100) });
    assert.equal((await project.ask('GET', '/keys?at=2')).status, 200);
  }
  const folders = async (): Promise<string[]> => await readdir(path.join(served.dataFolder, '_past'));
  assert.equal((await folders()).length, 2);
  await served.ask('DELETE', '/projects/shop', { key: served.key('global') });
  assert.equal((await folders()).length, 1);
  assert.equal((await other.ask('GET', '/keys?at=2')).status, 200);
}));

test.run();
