/** The file of known typed keys: its content, which files are trusted, and the outcome when a step of writing it fails. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestKey } from '../../src/auth/key-hash.js';
import { createLogger } from '../../src/base/server-log.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { KnownKeysFile, KNOWN_KEYS_SUFFIX } from '../../src/config/known-keys-file.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';
import { faultyConfigDisk, type ConfigDiskFault, type FaultyConfigDisk } from './faulty-config-disk.js';

const test = suite('known-keys-file.crash');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const KEYS = { global: 'the-global-key', alpha: 'the-key-of-alpha', beta: 'the-key-of-beta' };
const FILE = `config.json${KNOWN_KEYS_SUFFIX}`;
const MODE_BITS = 0o777;

function quickHash(key: string): string {
  return `scrypt:32768:8:3:${SALT}:${digestKey(SALT + key).toString('base64url')}`;
}

function entry(key: string): { readonly enabled: true; readonly save_api_key_to_file: false; readonly api_key: null;
  readonly api_key_hash: string; } {
  return { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: quickHash(key) };
}

const DOCUMENT: ConfigDocument = {
  version: 1,
  default: { storage: { persistent_file_path: 'data/' }, authentication: entry(KEYS.global) },
  projects: [{ id: 'alpha', authentication: entry(KEYS.alpha) }, { id: 'beta', authentication: entry(KEYS.beta) }],
};

/** A folder with a configuration, and servers that come and go. */
class Place {
  readonly folder: string;
  readonly warnings: Record<string, unknown>[] = [];
  readonly faulty: FaultyConfigDisk = faultyConfigDisk();
  document = DOCUMENT;

  constructor(folder: string) {
    this.folder = folder;
  }

  get file(): string {
    return path.join(this.folder, FILE);
  }

  async open(): Promise<KnownKeysFile> {
    const logger = createLogger({ destination: { write: (line) => void this.warnings.push(JSON.parse(line) as Record<string, unknown>) } });
    const place = this;
    const config = {
      target: path.join(this.folder, 'config.json'),
      get document() {
        return place.document;
      },
    };
    return await KnownKeysFile.open(config, logger, this.faulty.disk);
  }

  /** A server that learns keys, and has stopped. */
  async learn(...projects: readonly ('alpha' | 'beta')[]): Promise<void> {
    const known = await this.open();
    for (const project of projects) learn(known, project);
    await known.close();
  }

  /** Which keys a server knows that has just started. */
  async known(): Promise<readonly string[]> {
    const known = await this.open();
    await known.close();
    return knownBy(known);
  }

  text(): Promise<string> {
    return readFile(this.file, 'utf8');
  }

  /** The warnings so far, which are then forgotten. */
  told(): readonly string[] {
    return this.warnings.splice(0).map(({ level, msg }) => `${String(level)}: ${String(msg)}`);
  }
}

function learn(known: KnownKeysFile, project: 'alpha' | 'beta'): boolean {
  return known.learn(KEYS[project], { scope: `project:${project}`, hash: quickHash(KEYS[project]) });
}

function knownBy(known: KnownKeysFile): readonly string[] {
  const places = [['global', KEYS.global], ['project:alpha', KEYS.alpha], ['project:beta', KEYS.beta]] as const;
  const hashInForce = (scope: string): string | undefined => {
    const key = places.find(([name]) => name === scope)?.[1];
    return key === undefined ? undefined : quickHash(key);
  };
  return places.filter(([, key]) => known.recall(key, SALT, hashInForce) !== undefined).map(([name]) => name);
}

function at(body: (place: Place) => Promise<void>): () => Promise<void> {
  return () => inFolder((folder) => body(new Place(folder)));
}

test('a key that one server learns is known to the next one, from a file private to its owner', at(async (place) => {
  assert.deepEqual([await place.known(), await readdir(place.folder)], [[], []]);
  await place.learn('alpha', 'beta');
  assert.deepEqual(await place.known(), ['project:alpha', 'project:beta']);
  assert.deepEqual(await readdir(place.folder), [FILE]);
  assert.equal((await stat(place.file)).mode & MODE_BITS, 0o600);
  assert.deepEqual(place.told(), []);
}));

test('a known key is not written again', at(async (place) => {
  await place.learn('alpha');
  place.faulty.steps.length = 0;
  await place.learn('alpha');
  assert.deepEqual(place.faulty.steps, ['readWithRights', 'list']);
}));

test('the file is written durably, once for all keys learned meanwhile', at(async (place) => {
  const known = await place.open();
  await known.close();
  place.faulty.steps.length = 0;
  assert.deepEqual([learn(known, 'alpha'), learn(known, 'beta')], [true, true]);
  await known.close();
  assert.deepEqual(place.faulty.steps, ['openFolder', 'open', 'write', 'sync', 'close', 'rename', 'syncFolder', 'closeFolder']);
  assert.deepEqual(await place.known(), ['project:alpha', 'project:beta']);
}));

