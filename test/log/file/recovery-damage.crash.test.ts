/** Recovery of lines and segments that differ from what was written. */
import { encodeHeaderLine } from '../../../src/log/segment-format.js';
import { suite } from '../../suite.js';
import {
  change, changeLines, closed, flip, forge, foreign, killed, type Row,
  sealActive, sealed, SEALED_1, SEALED_3, sectorIn, SECTOR, testRow, zero,
} from './damage-table.js';
import { ACTIVE, linesOf, LOG_ID, PROJECT } from './log-fixture.js';

const test = suite('recovery of a damaged log');

const LINES: readonly Row[] = [
  {
    name: 'a missing line', start: closed, damage: (disk) => changeLines(disk, ACTIVE, (l) => l.filter((_, at) => at !== 2)),
    outcome: { refuses: 'p1.jsonl', seq: 2, says: /hash/ },
  },
  {
    name: 'a missing line and no head', start: killed, damage: (disk) => changeLines(disk, ACTIVE, (l) => l.filter((_, at) => at !== 5)),
    outcome: { refuses: 'p1.jsonl', seq: 5, says: /hash/ },
  },
  {
    name: 'two lines swapped', start: closed,
    damage: (disk) => changeLines(disk, ACTIVE, ([h = '', a = '', b = '', ...rest]) => [h, b, a, ...rest]),
    outcome: { refuses: 'p1.jsonl', seq: 1, says: /hash/ },
  },
  {
    name: 'a duplicated last line', start: closed, damage: (disk) => changeLines(disk, ACTIVE, (l) => [...l, l.at(-1) ?? '']),
    outcome: { refuses: 'p1.jsonl', seq: 7, says: /hash/ },
  },
  {
    name: 'a foreign line at the end', start: closed,
    damage: async (disk) => {
      const [, line = ''] = linesOf(await foreign());
      changeLines(disk, ACTIVE, (l) => [...l, line]);
    },
    outcome: { refuses: 'p1.jsonl', seq: 7, says: /hash/ },
  },
  {
    name: 'a line spliced in from another project', start: closed,
    damage: async (disk) => {
      const other = linesOf(await foreign());
      changeLines(disk, ACTIVE, (l) => l.map((line, at) => (at === 3 ? other[3] ?? '' : line)));
    },
    outcome: { refuses: 'p1.jsonl', seq: 3, says: /hash/ },
  },
  {
    name: 'an empty line', start: closed, damage: (disk) => changeLines(disk, ACTIVE, (l) => [...l, '']),
    outcome: { refuses: 'p1.jsonl', seq: 7, says: /ends with its hash/ },
  },
  {
    name: 'a valid line with an unexpected seq', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, ['"seq":6', '"seq":7'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /seq 6, found seq 7/ },
  },
  {
    name: 'a valid line that proves itself', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, ['"durable":3', '"durable":6'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /durable from 3 to 5, found durable 6/ },
  },
  {
    name: 'a valid line whose durable goes back', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, ['"durable":3', '"durable":2'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /durable from 3 to 5, found durable 2/ },
  },
  {
    name: 'a valid line with another field', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, ['"op":"set"', '"op":"set","extra":1'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /the fields seq, time/ },
  },
  {
    name: 'a valid line with a short salt', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, [/"salt":"./, '"salt":"'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /salt/ },
  },
  {
    name: 'a valid line with an impossible time', start: killed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => forge(l, 6, [/"time":"\d{4}-\d\d/, '"time":"2026-13'])),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /a valid time/ },
  },
  {
    name: 'a claim in a later line above a damaged one', start: killed,
    damage: (disk) => {
      changeLines(disk, ACTIVE, (l) => forge(l, 6, ['"durable":3', '"durable":4']));
      zero(disk, sectorIn(disk, 4), sectorIn(disk, 4) + SECTOR);
    },
    outcome: { refuses: 'p1.jsonl', seq: 4, says: /a later line proves that seq 4/ },
  },
];

const SEGMENTS: readonly Row[] = [
  { name: 'nothing, with sealed segments', start: sealed, damage: () => undefined, outcome: { lines: 5 } },
  {
    name: 'the active segment missing', start: sealed, damage: (disk) => disk.tree.remove(ACTIVE),
    outcome: { refuses: 'p1.jsonl', says: /the active segment, found no such file/ },
  },
  {
    name: 'the only segment missing', start: closed, damage: (disk) => disk.tree.remove(ACTIVE),
    outcome: { refuses: 'p1.jsonl', says: /the active segment, found no such file/ },
  },
  {
    name: 'the first sealed segment missing', start: sealed, damage: (disk) => disk.tree.remove(SEALED_1),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', seq: 1, says: /begins with seq 1, found no such file; .* seq 3/ },
  },
  {
    name: 'the last sealed segment missing', start: sealed, damage: (disk) => disk.tree.remove(SEALED_3),
    outcome: { refuses: 'p1/00000000000000000003.jsonl', seq: 3, says: /begins with seq 3, found no such file; .* seq 5/ },
  },
  {
    name: 'a sealed segment under two names', start: sealed, damage: (disk) => disk.tree.link(SEALED_3, SEALED_3.replace('3.', '4.')),
    outcome: { refuses: 'p1/00000000000000000004.jsonl', seq: 4, says: /first_seq 4, found first_seq 3/ },
  },
  {
    name: 'two sealed segments swapped', start: sealed,
    damage: (disk) => {
      const [a, b] = [disk.bytesOf(SEALED_1), disk.bytesOf(SEALED_3)];
      disk.put(SEALED_1, b);
      disk.put(SEALED_3, a);
    },
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /first_seq 1, found first_seq 3/ },
  },
  {
    name: 'a sealed segment under a wrong name', start: sealed,
    damage: (disk) => disk.tree.rename(SEALED_3, SEALED_3.replace('3.', '4.')),
    outcome: { refuses: 'p1/00000000000000000004.jsonl', seq: 4, says: /first_seq 4, found first_seq 3/ },
  },
  {
    name: 'a sealed segment cut at a line', start: sealed, damage: (disk) => changeLines(disk, SEALED_3, (l) => l.slice(0, -1)),
    outcome: { refuses: 'p1/00000000000000000003.jsonl', seq: 5, says: /a line or a seal, found the end of the file/ },
  },
  {
    name: 'a sealed segment cut at two lines', start: sealed, damage: (disk) => changeLines(disk, SEALED_3, (l) => l.slice(0, -2)),
    outcome: { refuses: 'p1/00000000000000000003.jsonl', seq: 4, says: /a line or a seal/ },
  },
  {
    name: 'a sealed segment cut inside its seal', start: sealed, damage: (disk) => change(disk, SEALED_3, (b) => b.subarray(0, -1)),
    outcome: { refuses: 'p1/00000000000000000003.jsonl', seq: 5, says: /a line feed after the seal/ },
  },
  {
    name: 'a sealed segment cut to nothing', start: sealed, damage: (disk) => disk.put(SEALED_3, ''),
    outcome: { refuses: 'p1/00000000000000000003.jsonl', says: /a header line, found 0 bytes/ },
  },
  {
    name: 'bytes after a seal', start: sealed, damage: (disk) => change(disk, SEALED_1, (b) => Buffer.concat([b, Buffer.from('x')])),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /nothing after the seal, found 1 more/ },
  },
  {
    name: 'bytes after the seal of the active segment', start: sealed,
    damage: (disk) => {
      sealActive(disk);
      change(disk, ACTIVE, (b) => Buffer.concat([b, Buffer.from('x\n')]));
    },
    outcome: { refuses: 'p1.jsonl', says: /nothing after the seal/ },
  },
  {
    name: 'a seal for another name', start: sealed,
    damage: (disk) => changeLines(disk, SEALED_1, (l) => forge(l, 3, ['"seal":"00000000000000000001', '"seal":"00000000000000000002'])),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /a seal for 0{19}1/ },
  },
  {
    name: 'a seal for another seq', start: sealed,
    damage: (disk) => changeLines(disk, SEALED_1, (l) => forge(l, 3, ['"next_seq":3', '"next_seq":4'])),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /next_seq 3, found next_seq 4/ },
  },
  {
    name: 'a seal with another field', start: sealed,
    damage: (disk) => changeLines(disk, SEALED_1, (l) => forge(l, 3, ['"next_seq":3', '"next_seq":3,"x":1'])),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /the fields seal, next_seq and next/ },
  },
  {
    name: 'a seal with a wrong hash', start: sealed, damage: (disk) => change(disk, SEALED_1, (b) => flip(b, b.length - 10)),
    outcome: { refuses: 'p1/00000000000000000001.jsonl', says: /hash/ },
  },
  { name: 'an active segment that ends in a seal', start: sealed, damage: sealActive, outcome: { lines: 5, warns: /rotation/ } },
  {
    name: 'an active segment that ends in a torn seal', start: sealed,
    damage: (disk) => {
      sealActive(disk);
      change(disk, ACTIVE, (b) => b.subarray(0, -20));
    },
    outcome: { lines: 5, torn: true },
  },
  {
    name: 'an interrupted rotation in a copy of the folder: two files with one text', start: sealed,
    damage: (disk) => {
      sealActive(disk);
      disk.put(SEALED_3.replace('3.', '5.'), disk.bytesOf(ACTIVE));
    },
    outcome: { lines: 5 },
  },
  {
    name: 'an active segment beside a sealed one of its name with another text', start: sealed,
    damage: (disk) => {
      disk.put(SEALED_3.replace('3.', '5.'), disk.bytesOf(ACTIVE));
      sealActive(disk);
    },
    outcome: { refuses: 'p1/00000000000000000005.jsonl', says: /./ },
  },
  {
    name: 'an active segment named as sealed, without its seal', start: sealed,
    damage: (disk) => disk.tree.link(ACTIVE, SEALED_3.replace('3.', '5.')),
    outcome: { refuses: 'p1.jsonl', says: /a seal record, because the file also exists under the name of a sealed segment/ },
  },
  {
    name: 'the active segment of another log', start: sealed,
    damage: async (disk) => disk.put(ACTIVE, (await foreign(PROJECT)).bytesOf(ACTIVE)), outcome: { refuses: 'p1.jsonl', says: /log_id/ },
  },
  {
    name: 'the files of another project', start: () => foreign(), damage: () => undefined,
    outcome: { refuses: 'p1.jsonl', says: /project p1, found project p2/ },
  },
  {
    name: 'a header that is damaged', start: closed, damage: (disk) => change(disk, ACTIVE, (b) => flip(b, 60)),
    outcome: { refuses: 'p1.jsonl', says: /./ },
  },
  {
    name: 'a header with another first link', start: closed,
    damage: (disk) => disk.put(
      ACTIVE, encodeHeaderLine({ format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 1, previousHash: 'a'.repeat(64) }),
    ),
    outcome: { refuses: 'p1.jsonl', says: /prev/ },
  },
  {
    name: 'a header without an end', start: closed, damage: (disk) => disk.put(ACTIVE, 'x'.repeat(2000)),
    outcome: { refuses: 'p1.jsonl', says: /1024 bytes without a line feed/ },
  },
  {
    name: 'a file that is not a log', start: closed, damage: (disk) => disk.put(ACTIVE, '{"hello":1}\n'),
    outcome: { refuses: 'p1.jsonl', says: /a header line/ },
  },
  {
    name: 'a newer version', start: closed,
    damage: (disk) => changeLines(disk, ACTIVE, (l) => l.map((line) => line.replace('simplekv/1', 'simplekv/3'))),
    outcome: { refuses: 'p1.jsonl', says: /format "simplekv\/3" is unknown/, newer: true },
  },
  {
    name: 'a newer version that hashes in another way', start: closed,
    damage: (disk) => disk.put(ACTIVE, '{"format":"simplekv/17","new":{}}\n'),
    outcome: { refuses: 'p1.jsonl', says: /format "simplekv\/17"/, newer: true },
  },
  {
    name: 'an impossible version', start: closed,
    damage: (disk) => changeLines(disk, ACTIVE, ([h = '', ...rest]) => [h.replace('simplekv/1', 'simplekv/0'), ...rest]),
    outcome: { refuses: 'p1.jsonl', says: /the fields format/ },
  },
];

for (const row of [...LINES, ...SEGMENTS]) testRow(test, row);

test.run();
