/** Writes the lines of many keys into the log of a project while no server runs: by the log itself, so they are what a server writes. */
import path from 'node:path';
import { silentLogger } from '../src/base/logger.js';
import { NodeDisk } from '../src/disk/node-disk.js';
import { encodeEvent } from '../src/events/codec.js';
import { BUILT_IN_STORAGE } from '../src/events/project-settings.js';
import { FileHome } from '../src/log/file/file-home.js';
import { logOptionsOf } from '../src/store/project-store.js';

const BATCH_LINES = 1000;

/** What is written. */
export interface FilledKeys {
  readonly count: number;
  /** Names a key, from 0. */
  keyOf(index: number): string;
  /** Its value, as JSON. */
  valueOf(index: number): string;
}

/**
 * Appends a `set` line for each key.
 *
 * @param folder The folder of the server's configuration, with its data in `data`
 * @param project A project that a start has made
 * @param keys What is written
 * @throws {Error} When the project has no log
 */
export async function fillLog(folder: string, project: string, keys: FilledKeys): Promise<void> {
  const home = new FileHome({ folder: path.join(folder, 'data'), disk: new NodeDisk(), logger: silentLogger });
  const log = await home.open(project, { ...logOptionsOf(BUILT_IN_STORAGE), durability: 'os', replay: () => undefined });
  if (log === undefined) throw new Error(`Cannot fill the log of "${project}": the first start made none`);
  for (let first = 0; first < keys.count; first += BATCH_LINES) {
    const drafts = Array.from({ length: Math.min(BATCH_LINES, keys.count - first) }, (_, index) => ({
      ...encodeEvent({ op: 'set', key: keys.keyOf(first + index), value: keys.valueOf(first + index) }),
      actor: 'anonymous',
      request: 'bench',
    }));
    await log.append(drafts, log.position().seq);
  }
  await log.close();
}
