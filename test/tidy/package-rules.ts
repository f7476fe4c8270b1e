/** Rules on what the project brings along: few packages, small, without a compiler at install, from no named host. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SourceText } from './source-tree.js';
import { nodeRule, parseSource } from './syntax.js';
import { importedName } from './word-rules.js';

/** What the packages of a running server may take on disk. */
const RUNTIME_BYTES_MAX = 30 * 1024 * 1024;

/** Versions of Node that must do: the oldest that is supported, and the newest line. */
const NODE_VERSIONS = ['20.19.0', '24.0.0'];

const { satisfies } = createRequire(import.meta.url)('semver') as { satisfies(version: string, range: string): boolean };

/** One package of package-lock.json. */
interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

/** The part of package-lock.json that the rules need. */
export interface Lockfile {
  /** By place, such as `node_modules/koa`. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The part of package.json that the rules need. */
export interface PackageManifest {
  /** Names of the packages that a running server needs. */
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Checks the lock file alone.
 *
 * @param lockfile What it says
 * @returns The offences
 */
export function lockfileOffences(lockfile: Lockfile): string[] {
  return Object.entries(lockfile.packages).flatMap(([place, locked]) => {
    const offences: string[] = [];
    if (locked.resolved !== undefined && /^\w+:\/\//.test(locked.resolved)) {
      offences.push(`package-lock.json: ${place} names a host: ${locked.resolved}`);
    }
    if (locked.hasInstallScript === true) offences.push(`package-lock.json: ${place} runs a script when it is installed`);
    const range = locked.engines?.node ?? '*';
    const refused = NODE_VERSIONS.filter((version) => !satisfies(version, range));
    if (refused.length > 0) offences.push(`package-lock.json: ${place} excludes Node ${refused.join(' and ')}: ${range}`);
    return offences;
  });
}

/**
 * Checks what is installed for a running server.
 *
 * @param root The top of the project
 * @param lockfile What is locked
 * @returns The offences
 */
export function installedOffences(root: string, lockfile: Lockfile): string[] {
  const offences: string[] = [];
  let byteCount = 0;
  for (const [place, locked] of Object.entries(lockfile.packages)) {
    if (place === '' || locked.dev === true || !existsSync(path.join(root, place))) continue;
    byteCount += folderBytes(path.join(root, place));
    if (existsSync(path.join(root, place, 'binding.gyp'))) offences.push(`${place}: has a native part to build`);
  }
  if (byteCount > RUNTIME_BYTES_MAX) offences.push(`node_modules: ${byteCount} bytes at run time, over ${RUNTIME_BYTES_MAX}`);
  return offences;
}

/**
 * Checks that source imports what package.json lists for run time, and that all of it is used.
 *
 * @param manifest What package.json says
 * @param sources The files of src
 * @returns The offences
 */
export function dependencyOffences(manifest: PackageManifest, sources: readonly SourceText[]): string[] {
  const listed = Object.keys(manifest.dependencies ?? {});
  const used = new Set(sources.flatMap(({ text }) => quotedPackages(text)));
  const unused = listed.filter((name) => !used.has(name)).map((name) => `package.json: ${name} is listed, and no source names it`);
  const unlisted = sources.flatMap((file) => importedPackages(file)
    .filter((name) => !listed.includes(name))
    .map((name) => `${file.path}: imports ${name}, which is not a run-time dependency`));
  return [...unused, ...unlisted];
}

/**
 * Reads a JSON file of the project.
 *
 * @typeParam T What it holds
 * @param file Its path
 * @returns Its content, unchecked
 */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const inside = path.join(folder, entry.name);
    // Packages inside a package have their own line in the lock file.
    if (entry.isDirectory()) return entry.name === 'node_modules' ? sum : sum + folderBytes(inside);
    return entry.isFile() ? sum + statSync(inside).size : sum;
  }, 0);
}

function importedPackages(file: SourceText): string[] {
  const names: string[] = [];
  nodeRule((node) => {
    const name = importedName(node);
    if (name !== null && !/^(?:node:|\.)/.test(name)) names.push(packageName(name));
    return null;
  })(parseSource(file));
  return names;
}

/** Anything quoted that could be a package: a logger's transport is named in a string, not imported. */
function quotedPackages(text: string): string[] {
  return [...text.matchAll(/'((?:@[\w-]+\/)?[\w-][\w./-]*)'/g)].map((match) => packageName(match[1] ?? ''));
}

function packageName(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
