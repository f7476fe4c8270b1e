/** Ways to damage a file or a folder of files, each with what it is counted under. */
import type { FaultDisk } from '../../disk/fault-disk.js';
import { DATA, PROJECT } from '../../projects/compacted-project.js';
import type { SampleProject } from './damaged-project.js';

/** What is counted. */
export type DamageKind = 'cuts' | 'flips' | 'bytes' | 'sectors' | 'lines' | 'files';

/** One damage. */
export interface Damage {
  readonly kind: DamageKind;
  readonly label: string;
  /** Relative to the data folder. */
  readonly file: string;
  /** Does it; false where the bytes would be the same as before. */
  strike(disk: FaultDisk): void;
}

const BITS = 8;
const BYTES: readonly number[] = [0x00, 0xff, 0x0a, 0x22];
const SECTORS: readonly number[] = [512, 4096];
/** A head is two slots that are padded with zeros, of which no byte is read but those at the beginning. */
const HEAD_SLOT_BYTES = 4096;
const HEAD_USED_BYTES = 300;

type Change = (bytes: Buffer) => Buffer | undefined;

function damage(kind: DamageKind, file: string, [label, change]: readonly [label: string, change: Change]): Damage {
  const strike = (disk: FaultDisk): void => {
    const bytes = change(disk.bytesOf(`${DATA}/${file}`));
    if (bytes === undefined) disk.tree.remove(`${DATA}/${file}`);
    else disk.put(`${DATA}/${file}`, bytes);
  };
  return { kind, file, label: `${file}: ${label}`, strike };
}

function withByte(at: number, byte: number): Change {
  return (bytes) => {
    bytes.writeUInt8(byte, at);
    return bytes;
  };
}

/** Everything that is done to one file byte by byte and bit by bit. */
export function* damagesOf({ disk }: SampleProject, file: string): Generator<Damage> {
  const before = disk.bytesOf(`${DATA}/${file}`);
  for (let at = 0; at < before.length; at += 1) {
    if (file.endsWith('/head') && at % HEAD_SLOT_BYTES >= HEAD_USED_BYTES) continue;
    const byte = before.readUInt8(at);
    yield damage('cuts', file, [`cut at ${at}`, (bytes) => bytes.subarray(0, at)]);
    for (let bit = 0; bit < BITS; bit += 1) yield damage('flips', file, [`bit ${bit} of byte ${at}`, withByte(at, byte ^ (1 << bit))]);
    for (const other of BYTES) if (other !== byte) yield damage('bytes', file, [`byte ${at} is ${other}`, withByte(at, other)]);
  }
  for (const sector of SECTORS) {
    for (let at = 0; at < before.length; at += sector) {
      if (before.subarray(at, at + sector).some((byte) => byte !== 0)) {
        const end = Math.min(at + sector, before.length);
        yield damage('sectors', file, [`zeros from ${at} to ${end}`, (bytes) => bytes.fill(0, at, end)]);
      }
    }
  }
  if (file.endsWith('.jsonl') || file.endsWith('.index') || file.endsWith('.json')) yield* lineDamages(before, file);
  yield damage('files', file, ['removed', () => undefined]);
}

function* lineDamages(before: Buffer, file: string): Generator<Damage> {
  const lines = before.toString('latin1').split(/(?<=\n)/);
  const join = (changed: readonly string[]): Change => () => Buffer.from(changed.join(''), 'latin1');
  for (const [index, line] of lines.entries()) {
    const rest = lines.toSpliced(index, 1);
    yield damage('lines', file, [`line ${index} removed`, join(rest)]);
    yield damage('lines', file, [`line ${index} twice`, join(lines.toSpliced(index, 0, line))]);
    if (index > 0) yield damage('lines', file, [`lines ${index - 1} and ${index} change places`, join(rest.toSpliced(index - 1, 0, line))]);
  }
}

/** Whole files that come from elsewhere: of another project, of each other. */
export function* foreignFiles(sample: SampleProject, foreign: SampleProject): Generator<Damage> {
  for (const file of sample.files) {
    if (!foreign.files.includes(file)) continue;
    yield damage('files', file, ['that of another log', () => foreign.disk.bytesOf(`${DATA}/${file}`)]);
  }
  const pairs = sample.files.filter((file) => file.startsWith(`${PROJECT}/`));
  for (const [index, file] of pairs.entries()) {
    const other = pairs[(index + 1) % pairs.length] ?? file;
    yield damage('files', file, [`that of ${other}`, () => sample.disk.bytesOf(`${DATA}/${other}`)]);
  }
}
