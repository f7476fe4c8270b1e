/** A restore that is killed leaves nothing that a server would open, or the whole project; and it can be repeated. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { openBackup } from '../../../src/offline/backup/read-backup.js';
import { restoreBackup, type RestoreSelection } from '../../../src/offline/backup/restore-backup.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { CHANGING_METHODS, FaultDisk } from '../../disk/fault-disk.js';
import { DATA, openCompacted, PROJECT, SMALL_SEGMENTS } from '../../projects/compacted-project.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import { BACKUP, bytesOfBackup, planOf, putBackup } from './backed-up.js';

const test = suite('restore-backup crashes');
const SCRATCH = '/scratch';
/** The short form takes one call in so many. */
const EVERY = 7;

async function backedUp(): Promise<FaultDisk> {
  const retention = { max_age_seconds: null, max_bytes: 0, compress: 'none' } as const;
  const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, retention } });
  await project.fill(1, 5);
  await project.compact();
  await project.fill(1, 5);
  await project.compact();
  await project.fill(6, 7);
  const disk = new FaultDisk();
  for (const folder of [DATA, SCRATCH]) disk.tree.makeFolder(folder);
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project)));
  await project.close();
  return disk;
}

async function restoreOn(disk: FaultDisk, selection: RestoreSelection): Promise<void> {
  await restoreBackup({ backup: await openBackup(disk, BACKUP), dataFolder: DATA, logger: silentLogger }, selection);
}

async function faultsOn(disk: FaultDisk, project?: string): Promise<string[]> {
  const faults: string[] = [];
  for await (const { findings } of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH }, project)) {
    faults.push(...findings.map((each) => JSON.stringify(each)));
  }
  return faults;
}

for (const [what, selection, id] of [
  ['of a server', {}, PROJECT], ['of one project', { project: PROJECT }, PROJECT],
  ['as a new project', { project: PROJECT, as: 'copy' }, 'copy'],
] as const) {
  test(`killed anywhere, a restore ${what} leaves nothing that opens or the whole project, and the same command completes it`, async () => {
    const whole = await backedUp();
    const counted = whole.crash();
    await restoreOn(counted, selection);
    const points = counted.calls.filter(({ method }) => CHANGING_METHODS.includes(method));
    assert.ok(points.length > 40, String(points.length));
    for (const { number, method } of sampled(points, EVERY)) {
      for (const when of ['before', 'after'] as const) {
        for (const loss of ['cached', 'synced', 'newest'] as const) {
          const disk = whole.crash();
          disk.fail({ number, action: { kind: 'kill', when } });
          await restoreOn(disk, selection).catch((error: unknown) => assert.ok(disk.isKilled, String(error)));
          // A file that was not there to be opened.
          if (!disk.isKilled && method === 'open') continue;
          assert.ok(disk.isKilled, `${when} ${number} ${method}`);
          const others = loss === 'newest' ? 'synced' : loss;
          const next = disk.crash({ content: others, size: others, names: loss });
          try {
            // A server opens a log only if it has an active segment.
            const isThere = (await next.status(`${DATA}/${id}.jsonl`)) !== undefined;
            if (isThere) assert.deepEqual(await faultsOn(next, id), []);
            await restoreOn(next, isThere && 'as' in selection ? { project: PROJECT } : selection);
            assert.deepEqual(await faultsOn(next), []);
            assert.equal(await next.status(`${DATA}/_restore`), undefined);
          } catch (error) {
            throw new Error(`killed ${when} call ${number} ${method}, ${loss}`, { cause: error });
          }
        }
      }
    }
  }, { timeoutMs: 180_000 });
}

test.run();
