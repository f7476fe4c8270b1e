/** Runs a life into a fault at each of its calls and judges what the next server makes of what is left. */
import type { Durability } from '../../../src/base/durability.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import type { CrashLoss } from '../../disk/disk-tree.js';
import { LOSSES } from '../../log/file/crash-scenario.js';
import { CONTEXT } from '../../projects/lives-fixture.js';
import { diskWithConfig, type FaultedLife, startLife } from './faulted-life.js';
import { faultsOf, type FaultKind, type PlannedFault } from './fault-plan.js';
import { documentWith, type Lived, liveOn } from './life-script.js';
import type { Told } from './told.js';

/** Lives on a fresh disk. */
export async function liveAnew(durability: Durability, fault?: PlannedFault): Promise<{ readonly disk: FaultDisk; readonly lived: Lived }> {
  const disk = diskWithConfig(documentWith(durability));
  fault?.plan(disk);
  return { disk, lived: await liveOn(disk, durability) };
}

/** Every fault of every call of a life that nothing disturbs. */
export async function allFaults(durability: Durability, kinds?: readonly FaultKind[]): Promise<readonly PlannedFault[]> {
  const { disk } = await liveAnew(durability);
  const faults = disk.calls.flatMap(faultsOf);
  return kinds === undefined ? faults : faults.filter(({ kind }) => kinds.includes(kind));
}

/** What is left after a process was killed, or went on to its end on a disk that fails. */
export function lossesOf({ kind }: PlannedFault): Readonly<Record<string, CrashLoss>> {
  if (kind.startsWith('kill') || kind.startsWith('torn')) return LOSSES;
  const { 'nothing is lost': none, 'all that was not synced is lost': all } = LOSSES;
  return { ...(none && { 'nothing is lost': none }), ...(all && { 'all that was not synced is lost': all }) };
}

function bytesOf(disk: FaultDisk): Map<string, string> {
  // The head may be newer after another stop.
  return new Map([...disk.contents()].filter(([name]) => !name.endsWith('/head')).map(([name, bytes]) => [name, bytes.toString('latin1')]));
}

/** Tells whether a file is the readable copy of its project's newest snapshot, as that is. */
function isNewestCopy(name: string, bytes: ReadonlyMap<string, string>): boolean {
  const folder = /^(.*\/[^/]+)\.json$/.exec(name)?.[1];
  const newest = [...bytes.keys()].filter((one) => one.startsWith(`${folder}/snap-`) && one.endsWith('.json')).sort().at(-1);
  return folder !== undefined && newest !== undefined && bytes.get(name) === bytes.get(newest);
}

interface Begun {
  readonly disk: FaultDisk;
  readonly life: FaultedLife | undefined;
  readonly faults: readonly string[];
}

async function begin(disk: FaultDisk, told: Told): Promise<Begun> {
  try {
    const life = await startLife(disk);
    return { disk, life, faults: await told.judge(life, disk) };
  } catch (error) {
    return { disk, life: undefined, faults: [`cannot be started: ${error instanceof Error ? error.stack : String(error)}`] };
  }
}

/**
 * Starts twice on what is left, which must come to the same bytes, and goes on.
 *
 * @param disk what is left; without faults
 * @param before what was acknowledged before
 * @returns what is wrong
 */
export async function judgeRest(disk: FaultDisk, before: Told): Promise<readonly string[]> {
  const told = before.copy();
  const first = await begin(disk, told);
  if (first.life === undefined || first.faults.length > 0) return first.faults;
  await told.settle(first.life);
  await first.life.lives.close();
  const second = await begin(disk.crash(), told);
  if (second.life === undefined || second.faults.length > 0) return second.faults.map((fault) => `at the second start: ${fault}`);
  const { disk: again } = second;
  await second.life.lives.close();
  const [bytes, bytesAgain] = [bytesOf(disk), bytesOf(again)];
  const differing = [...new Set([...bytes.keys(), ...bytesAgain.keys()])].filter((name) => bytes.get(name) !== bytesAgain.get(name));
  // A server that is stopped soon leaves the copy of a snapshot to the next start, which must make it then.
  const names = differing.filter((name) => !isNewestCopy(name, bytesAgain));
  if (names.length > 0) return names.map((name) => `${name} is changed by starting again`);
  return await judgeFurtherLife(again.crash(), told);
}

/** Whatever the crash left, the server can be used on. */
async function judgeFurtherLife(disk: FaultDisk, told: Told): Promise<readonly string[]> {
  const { life, faults } = await begin(disk, told);
  if (life === undefined || faults.length > 0) return faults.map((fault) => `at the third start: ${fault}`);
  const wrong: string[] = [];
  for (const [id, { place }] of told.projects) {
    if (life.served(id) === undefined) continue;
    const code = await told.ask(life, id, { kind: 'set', key: 'after', value: '"after"' });
    if (code !== undefined) wrong.push(`${id} takes no write: ${code}`);
    if (place !== 'disk') continue;
    await life.lives.compact(id, CONTEXT).catch((error: unknown) => wrong.push(`${id} takes no snapshot: ${String(error)}`));
  }
  // A project that is refused and was judged has to be refused.
  const hasRefused = life.resources.table.list().some(({ kind }) => kind === 'refused');
  const unready = life.lives.readiness().checks.filter(({ name, ok }) => !ok && !(hasRefused && name === 'projects'));
  if (unready.length > 0) wrong.push(`not ready: ${JSON.stringify(life.lives.readiness())}`);
  await life.lives.close();
  if (wrong.length > 0) return wrong;
  const last = await begin(disk.crash(), told);
  await last.life?.lives.close();
  return last.faults.map((fault) => `after going on: ${fault}`);
}
