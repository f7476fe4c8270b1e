import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { decodeManifest, encodeManifest } from '../../../src/projections/snapshot/manifest-format.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import { suite } from '../../suite.js';
import { manifestOf } from './snapshot-fixture.js';

const test = suite('projections/snapshot/manifest-format');
const NAME = 'snap-00000000000000000042.manifest';
const MANIFEST: SnapshotManifest = manifestOf({
  format: 2, keyCount: 2, keySum: 12_345, json: { sizeBytes: 20, sha256: 'a'.repeat(64) }, index: { sizeBytes: 80, sha256: 'b'.repeat(64) },
}, 42);
const { text: TEXT, digest: DIGEST } = encodeManifest(MANIFEST);

/** A text with a corrected digest, so that only the change is wrong. */
function resealed(text: string): Buffer {
  const covered = text.slice(0, text.indexOf('"sha256":"', text.indexOf('"state"')));
  return Buffer.from(`${covered}"sha256":"${createHash('sha256').update(covered).digest('hex')}"\n}\n`);
}

function refused(bytes: Buffer | string, pattern: RegExp): void {
  assert.throws(() => decodeManifest(Buffer.from(bytes), NAME), (error: unknown) => {
    assert.ok(error instanceof SnapshotCorruptError, String(error));
    assert.equal(error.file, NAME);
    assert.match(error.message, pattern);
    return true;
  });
}

test('decoding inverts encoding, and returns the digest at the end', () => {
  assert.deepEqual(decodeManifest(Buffer.from(TEXT), NAME), { ...MANIFEST, digest: DIGEST });
  assert.ok(TEXT.endsWith(`"sha256":"${DIGEST}"\n}\n`));
});

test('a manifest is JSON with one member per line, and its digest covers every byte before the last two lines', () => {
  assert.equal((JSON.parse(TEXT) as { seq: number }).seq, 42);
  const lines = TEXT.split('\n');
  const covered = `${lines.slice(0, -3).join('\n')}\n`;
  assert.equal(createHash('sha256').update(covered).digest('hex'), DIGEST);
  for (const line of lines.slice(1, -3)) assert.match(line, /^"\w+":.*,$/);
});

test('a state of any shape is decoded as it was', () => {
  const odd: unknown = JSON.parse('{"__proto__":1,"b":"\\u0000","2":1,"1":2}');
  const states = [null, 'Zoë\u2028\ud83d\ude00', [], [[1, { a: null }]], odd, 1e300, false];
  for (const state of states) {
    const { text } = encodeManifest({ ...MANIFEST, state });
    assert.deepEqual(decodeManifest(Buffer.from(text), NAME).state, JSON.parse(JSON.stringify(state)));
  }
  assert.throws(() => encodeManifest({ ...MANIFEST, state: undefined }), /can be written as JSON/);
});

test('another format is refused with its own error, whatever else is wrong', () => {
  for (const text of [TEXT.replace('snapshot/2', 'snapshot/3'), '{\n"format":"simplekv-snapshot/12",\nwhatever']) {
    assert.throws(() => decodeManifest(Buffer.from(text), NAME), SnapshotVersionError);
  }
  refused(TEXT.replace('snapshot/2', 'snapshot/02'), /a manifest/);
  refused(TEXT.replace('simplekv', 'simplekw'), /a manifest/);
});

test('every flipped bit and every cut is refused', () => {
  const bytes = Buffer.from(TEXT);
  for (let at = 0; at < bytes.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
      assert.throws(() => decodeManifest(changed, NAME), /^Snapshot(?:Corrupt|Version)Error/, `byte ${at} bit ${bit}`);
    }
    refused(bytes.subarray(0, at), /expected/);
  }
  refused(`${TEXT}\n`, /ends with its digest/);
});

test('missing, unknown, duplicate, reordered and malformed members are refused although the digest is right', () => {
  const changes: readonly (readonly [from: string | RegExp, to: string])[] = [
    [/"base":false,\n/, ''], ['"base":false,\n', '"base":false,\n"extra":1,\n'], ['"base":false', '"base":0'],
    ['"base":false,\n', '"base":false,\n"base":false,\n'], [/("base":false,\n)("key_count":2,\n)/, '$2$1'], ['"seq":42', '"seq":0'],
    ['"seq":42', '"seq":42.0'], ['"seq":42', '"seq":4.2e1'], ['"seq":42', '"seq": 42'], ['"key_count":2', '"key_count":-2'],
    ['[[1,4096]]', '[[1]]'], ['[[1,4096]]', '[[0,4096]]'], ['[[1,4096]]', '[[1,4096,1]]'], ['aaaa"}', 'aaaA"}'], ['.165Z', '.165z'],
    ['2026-11-22', '2026-11-32'], ['"bytes":20', '"bytes":20,"more":1'], ['{"versions"', '{ "versions"'],
    ['"project":"shop"', '"project":"../x"'],
  ];
  for (const [from, to] of changes) {
    const text = TEXT.replace(from, to);
    assert.notEqual(text, TEXT, String(from));
    refused(resealed(text), /Cannot trust/);
  }
  assert.doesNotThrow(() => decodeManifest(resealed(TEXT), NAME), 'resealing alone changes nothing');
});

test('invalid UTF-8 is refused although the digest is right', () => {
  const bytes = resealed(TEXT.replace('"on_disk":true', '"on_disk":"\ufffd"'));
  const at = bytes.indexOf('\ufffd');
  const broken = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]);
  const digest = createHash('sha256').update(broken.subarray(0, broken.indexOf('"sha256":"', broken.indexOf('"state"')))).digest('hex');
  refused(Buffer.concat([broken.subarray(0, -68), Buffer.from(`${digest}"\n}\n`)]), /Cannot trust/);
});

test.run();
