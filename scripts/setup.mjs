/**
 * Brings a checkout to the point where its code can run: installs what package-lock.json names, then compiles. Each
 * step leaves a stamp of what it worked from and is skipped while that still holds. Uses Node alone, since nothing
 * is installed yet when it starts, and writes to standard error only: standard output belongs to the caller.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the checkout. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The program: everything that the command line needs, bundled. */
export const mainFile = path.join(root, 'dist/bin/simplekv.js');

/** The packages in the bundle, as name and version. */
export const bundledList = path.join(root, 'dist/bundled-packages.json');

const NODE_VERSION_MIN = [20, 19];
const SOURCE_FOLDERS = ['src', 'test', 'bench'];
/** What makes the bundle, beside its sources. */
const BUNDLING = [
  'bundle.mjs', 'bundle-client.mjs', 'bundle-ui.mjs', 'licenses.mjs', 'precompile-schemas.mjs', 'tsconfig.client.json',
].map((file) => `scripts/${file}`);
/** The web UI: checked by the compiler, bundled from its source. */
const UI_FOLDER = 'web';
const LOCK_WAIT_LIMIT_MS = 10 * 60_000;
const LOCK_POLL_MS = 100;
const MS_PER_SECOND = 1000;
/** Folders of `test` with packages of their own. */
export const PACKAGED_TESTS = ['outsiders', 'adapters'];
/** More than npm and the compiler print together. */
const CHILD_OUTPUT_BYTES_MAX = 67_108_864;

const lockfilePath = path.join(root, 'package-lock.json');
const installStamp = path.join(root, 'node_modules/.simplekv-lock');
const distFolder = path.join(root, 'dist');
const buildStamp = path.join(distFolder, '.stamp');
const setupLock = path.join(distFolder, '.setup-lock');

/** A step could not be done; the message is for the person at the terminal. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Installs the locked packages unless they are there.
 *
 * @throws {SetupError} When Node is too old or npm fails
 */
export function ensureInstalled() {
  requireNode();
  const wanted = sha256(readFileSync(lockfilePath));
  if (readOrNull(installStamp) === wanted) return;
  withSetupLock(() => {
    if (readOrNull(installStamp) === wanted) return;
    if (!hasLockedPackages()) install();
    writeStamp(installStamp, wanted);
  });
}

/**
 * Installs the packages of some tests, which are too large for every installation, unless they are there. They are no part of the source,
 * so they go where the output goes.
 *
 * @param {string} name One of {@link PACKAGED_TESTS}
 * @throws {SetupError} When npm fails
 */
