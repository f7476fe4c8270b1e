/** A server that is killed at some moment of a reload: the next start has every edit, and every acknowledged write. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigDocument, ProjectEntry } from '../../src/config/config-document.js';
import { suite } from '../suite.js';
import { withReloads } from './reload-bench.js';

const test = suite('reload.crash');

const PROJECTS = 12;
const KILLS = 8;
/** The kills come at moments that are spread over this time, in milliseconds: about that of the reload. */
const SPREAD_MS = 80;

interface ListedProject {
  readonly state: string;
  readonly quota: { readonly max_keys: number | null };
}

function entry(index: number): ProjectEntry {
  return { id: `p${index}`, authentication: { enabled: false } };
}

/** Edits every project, removes one, adds one, and changes a setting of the server. */
function edited(document: ConfigDocument, round: number): ConfigDocument {
  const changed = document.projects.map((one) => ({ ...one, quota: { max_keys: 1000 + round } }));
  return { ...document, limits: { max_value_bytes: 1000 + round }, projects: [...changed, entry(PROJECTS + round)] };
}

test('killed at any moment of a reload: the edit is in force after the next start, and nothing is lost', () => withReloads(async (it) => {
  await it.start(Array.from({ length: PROJECTS }, (_, index) => entry(index)));
  for (let round = 0; round < KILLS; round += 1) {
    const name = `/api/v1/projects/p${round % PROJECTS}/keys/k${round}`;
    assert.equal((await it.server.send('PUT', name, { body: String(round) })).status, 201);
    it.edit((document) => edited(document, round));
    const reloading = it.ask('POST', '/reload').catch(() => undefined);
    await sleep((round * SPREAD_MS) / KILLS);
    await it.server.kill();
    await reloading;
    await it.restart();
    const { projects } = JSON.parse((await it.ask('GET', '/projects')).text) as { readonly projects: readonly ListedProject[] };
    assert.equal(projects.length, PROJECTS + round + 1);
    // The project that was added last has no quota yet.
    const quotas = projects.filter(({ quota }) => quota.max_keys === 1000 + round);
    assert.deepEqual([quotas.length, projects.filter(({ state }) => state !== 'serving')], [PROJECTS + round, []]);
    assert.equal(it.document.limits?.max_value_bytes, 1000 + round);
    assert.equal((await it.server.send('GET', name)).text, String(round));
    assert.deepEqual(await it.reload(), { changed: [], needs_restart: [], projects: [] });
  }
}), { timeoutMs: 240_000 });

test.run();
