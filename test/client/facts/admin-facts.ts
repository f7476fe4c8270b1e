/** Facts about the administration of a server, and what a project shows of itself. */
import { SimpleKvAdmin } from '../../../src/client/index.js';
import type { Fact } from './fact.js';
import { watchedFetch } from './fake-fetch.js';
import { fails, holds, same } from './expect.js';

/** They hold in every environment. */
export const ADMIN_FACTS: readonly Fact[] = [
  ['projects are created, shown, changed, compacted and deleted', async ({ admin, project, client }) => {
    const id = `${project}-made`;
    const created = await admin.projects.create({ id, quota: { max_keys: 2 } });
    same([created.id, created.state, created.quota.max_keys, created.key_count], [id, 'serving', 2, 0]);
    same((await fails(admin.projects.create({ id }), 'project_exists')).status, 409);
    holds((await admin.projects.list()).some((one) => one.id === id), 'it is listed');
    const kv = client({ project: id, key: created.api_key ?? '' });
    await kv.batch().set('a', 1).set('b', 2).commit();
    const { facts } = await fails(kv.set('c', 3), 'quota_exceeded');
    same([facts.quota, facts.limit, facts.actual], ['max_keys', 2, 3]);
    same((await admin.projects.update(id, { quota: { max_keys: 3 } })).quota.max_keys, 3);
    same((await admin.projects.compact(id)).key_count, 2);
    const { api_key: key } = await admin.projects.regenerateKey(id);
    await fails(kv.get('a'), 'unauthorized');
    same(await client({ project: id, key }).get('a'), 1);
    await admin.projects.delete(id);
    same((await fails(admin.projects.get(id), 'project_not_found')).status, 404);
    await fails(admin.projects.create({ id: 'Not An Id' }), 'invalid_project_id');
    let isRefused = false;
    try {
      client({ project: '..' });
    } catch (error) {
      isRefused = error instanceof TypeError;
    }
    holds(isRefused, 'a project that no path can name is refused');
  }],
  ['API keys are made, listed, changed, rotated and revoked', async ({ admin, project, client }) => {
    const made = await admin.apiKeys.create(project, { name: 'reader', permissions: ['read'], ttl_seconds: 600 });
    const reader = client({ key: made.api_key });
    same([await reader.get('a'), made.state], [undefined, 'active']);
    const refused = await fails(reader.set('a', 1), 'forbidden');
    same(refused.facts.permissions, ['write']);
    same((await admin.apiKeys.list(project)).map(({ name }) => name), ['primary', 'reader']);
    same((await admin.apiKeys.update(project, made.id, { name: 'dashboard', expires_at: null })).expires_at, null);
    const rotated = await admin.apiKeys.rotate(project, made.id, { overlapSeconds: 60 });
    same([rotated.name, rotated.previous.id, await reader.get('a')], ['dashboard', made.id, undefined]);
    await admin.apiKeys.revoke(project, rotated.id);
    await fails(client({ key: rotated.api_key }).get('a'), 'unauthorized');
    await fails(admin.apiKeys.revoke(project, rotated.id), 'api_key_not_found');
    const own = await admin.apiKeys.self(null);
    same([own.scope, own.project, own.permissions], ['global', null, ['all']]);
    same((await admin.apiKeys.list(null)).map(({ name }) => name), ['primary']);
  }],
  ['a project shows its details, limits and newest line, and the server whether it is ready', async ({ kv, admin, project }) => {
    const { seq, hash } = await kv.set('a', 'four');
    const details = await kv.details();
    same([details.id, details.seq, details.key_count, details.value_bytes], [project, seq, 1, 6]);
    const { limits, quota } = await kv.limits();
    same([limits.read_keys, limits.idempotency.entries, quota.max_keys], [1000, 100_000, { limit: null, used: 1 }]);
    const checkpoint = await kv.checkpoint();
    same([checkpoint.project, checkpoint.seq, checkpoint.hash, checkpoint.log_id], [project, seq, hash, details.log_id]);
    const ready = await admin.ready({ verbose: true });
    same([ready.isReady, ready.status, ready.checks?.every(({ ok }) => ok)], [true, 'ready', true]);
  }],
  ['figures are asked for by project and time', async ({ url, project }) => {
    const stats = { step_seconds: 5, start: '2026-11-22T10:00:00.000Z', series: { requests: [null, 12] } };
    const { fetch, asked } = watchedFetch(async () => Response.json(stats));
    const admin = new SimpleKvAdmin({ url, fetch });
    same(await admin.stats({ project, windowSeconds: 600 }), stats);
    await admin.stats();
    same(asked.map((one) => one.url), [`${url}/api/v1/stats?window=600&project=${project}`, `${url}/api/v1/stats`]);
  }],
  ['a reload of an unchanged file changes nothing, and is not for the API key of a project', async ({ url, admin, key }) => {
    const nothing = { changed: [], needs_restart: [], projects: [] };
    same(await admin.reload({ dryRun: true }), nothing);
    same(await admin.reload(), nothing);
    await fails(new SimpleKvAdmin({ url, key }).reload(), 'forbidden');
  }],
];
