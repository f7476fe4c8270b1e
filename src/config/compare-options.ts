/**
 * Compares the options of a running server with those of an edited configuration: what changes at once, and what only a restart changes.
 */
import { leavesOf } from '../base/setting.js';
import type { ServerOptions } from './server-options.js';

/** Settings that the open port, the open data folder and the parser of Node are bound to, and the checkpoints in progress. */
const BOUND_AT_START: ReadonlySet<string> = new Set([
  'server_port', 'server_host', 'limits.max_header_bytes', 'limits.max_headers', 'default.storage.persistent_file_path',
  'default.checkpoints.file', 'default.checkpoints.interval_seconds',
]);

/** What changes. */
interface OptionChange {
  /** The options to have in force: the new ones, except where only a restart changes them. */
  readonly options: ServerOptions;
  /** Paths of the settings that change at once, as `limits.max_value_bytes`, in the order of the table; without `tls`. */
  readonly changed: readonly string[];
  /** Paths of the settings that a restart would change. */
  readonly needsRestart: readonly string[];
}

/** Compares the options in force with new ones. */
export function compareOptions(before: ServerOptions, after: ServerOptions): OptionChange {
  const values = valuesOf(before);
  const different = [...valuesOf(after)].filter(([path, value]) => values.get(path) !== value).map(([path]) => path);
  const isTlsSwitched = (before.tls === null) !== (after.tls === null);
  return {
    options: {
      ...after,
      server_port: before.server_port,
      server_host: before.server_host,
      dataFolder: before.dataFolder,
      checkpoints: before.checkpoints,
      tls: isTlsSwitched ? before.tls : after.tls,
      limits: { ...after.limits, max_header_bytes: before.limits.max_header_bytes, max_headers: before.limits.max_headers },
    },
    changed: different.filter((path) => !BOUND_AT_START.has(path)),
    needsRestart: [...different.filter((path) => BOUND_AT_START.has(path)), ...(isTlsSwitched ? ['tls'] : [])],
  };
}

/** The values as JSON, by their paths in the file. */
function valuesOf({ dataFolder, tls: _, checkpoints, authentication, ...server }: ServerOptions): ReadonlyMap<string, string> {
  return new Map([
    ...leavesOf(server),
    ['default.storage.persistent_file_path', dataFolder],
    ...leavesOf(authentication, 'default.authentication.'),
    ['default.checkpoints.file', JSON.stringify(checkpoints?.file ?? null)],
    ['default.checkpoints.interval_seconds', JSON.stringify(checkpoints?.interval_seconds ?? null)],
  ]);
}
