/** The locked packages in the cache of npm: what an installation without a network needs. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Need } from '../needs.js';
import { projectRoot } from '../tidy/source-tree.js';

/** A package as the lock has it. */
export interface LockedPackage {
  readonly version: string;
  /** Set if its folder has another name. */
  readonly name?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** The packages of the lock, by their folders. */
export function lockedPackages(): Readonly<Record<string, LockedPackage>> {
  const text = readFileSync(path.join(projectRoot(), 'package-lock.json'), 'utf8');
  return (JSON.parse(text) as { readonly packages: Record<string, LockedPackage> }).packages;
}

/** The packages of the lock, which `npm ci` leaves in the cache. */
export function cachedPackages(): Need {
  return { name: 'the locked packages in the cache of npm', remedy: 'npm ci', isMet: isCached() };
}

/** The cache has the content of a package under its digest, and what the registry says of the package under the digest of its address. */
function isCached(): boolean {
  let settings: readonly string[];
  try {
    settings = ['cache', 'registry'].map((name) => (
      execFileSync('npm', ['config', 'get', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    ));
  } catch {
    return false;
  }
  const [cache = '', registry = ''] = settings;
  return Object.entries(lockedPackages()).every(([place, { name: given, integrity, optional = false }]) => {
    if (integrity === undefined || optional) return true;
    const [algorithm = '', digest = ''] = integrity.split(/-(.*)/s);
    const name = given ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const address = `make-fetch-happen:request-cache:${registry}${name.replace('/', '%2f')}`;
    return existsSync(inCache(cache, ['content-v2', algorithm], Buffer.from(digest, 'base64').toString('hex')))
      && existsSync(inCache(cache, ['index-v5'], createHash('sha256').update(address).digest('hex')));
  });
}

function inCache(cache: string, kind: readonly string[], hex: string): string {
  return path.join(cache, '_cacache', ...kind, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
}
