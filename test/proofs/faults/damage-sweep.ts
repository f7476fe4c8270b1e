/** Damages a project in every way there is, one at a time, and counts what came of it. */
import type { FaultDisk } from '../../disk/fault-disk.js';
import { type Damage, type DamageKind, damagesOf, foreignFiles } from './damage-kinds.js';
import { countFindings, judgeDamaged, judgeServerLog, type SampleProject, sampleProject, type Verdict } from './damaged-project.js';

/** What a sweep came to. */
export interface DamageReport {
  /** How often each kind of damage was done. */
  readonly counts: Record<DamageKind, number>;
  /** Times that a project was refused. */
  refusals: number;
  /** Damages that the scrub named, of those that it has to. */
  readonly scrubbed: { found: number; total: number };
  readonly faults: string[];
}

/** How much is swept. */
export interface DamageSize {
  /** Of cuts, flips and bytes every so-manieth is done; the others all. */
  readonly stride: number;
  readonly seed: number;
  readonly onDamage?: (report: DamageReport) => void;
}

/** The segment that is written. */
const ACTIVE = 'p1.jsonl';

const FINE_KINDS: readonly DamageKind[] = ['cuts', 'flips', 'bytes'];

/**
 * Runs a sweep.
 *
 * @param size how much
 * @returns what came of it
 */
export async function sweepDamages({ stride, seed, onDamage }: DamageSize): Promise<DamageReport> {
  const [sample, foreign] = [await sampleProject(), await sampleProject()];
  const report: DamageReport = {
    counts: { cuts: 0, flips: 0, bytes: 0, sectors: 0, lines: 0, files: 0 }, refusals: 0, scrubbed: { found: 0, total: 0 }, faults: [],
  };
  let index = seed;
  for (const damage of allDamages(sample, foreign)) {
    index += 1;
    if (FINE_KINDS.includes(damage.kind) && index % stride !== 0) continue;
    // Hot and cold in turn, so that either sees each kind of damage in each file.
    await sweepOne(sample, { damage, isCaching: report.counts[damage.kind] % 2 === 0 }, report);
    onDamage?.(report);
  }
  return report;
}

function* allDamages(sample: SampleProject, foreign: SampleProject): Generator<Damage> {
  for (const file of sample.files) yield* damagesOf(sample, file);
  yield* foreignFiles(sample, foreign);
}

interface OneDamage {
  readonly damage: Damage;
  readonly isCaching: boolean;
}

async function sweepOne(sample: SampleProject, one: OneDamage, report: DamageReport): Promise<void> {
  const { damage, isCaching } = one;
  const disk = sample.disk.crash();
  damage.strike(disk);
  const verdict = await judge(sample, disk.crash(), one);
  report.counts[damage.kind] += 1;
  if (verdict.isRefused) report.refusals += 1;
  report.faults.push(...verdict.faults.map((fault) => `${damage.label}, values ${isCaching ? 'in memory' : 'on disk'}: ${fault}`));
  if (!mustBeFound(sample, damage, disk)) return;
  const findings = await countFindings(sample, disk);
  report.scrubbed.total += 1;
  if (findings > 0) report.scrubbed.found += 1;
  else report.faults.push(`${damage.label}: the scrub finds nothing`);
}

async function judge(sample: SampleProject, disk: FaultDisk, { damage, isCaching }: OneDamage): Promise<Verdict> {
  return damage.file.startsWith('_server') ? await judgeServerLog(sample, disk) : await judgeDamaged(sample, disk, isCaching);
}

/**
 * Whatever is read again must be as it was written. A head proves, and is made anew; the link is another name for a file that is
 * checked. A generation without its manifest is none, and which segment is the first one only the registry can tell.
 */
function mustBeFound(sample: SampleProject, { file, label }: Damage, disk: FaultDisk): boolean {
  if (file.startsWith('_server') || file.endsWith('/head') || file === 'p1.json') return false;
  if (label.endsWith(': removed') && (file.endsWith('.manifest') || file.includes('01.jsonl'))) return false;
  const place = `/data/${file}`;
  if (disk.tree.find(place) === undefined) return true;
  const [damaged, sound] = [disk.bytesOf(place), sample.disk.bytesOf(place)];
  // A last line that is whole but for its line feed is as good as with it.
  if (file === ACTIVE && damaged.equals(sound.subarray(0, -1))) return false;
  return !damaged.equals(sound);
}