export function ensureTestPackages(name) {
  const folder = path.join(distFolder, name);
  const stamp = path.join(folder, '.stamp');
  const source = path.join(root, 'test', name);
  const wanted = sha256(readFileSync(path.join(source, 'package-lock.json')));
  if (readOrNull(stamp) === wanted) return;
  withSetupLock(() => {
    if (readOrNull(stamp) === wanted) return;
    mkdirSync(folder, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(path.join(source, file), path.join(folder, file));
    install(['--prefix', folder]);
    writeStamp(stamp, wanted);
  });
}

/**
 * Compiles src, test and bench into dist and bundles the program, unless dist was made from what is there now. A failed build leaves no
 * stamp.
 *
 * @throws {SetupError} When the compiler or the bundler finds a fault
 */
export function ensureBuilt() {
  if (readOrNull(buildStamp) === sourceDigest()) return;
  withSetupLock(() => {
    // Taken before the build: a file edited while it runs then makes the next start build again.
    const digest = sourceDigest();
    if (readOrNull(buildStamp) === digest) return;
    rmSync(buildStamp, { force: true });
    removeStaleOutput();
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const remedy = 'mend what is named above, or `git status` shows which sources were changed; then run it again';
    run([process.execPath, compiler, '-p', root, '--pretty', 'false'], { what: 'building', failure: 'The build failed', remedy });
    const checking = { what: 'checking the web UI', failure: 'The check of the web UI failed', remedy };
    run([process.execPath, compiler, '-p', path.join(root, UI_FOLDER), '--pretty', 'false'], checking);
    run([process.execPath, path.join(root, 'scripts/bundle.mjs')], { what: 'bundling', failure: 'The bundling failed', remedy });
    writeStamp(buildStamp, digest);
  });
}

/**
 * Installs and builds what is not up to date.
 *
 * @throws {SetupError} When it cannot be done
 */
export function prepare() {
  ensureInstalled();
  ensureBuilt();
}

/**
 * Runs the steps of a script, and ends the process with a plain message when one cannot be done.
 *
 * @param {() => void} steps What to do
 * @param {(error: SetupError) => void} onFailure What else to say, after the message
 */
export function runSteps(steps, onFailure = () => {}) {
  try {
    steps();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`simplekv: ${error.message}`);
    onFailure(error);
    process.exit(1);
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [majorMin, minorMin] = NODE_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new SetupError(`Node ${NODE_VERSION_MIN.join('.')} or newer is needed, this is ${process.versions.node}`);
}

/** `npm install` leaves a list of what it put there; the stamp is missing then, but nothing has to be installed again. */
function hasLockedPackages() {
  const hidden = readOrNull(path.join(root, 'node_modules/.package-lock.json'));
  if (hidden === null) return false;
  const installed = JSON.parse(hidden).packages;
  return Object.entries(JSON.parse(readFileSync(lockfilePath, 'utf8')).packages).every(([place, locked]) => {
    if (place === '') return true;
    const found = installed[place];
    if (found === undefined) return locked.optional === true;
    return found.version === locked.version && found.integrity === locked.integrity;
  });
}

function install(options = []) {
  // Under `npm start` the npm in use names itself; a script of another package manager is not run as npm.
  const npmScript = process.env.npm_execpath ?? '';
  const [command, first] = npmScript.endsWith('npm-cli.js') ? [process.execPath, [npmScript]] : ['npm', []];
  // The compiler is a development package, and is needed even where NODE_ENV says production.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', ...options];
  const remedy = 'if the registry could not be reached, look at the network and at `npm config get registry`; then run it again';
  run([command, ...first, ...args], { what: 'installing packages', failure: 'npm ci failed', remedy });
}

/** One line on standard error says what is done and for how long. What the child prints follows only where it fails. */
function run([command, ...args], { what, failure, remedy }) {
  process.stderr.write(`simplekv: ${what}… `);
  const startMs = performance.now();
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: CHILD_OUTPUT_BYTES_MAX });
  const seconds = ((performance.now() - startMs) / MS_PER_SECOND).toFixed(1);
  const isDone = result.error === undefined && result.status === 0;
  process.stderr.write(isDone ? `${seconds} s\n` : `failed after ${seconds} s\n`);
  if (isDone) return;
  for (const output of [result.stdout, result.stderr]) if (output?.length > 0) process.stderr.write(output);
  const reason = result.error ? `: ${result.error.message}` : ` (exit code ${result.status ?? result.signal})`;
  throw new SetupError(`${failure}${reason}; ${remedy}`);
}

function sourceDigest() {
  const hash = createHash('sha256');
  const files = [...sourceFiles(), ...listFiles(UI_FOLDER).sort(), ...BUNDLING, 'tsconfig.json', 'package-lock.json', 'package.json'];
  for (const file of files) {
    const content = readFileSync(path.join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function sourceFiles() {
  return SOURCE_FOLDERS.flatMap((folder) => listFiles(folder)).filter((file) => file.endsWith('.ts')).sort();
}

/** Output whose source is gone would still be found: by the test runner as a test, by an import as a module. */
function removeStaleOutput() {
  const expected = new Set(sourceFiles().flatMap((file) => {
    const stem = path.join('dist', file.slice(0, -'.ts'.length));
    return [`${stem}.js`, `${stem}.js.map`];
  }));
  for (const folder of SOURCE_FOLDERS) {
    for (const file of listFiles(path.join('dist', folder))) {
      if (!expected.has(file)) rmSync(path.join(root, file), { force: true });
    }
  }
}

/** Every file below a folder of the checkout, relative to its top; none when the folder is not there. */
function listFiles(folder) {
  const absolute = path.join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

/**
 * Lets one process at a time change node_modules and dist. The lock file appears by `link`, so it always carries the
 * pid of its holder; one whose holder is gone (killed in the middle) is removed by the next to come.
 */
function withSetupLock(body) {
  mkdirSync(distFolder, { recursive: true });
  const own = `${setupLock}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    takeSetupLock(own);
    try {
      body();
    } finally {
      rmSync(setupLock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function takeSetupLock(own) {
  const deadline = Date.now() + LOCK_WAIT_LIMIT_MS;
  while (Date.now() < deadline) {
    try {
      linkSync(own, setupLock);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(readOrNull(setupLock));
    if (holder > 0 && !isAlive(holder)) rmSync(setupLock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
  }
  throw new SetupError(`Another set-up has been running for too long; if none is, remove ${setupLock}`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A stamp must be whole or absent: half of one could never match, but would hide why. */
function writeStamp(file, digest) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, digest);
  renameSync(`${file}.new`, file);
}

function readOrNull(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
