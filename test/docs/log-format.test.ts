/** docs/log-format.md against the code: the example is a log, the snippet checks it, the tables are those of the code. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { ACTOR_CONFIG, ACTOR_SERVER, actorOf } from '../../src/events/actor.js';
import { decodeEvent, encodeEvent, EVENT_FIELDS } from '../../src/events/codec.js';
import { SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN } from '../../src/api/project-settings.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { LEFT_FOLDER, LogPaths, TRASH_FOLDER } from '../../src/log/file/log-paths.js';
import { SECTOR_BYTES, PARTIAL_SECTOR_BYTES_MIN, TORN_BYTES_MAX } from '../../src/log/file/recovery/torn-tail.js';
import { encodeEventLine, genesisHash } from '../../src/log/line-format.js';
import { encodeHeaderLine, encodeSealLine } from '../../src/log/segment-format.js';
import { LINE_BYTES_MAX, type LogLine } from '../../src/log/log.js';
import { encodeManifest } from '../../src/projections/snapshot/manifest-format.js';
import { compressedLog, PACKED_1 } from '../log/file/compressed-log.js';
import { diskWith, HEAD, homeOn, linesOf, OPTIONS, sha256, SMALL_SEGMENTS } from '../log/file/log-fixture.js';
import { withFolder } from '../disk/temporary-folder.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('docs/log-format.md');
const document = readFileSync(path.join(projectRoot(), 'docs/log-format.md'), 'utf8');

const PROJECT = 'first_project';
const LOG_ID = '00112233445566778899aabbccddeeff';
const SHELL_TIMEOUT_MS = 60_000;
/** For many runs of a shell snippet, each of which starts hundreds of processes, on a busy machine. */
const MANY_RUNS_TIMEOUT_MS = 240_000;

/** The content of a fenced block by what follows its fence. */
function block(info: string): string {
  const start = document.indexOf(`\`\`\`${info}\n`);
  assert.ok(start >= 0, `there is a block ${info}`);
  const from = start + info.length + 4;
  return document.slice(from, document.indexOf('```', from));
}