test('keys learned during a write are written next', at(async (place) => {
  const known = await place.open();
  learn(known, 'alpha');
  while (!place.faulty.steps.includes('write')) await new Promise((resolve) => setImmediate(resolve));
  learn(known, 'beta');
  await known.close();
  assert.deepEqual(await place.known(), ['project:alpha', 'project:beta']);
}));

test('a replaced key, or one of a removed project, is dropped by the next write', at(async (place) => {
  await place.learn('alpha', 'beta');
  place.document = { ...DOCUMENT, projects: [{ id: 'alpha', authentication: entry('another-key') }] };
  assert.deepEqual(await place.known(), [], 'it is not believed even before that');
  assert.ok((await place.text()).includes('project:beta'));
  const known = await place.open();
  known.learn(KEYS.global, { scope: 'global', hash: quickHash(KEYS.global) });
  await known.close();
  assert.ok(!(await place.text()).includes('project:'), await place.text());
  assert.deepEqual(await place.known(), ['global']);
}));

test('a file that others may read or change is not used, and is replaced by one with a new pepper', at(async (place) => {
  for (const mode of [0o640, 0o604, 0o620, 0o602]) {
    await place.learn('alpha');
    const before = await place.text();
    await chmod(place.file, mode);
    assert.deepEqual([await place.known(), await place.text()], [[], before], 'a start writes nothing');
    assert.match(place.told().join('\n'), /^warn: the file of known typed keys is open to other users .* is not used/);
    await place.learn('alpha');
    place.told();
    assert.equal((await stat(place.file)).mode & MODE_BITS, 0o600);
    assert.notEqual((JSON.parse(await place.text()) as { pepper: string }).pepper, (JSON.parse(before) as { pepper: string }).pepper);
    assert.deepEqual([await place.known(), place.told()], [['project:alpha'], []]);
    await rm(place.file);
  }
}));

test('a damaged file causes one warning, stays until a key is learned, and is then rewritten', at(async (place) => {
  await place.learn('alpha', 'beta');
  const sound = await place.text();
  for (const text of ['', sound.slice(0, sound.length / 2), sound.replace('known-keys/1', 'known-keys/9'), '\0'.repeat(100)]) {
    await writeFile(place.file, text);
    assert.deepEqual([await place.known(), await place.text()], [[], text]);
    assert.deepEqual(place.told().length, 1);
    await place.learn('alpha');
    assert.match(place.told().join('\n'), /^warn: the file of known typed keys is damaged or of an unknown format and is not used[^\n]*$/);
    assert.deepEqual([await place.known(), place.told()], [['project:alpha'], []]);
  }
}));

test('a folder in its place, or an unreadable file, causes a warning and no failure', at(async (place) => {
  await mkdir(place.file, { mode: 0o700 });
  assert.deepEqual(await place.known(), []);
  assert.match(place.told().join(), /damaged/);
  await rm(place.file, { recursive: true });
  await place.learn('alpha');
  place.faulty.setFault({ step: 'readWithRights', code: 'EACCES' });
  assert.deepEqual(await place.known(), []);
  assert.match(place.told().join(), /could not be read/);
}));

const FAULTS: readonly ConfigDiskFault[] = [
  { step: 'openFolder', code: 'EACCES' },
  { step: 'open', code: 'EROFS' },
  { step: 'write', code: 'ENOSPC' },
  { step: 'write', code: 'ENOSPC', isCrash: true },
  { step: 'sync', code: 'EIO' },
  { step: 'sync', code: 'EIO', isCrash: true },
  { step: 'close', code: 'EIO', isCrash: true },
  { step: 'rename', code: 'EBUSY' },
  { step: 'rename', code: 'EIO', isCrash: true },
  { step: 'syncFolder', code: 'EIO' },
  { step: 'syncFolder', code: 'EIO', isCrash: true },
  { step: 'closeFolder', code: 'EIO' },
];

for (const fault of FAULTS) {
  const how = `${fault.step} with ${fault.code}${fault.isCrash === true ? ', and nothing after it works,' : ''}`;
  test(`a write that fails at ${how} leaves a whole file, is warned about once, and is made up for by the next`, at(async (place) => {
    await place.learn('alpha');
    const known = await place.open();
    await known.close();
    place.faulty.setFault(fault);
    assert.equal(learn(known, 'beta'), true);
    await known.close();
    assert.deepEqual(knownBy(known), ['project:alpha', 'project:beta'], 'this server knows it all the same');
    known.learn(KEYS.global, { scope: 'global', hash: quickHash(KEYS.global) });
    await known.close();
    const told = place.told();
    assert.ok(told.length === 1 && told[0]?.startsWith('warn: the known typed keys could not be saved'), told.join('\n'));
    assert.ok(!JSON.stringify(place.warnings).includes(KEYS.beta));

    // The machine comes back, and another server starts.
    place.faulty.setFault(undefined);
    const after = await place.known();
    assert.ok(after.includes('project:alpha'), after.join());
    await place.learn('alpha', 'beta');
    assert.deepEqual(await readdir(place.folder), [FILE], 'what a crash left is removed');
    assert.ok((await place.known()).includes('project:beta'));
    assert.deepEqual(place.told(), []);
  }));
}

test.run();
