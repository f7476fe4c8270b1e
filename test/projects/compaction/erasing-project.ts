/** A project whose values are everywhere that a redaction has to reach, on a disk in memory, and what must be true once they are erased. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { inspectLog } from '../../../src/log/file/recovery/inspect-log.js';
import type { RedactionRequest, RedactionResult } from '../../../src/projects/redaction.js';
import { verifyProject } from '../../../src/offline/verify/verify-project.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { CONTEXT } from '../lives-fixture.js';
import { type CompactedProject, DATA, openCompacted, PROJECT, SMALL_SEGMENTS } from '../compacted-project.js';

/** What must be gone. */
export const SECRET = 'Ada Lovelace, 12 St James’s Square';
/** Keys whose first values are secret. */
export const SECRET_KEYS = ['person/1', 'person/2', 'person/3'] as const;
/** Lines with a secret value: two sets and a batch. */
export const SECRET_SEQS = [3, 4, 6] as const;
/** The request that erases them. */
export const REQUEST: RedactionRequest = { seqs: SECRET_SEQS, reason: 'asked by the customer' };

const OLDER_LOG = `_left/${PROJECT}-0123456789abcdef0123456789abcdef`;
const REPAIR = `_repair/${PROJECT}-20261122T100000Z`;
/** Projects whose names begin alike, whose files are not touched. */
const OTHERS = [`_left/${PROJECT}-b-0123456789abcdef0123456789abcdef/${PROJECT}-b.jsonl`, `_repair/${PROJECT}-b-20261122T100000Z/old/x`];

/** Opens the project and fills it: segments, plain and compressed, snapshots and copies have the secret, and no key has it any more. */
export async function openWithSecrets(storage: StorageChange = {}): Promise<CompactedProject> {
  const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, ...storage } });
  const { store, disk } = project;
  await project.fill(1, 1);
  for (const key of SECRET_KEYS.slice(0, 2)) {
    await store.submit({ type: 'set', key, value: JSON.stringify({ name: SECRET, key }) }, CONTEXT);
  }
  await project.fill(2, 2);
  await store.submit({
    type: 'batch', steps: [{ op: 'set', key: SECRET_KEYS[2], value: JSON.stringify(SECRET) }, { op: 'set', key: 'other', value: '1' }],
  }, CONTEXT);
  await project.compact();
  await project.fill(3, 6);
  await project.compact();
  for (const key of SECRET_KEYS) await store.submit({ type: 'set', key, value: '"gone"' }, CONTEXT);
  await store.submit({ type: 'delete', key: 'other' }, CONTEXT);
  const secret = Buffer.from(`a copy: ${SECRET}\n`);
  for (const name of [`${PROJECT}/torn-7-4096-1`, `${OLDER_LOG}/${PROJECT}.jsonl`, `${OLDER_LOG}/${PROJECT}/x`, `${REPAIR}/old/x`]) {
    await put(disk, name, secret);
  }
  await put(disk, `${REPAIR}/finished.json`, Buffer.from('{}'));
  for (const name of OTHERS) await put(disk, name, Buffer.from('another project'));
  disk.tree.syncAll();
  return project;
}

async function put(disk: FaultDisk, name: string, bytes: Buffer): Promise<void> {
  const path = `${DATA}/${name}`;
  await disk.makeFolder(path.slice(0, path.lastIndexOf('/')));
  disk.put(path, bytes);
}

/** Erases the secrets. */
export async function redact(project: CompactedProject, request: RedactionRequest = REQUEST): Promise<RedactionResult> {
  return await project.compaction.redact(request, new AbortController().signal, CONTEXT);
}

/** Names of files in which a text is, compressed ones unpacked. */
export function filesWith(disk: FaultDisk, text: string): string[] {
  const found: string[] = [];
  for (const [name, bytes] of disk.contents()) {
    const content = name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    if (content.includes(text)) found.push(name.slice(DATA.length + 1));
  }
  return found.sort();
}

/** Checks that the secret is nowhere, and that nothing else is harmed. */
export async function assertErased(project: CompactedProject): Promise<void> {
  const { disk, compaction } = project;
  assert.deepEqual(filesWith(disk, SECRET), []);
  assert.deepEqual(filesWith(disk, 'another project'), OTHERS);
  assert.equal(compaction.isErasing, false);
  await assertSound(disk);
}

/** Checks every file of the project as `simplekv verify` does. */
export async function assertSound(disk: FaultDisk): Promise<void> {
  const log = await inspectLog(disk, DATA, PROJECT);
  assert.deepEqual(log?.findings, []);
  await disk.makeFolder('/scratch');
  const verdict = await verifyProject(PROJECT, () => Promise.resolve(undefined), { disk, dataFolder: DATA, scratchFolder: '/scratch' });
  assert.deepEqual(verdict.findings, []);
}