/** The rows of the table under headings that begin so, cell by cell. */
function table(heading: string): string[][] {
  const lines = document.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  assert.ok(start >= 0, `there is a table ${heading}`);
  const rows = lines.slice(start + 2);
  return rows.slice(
    0, rows.findIndex((line) => !line.startsWith('|')),
  ).map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

interface Checked {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a snippet of the document on files. */
function runSnippet(info: string, ...files: readonly string[]): Checked {
  const options = { encoding: 'utf8', timeout: SHELL_TIMEOUT_MS } as const;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', block(info), info, ...files], options);
  return { status, output: stdout + stderr };
}

function runCheck(file: string): Checked {
  return runSnippet('sh check', file);
}

test('the example is what this program writes', () => {
  const [header, create = '', set = ''] = block('jsonl example').split('\n');
  const genesis = genesisHash(PROJECT, LOG_ID);
  assert.equal(`${header}\n`, encodeHeaderLine({ format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 1, previousHash: genesis }));
  const settings = { ...BUILT_IN_SETTINGS, authentication: { enabled: true, save_api_key_to_file: false } };
  const first = encodeEventLine(
    { ...encodeEvent({ op: 'project.create', settings, key_id: '3f2a9c0d11e8b7a6' }), actor: 'global#0123456789abcdef', request: 'r-1' },
    { seq: 1, timeMs: Date.parse('2026-11-22T10:00:00.123Z'), durable: 0, salt: 'AAECAwQFBgcICQoLDA0ODw' },
    genesis,
  );
  assert.equal(`${create}\n`, first.text);
  const second = encodeEventLine(
    { ...encodeEvent(
      { op: 'set', key: 'user/1', value: '{"name":"Zoë","n":1.0}' },
    ), actor: 'project:first_project#3f2a9c0d11e8b7a6', request: 'r-2' },
    { seq: 2, timeMs: Date.parse('2026-11-22T10:00:01.000Z'), durable: 1, salt: 'EBESExQVFhcYGRobHB0eHw' },
    first.hash,
  );
  assert.equal(`${set}\n`, second.text);
  const seal = encodeSealLine({ sealedName: '00000000000000000001.jsonl', nextSeq: 3, nextName: 'first_project.jsonl' }, second.hash);
  assert.equal(block('json seal'), seal);
  const base = '0f343b0931126a20f133d67c2b018a3b'.repeat(2);
  const based = encodeHeaderLine({ format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 42, previousHash: second.hash, base });
  assert.equal(block('json base'), based);
});

const NOON = '2026-11-22T12:00:00.000Z';
const ADDED = '"key_id":"1111111111111111","name":"dashboard","permissions":["read"],"not_before":null,"expires_at":null';
const REPLACED = `"previous_key_id":"1111111111111111","previous_expires_at":"${NOON}"`;

/** The operations of format 2 with their fields, in the order of the example. */
const EXAMPLES: readonly (readonly [op: string, body: string])[] = [
  ['batch', '"ops":[{"op":"set","key":"stock/1","value":{"n":1.0}},{"op":"delete","key":"user/1"}]'],
  ['set.until', `"expires_at":"${NOON}","key":"session/7","value":"secret"`],
  ['touch', '"expires_at":null,"key":"session/7"'],
  ['expire', '"keys":["session/6"]'],
  ['clear.range', '"prefix":"session/","start":null,"end":null,"count":1'],
  ['access.add', ADDED],
  ['access.change', `"key_id":"1111111111111111","name":"wall","expires_at":"${NOON}"`],
  ['access.rotate', `${ADDED.replace('1111111111111111', '2222222222222222')},${REPLACED}`],
  ['redact', ''],
  ['access.remove', '"key_id":"2222222222222222"'],
];
const ERASED_SEQ = 4;

/** The example of format 2: a log as the program writes it, but with one line erased. */
function exampleOfFormat2(): string {
  let previousHash = block('jsonl example').trimEnd().slice(-66, -2);
  const lines = [encodeHeaderLine({ format: 2, project: PROJECT, logId: LOG_ID, firstSeq: 3, previousHash })];
  let [digest, bytes] = ['', 0];
  for (const [index, [op, body]] of EXAMPLES.entries()) {
    const seq = index + 3;
    const left = `{"seq":${ERASED_SEQ},"digest":"${digest}","bytes":${bytes},"left":{"expires_at":"${NOON}","key":"session/7"}}`;
    const fields = body === '' ? `"reason":"asked by the customer","lines":[${left}]` : body;
    const timeMs = Date.parse('2026-11-22T10:00:00.000Z') + (seq - 1) * 1000;
    const stamp = { seq, timeMs, durable: seq - 1, salt: 'AAECAwQFBgcICQoLDA0ODw' };
    const { text, hash } = encodeEventLine({ op, body: fields, actor: 'anonymous', request: `r-${seq}` }, stamp, previousHash);
    previousHash = hash;
    const partB = text.slice(text.indexOf(',"salt":'), -76);
    if (seq === ERASED_SEQ) [digest, bytes] = [sha256(partB), Buffer.byteLength(partB)];
    lines.push(seq === ERASED_SEQ ? text.replace(partB, ',"erased":true'.padEnd(Buffer.byteLength(partB))) : text);
  }
  return lines.join('');
}

test('the example of format 2 is made of the lines that this program would write, and the snippet accepts it', async () => {
  const example = block('jsonl example-2');
  assert.equal(example, exampleOfFormat2());
  assert.equal(block('json erased'), `${example.split('\n')[2]}\n`);
  await withFolder(async (folder) => {
    const file = path.join(folder, 'log.jsonl');
    await writeFile(file, example);
    assert.deepEqual(runCheck(file), { status: 0, output: 'ok\n' });
    const redact = example.split('\n').find((line) => line.includes('"op":"redact"')) ?? '';
    // Without the digest that vouches for it, or with another one, the erased line is wrong.
    const changes = [
      [redact, ''], ['"digest":"', '"digest":"x'], ['true   ', 'true  x'], ['true   ', 'true  '], ['"bytes":', '"bytes":1'],
    ] as const;
    for (const [from, to] of changes) {
      const changed = example.replace(from, to);
      await writeFile(file, changed);
      const { status, output } = runCheck(file);
      assert.deepEqual([status, output.slice(0, 16)], [1, 'wrong: {"seq":4,']);
    }
    // The redaction may be in a later segment.
    const later = path.join(folder, 'later.jsonl');
    await writeFile(later, `${redact}\n`);
    await writeFile(file, `${example.split('\n').slice(0, 3).join('\n')}\n`);
    assert.equal(runCheck(file).status, 1);
    assert.deepEqual(runSnippet('sh check', file, later), { status: 0, output: 'ok\n' });
  });
}, { timeoutMs: MANY_RUNS_TIMEOUT_MS });

test('each line of the example of format 2 has the fields of the table', () => {
  const rows = new Map(table('`op` of format 2').map(([op = '', fields = '']) => [quoted(op)[0], quoted(fields)]));
  for (const [op, body] of EXAMPLES) {
    const names = Object.keys(JSON.parse(`{${body}}`) as object);
    if (op !== 'redact') assert.deepEqual(names, rows.get(op), op);
  }
  assert.deepEqual([...rows.keys()].sort(), [...EXAMPLES.map(([op]) => op), 'project.restored'].sort());
});

test('a compressed segment has the layout of the table', async () => {
  const bytes = (await compressedLog()).bytesOf(PACKED_1);
  const text = gunzipSync(bytes);
  const start = /`(1f 8b [^`]*)`/.exec(document)?.[1]?.replaceAll(' ', '');
  assert.equal(bytes.toString('hex', 0, 16), start);
  assert.equal(bytes.readBigUInt64LE(16), 3n);
  const packed = Buffer.concat([bytes.subarray(16, 24), bytes.subarray(28, -8)]);
  assert.equal(bytes.readUInt32LE(24), crc32(packed));
  assert.ok(inflateRawSync(bytes.subarray(28, -8)).equals(text));
  assert.deepEqual([bytes.readUInt32LE(bytes.length - 8), bytes.readUInt32LE(bytes.length - 4)], [crc32(text), text.length]);
  const offsets = table('offset').map(([offset = '']) => offset);
  assert.deepEqual(offsets, ['0', '16', '24', '28', 'the last 8']);
});

test('every file that a log creates is in the table of files', () => {
  const names = table('name').flatMap(([name = '']) => quoted(name));
  const paths = new LogPaths('/home', '<project>');
  const own = [paths.active, paths.head, paths.next, paths.probe, paths.compressing].map((one) => one.slice('/home/'.length));
  const folders = [`${TRASH_FOLDER}/<log_id>/`, `${LEFT_FOLDER}/<project>-<log_id>/`];
  for (const name of [...own, ...folders]) assert.ok(names.includes(name), name);
});

test('the program opens the example as a log and knows its events', async () => {
  await withFolder(async (folder) => {
    await writeFile(path.join(folder, `${PROJECT}.jsonl`), block('jsonl example'));
    const lines: LogLine[] = [];
    const home = homeOn(new NodeDisk(), { folder });
    const log = await home.open(PROJECT, { ...OPTIONS, expectedLogId: LOG_ID, replay: (line) => void lines.push(line) });
    assert.ok(log);
    assert.deepEqual(lines.map((line) => decodeEvent(line.op, line.body).op), ['project.create', 'set']);
    assert.equal(log.position().seq, 2);
    await log.append([{ op: 'delete', actor: 'anonymous', request: 'r-3', body: '"key":"user/1"' }], 2);
    await log.close();
    assert.deepEqual(runCheck(path.join(folder, `${PROJECT}.jsonl`)), { status: 0, output: 'ok\n' });
  });
});

test('the snippet prints ok for the example and for sealed and later segments', async () => {
  await withFolder(async (folder) => {
    const disk = await diskWith([2, 2, 2], SMALL_SEGMENTS);
    const segments = [...disk.contents()].filter(([name]) => name.endsWith('.jsonl'));
    assert.equal(segments.length, 3);
    for (const bytes of [block('jsonl example'), ...segments.map(([, content]) => content)]) {
      const file = path.join(folder, 'log.jsonl');
      await writeFile(file, bytes);
      assert.deepEqual(runCheck(file), { status: 0, output: 'ok\n' });
    }
  });
});

test('the snippet finds a changed byte in each part of each line, a missing line and a swapped one', async () => {
  await withFolder(async (folder) => {
    const example = block('jsonl example');
    const file = path.join(folder, 'log.jsonl');
    const changes: readonly (readonly [string, string])[] = [
      [
        '"first_seq":1', '"first_seq":2',
      ], ['first_project","log', 'first_projecu","log'], ['"prev":"5', '"prev":"6'], ['hash":"55', 'hash":"56'],
      ['"time":"2026-11-22T10:00:00', '"time":"2026-11-22T10:00:01'], ['AAECA', 'BAECA'], ['"on_disk":true', '"on_disk":tru3'],
      [
        'hash":"22', 'hash":"23',
      ], ['"seq":2', '"seq":3'], ['"key":"user/1"', '"key":"user/2"'], ['"n":1.0', '"n":1.1'], ['hash":"b2', 'hash":"c2'],
    ];
    for (const [from, to] of changes) {
      assert.ok(example.includes(from), from);
      await writeFile(file, example.replace(from, to));
      const { status, output } = runCheck(file);
      assert.equal(status, 1, `${from} → ${to}`);
      assert.match(output, /^wrong: \{/);
    }
    const [header = '', first = '', second = ''] = example.split('\n');
    for (const lines of [[header, second], [header, second, first], [header, first, first]]) {
      await writeFile(file, `${lines.join('\n')}\n`);
      assert.equal(runCheck(file).status, 1);
    }
  });
}, { timeoutMs: MANY_RUNS_TIMEOUT_MS });

test('the snippet rejects files that a shell would accept', async () => {
  await withFolder(async (folder) => {
    const example = Buffer.from(block('jsonl example'));
    const file = path.join(folder, 'log.jsonl');
    const end = example.length;
    const files = {
      'no file': undefined, 'an empty file': Buffer.alloc(0), 'a torn last line': example.subarray(0, end - 9),
      'a last line without its line feed': example.subarray(0, end - 1),
      'a NUL byte in a line': Buffer.concat([example.subarray(0, end - 20), Buffer.alloc(1), example.subarray(end - 20)]),
      'a lost sector at the end': Buffer.concat([example, Buffer.alloc(512)]),
    };
    for (const [what, bytes] of Object.entries(files)) {
      await rm(file, { force: true });
      if (bytes !== undefined) await writeFile(file, bytes);
      const { status, output } = runCheck(file);
      assert.equal(status, 1, what);
      assert.match(output, /^wrong: /, what);
    }
    assert.equal(runCheck('').status, 1);
  });
}, { timeoutMs: MANY_RUNS_TIMEOUT_MS });

test('base is the digest that the snippet computes from the manifest, and of no other manifest', async () => {
  await withFolder(async (folder) => {
    const file = { sizeBytes: 3, sha256: 'a'.repeat(64) };
    const data = { format: 2, keyCount: 0, keySum: 0, json: file, index: file } as const;
    const own = { project: PROJECT, logId: LOG_ID, hash: 'c'.repeat(64), timeMs: 0, requests: null, isBase: true, segments: [], state: {} };
    const [right, other] = [41, 40].map((seq) => encodeManifest({ ...data, ...own, seq }));
    const [segment, manifest] = [path.join(folder, 'log.jsonl'), path.join(folder, 'manifest')];
    const header = { format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 42, previousHash: own.hash, base: right?.digest } as const;
    await writeFile(segment, encodeHeaderLine(header));
    await writeFile(manifest, right?.text ?? '');
    assert.deepEqual(runSnippet('sh base', segment, manifest), { status: 0, output: 'ok\n' });
    await writeFile(manifest, other?.text ?? '');
    assert.deepEqual(runSnippet('sh base', segment, manifest), { status: 1, output: 'wrong\n' });
    await writeFile(segment, block('jsonl example'));
    assert.deepEqual(runSnippet('sh base', segment, manifest), { status: 1, output: 'wrong\n' });
  });
});

test('every kind of actor is named', () => {
  const named = table('actor of a line').map(([actor = '']) => quoted(actor)[0]);
  const keyed = [actorOf({ kind: 'global', keyId: '<key id>' }), actorOf({ kind: 'project', project: '<project>', keyId: '<key id>' })];
  assert.deepEqual(named, [...keyed, actorOf({ kind: 'anonymous' }), ACTOR_CONFIG, ACTOR_SERVER]);
});

test('the table of operations is that of the code, both ways', () => {
  const documented = table('`op` | fields, in order | in').map(([op = '', fields = '']) => [quoted(op)[0], quoted(fields)]);
  const written = table('`op` of format 2').filter(([, , , state]) => state !== 'reserved');
  documented.push(...written.map(([op = '', fields = '']) => [quoted(op)[0], quoted(fields)]));
  assert.deepEqual(documented.sort(), Object.entries(EVENT_FIELDS).map(([op, fields]) => [op, [...fields]]).sort());
});

test('every field of an operation is explained, and nothing else', () => {
  const documented = table('field of an operation').flatMap(([field = '']) => quoted(field));
  const later = table('`op` of format 2').flatMap(([, fields = '']) => quoted(fields));
  assert.deepEqual(documented.sort(), [...new Set([...Object.values(EVENT_FIELDS).flat(), ...later])].sort());
});

test('fields are in the order of the tables', () => {
  const tables = document.split('\n### ').filter((part) => /^(?:Header|Event|Seal)\n/.test(part));
  const [header, event, seal] = tables.map((part) => [...part.matchAll(/^\| `(\w+)` \| (?:string|integer) \|/gm)].map((match) => match[1]));
  const [headerLine = '', eventLine = ''] = block('jsonl example').split('\n');
  assert.deepEqual(header?.filter((name) => name !== 'base'), Object.keys(JSON.parse(headerLine) as object));
  assert.deepEqual(header, Object.keys(JSON.parse(block('json base')) as object));
  assert.deepEqual(event, Object.keys(JSON.parse(eventLine) as object).filter((name) => name !== 'settings' && name !== 'key_id'));
  assert.deepEqual(seal, Object.keys(JSON.parse(block('json seal')) as object));
});

test('the head has the documented layout', async () => {
  const slot = block('json head').trimEnd();
  const disk = await diskWith([2]);
  const bytes = disk.bytesOf(HEAD).toString('latin1');
  assert.equal(bytes.length, 8192);
  for (const written of [bytes.slice(0, 4096), bytes.slice(4096)]) {
    assert.deepEqual(Object.keys(JSON.parse(written) as object), Object.keys(JSON.parse(slot) as object));
    assert.match(written, /^\{[^ ]*\} *\n$/);
  }
  // The example's head proves the example's last line.
  await withFolder(async (folder) => {
    await new NodeDisk().makeFolder(path.join(folder, PROJECT));
    const lines = block('jsonl example').split(/(?<=\n)/);
    await writeFile(path.join(folder, PROJECT, 'head'), `${slot.padEnd(4095)}\n`.repeat(2));
    await writeFile(path.join(folder, `${PROJECT}.jsonl`), lines.slice(0, 2).join(''));
    const opening = homeOn(new NodeDisk(), { folder }).open(PROJECT, { ...OPTIONS, replay: () => undefined });
    await assert.rejects(opening, /lines up to seq 2 as the head proves/);
  });
});

test('limits are those of the program', () => {
  const limits = [
    LINE_BYTES_MAX, TORN_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX, BUILT_IN_SETTINGS.storage.segment_bytes,
    Number.MAX_SAFE_INTEGER, SECTOR_BYTES,
  ];
  for (const limit of limits) assert.ok(document.includes(limit.toLocaleString('en-US')), String(limit));
  assert.ok(document.includes(`at least ${PARTIAL_SECTOR_BYTES_MIN}\n   zero bytes`));
});

test('every field of a written line is in the document', async () => {
  const [, line = ''] = linesOf(await diskWith([1]));
  const names = Object.keys(JSON.parse(line) as object);
  for (const name of names) assert.ok(document.includes(`| \`${name}\` |`), name);
});

test.run();
