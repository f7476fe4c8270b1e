/**
 * The commands `set` and `delete`: change keys of a project through its server.
 */
import { countText } from '../../base/count-text.js';
import type { Receipt } from '../../client/changes.js';
import type { RangeOptions } from '../../client/options.js';
import { complain } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import { printable } from '../printable.js';
import { Remote, type RemoteProject, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { confirm } from './confirm.js';
import { parseCount, parseDuration } from './duration.js';
import { type FormOptions, printObject } from './output-form.js';
import { readGivenValue } from './read-value.js';

/** Options of `set`. */
export interface SetCommandOptions extends RemoteOptions, FormOptions {
  readonly file?: string;
  readonly string?: boolean;
  readonly ttl?: string;
  readonly keepTtl?: boolean;
  readonly ifSeq?: string;
  readonly create?: boolean;
}

/** Options of `delete`. */
export interface DeleteCommandOptions extends RemoteOptions, FormOptions {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly all?: boolean;
  readonly ifSeq?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const MS_PER_SECOND = 1000;

/**
 * Sets a key and prints the receipt.
 *
 * @param given JSON, or `-`; undefined: in a file
 * @returns true
 * @throws {InputError} when the value is no JSON
 * @throws {RemoteError} when the server refuses, or the condition does not hold
 */
export async function setValue(
  { key, given }: { readonly key: string; readonly given: string | undefined }, options: SetCommandOptions, context: RunContext,
): Promise<boolean> {
  const { file, string, ttl, keepTtl, create, ifSeq } = options;
  if (create === true && ifSeq !== undefined) throw new UsageError('Use either --create or --if-seq');
  if (ttl !== undefined && keepTtl === true) throw new UsageError('Use either --ttl or --keep-ttl');
  const condition = create === true ? 0 : ifSeq === undefined ? undefined : parseCount(ifSeq, '--if-seq');
  const ttlMs = ttl === undefined ? undefined : parseDuration(ttl, '--ttl') * MS_PER_SECOND;
  const { signal, output } = context;
  if (options.keyFile === '-' && (given === '-' || file === '-')) {
    throw new UsageError('Cannot read both the API key and the value from standard input');
  }
  const remote = await Remote.need('set a key', options);
  const text = await readGivenValue({ given, file, string });
  const { kv } = await remote.project(options.project, signal);
  const { seq, hash, etag, created, durable } = await remote.asking(signal, () => (
    kv.setText(key, text, { ifSeq: condition, ttlMs, keepTtl, signal })
  ));
  await printObject(output, options, {
    object: { key, seq, hash, etag, created, durable },
    text: () => `${printable(key)}: ${created ? 'created' : 'set'}, seq ${seq}, receipt ${hash}${durableText(durable)}\n`,
  });
  return true;
}

/** The durability of the project allows an answer before the change is on disk. */
function durableText(durable: boolean): string {
  return durable ? '' : ', perhaps not on disk yet';
}

/**
 * Deletes keys, or those of a range.
 *
 * @returns false if one of the keys did not exist, or a person did not confirm the deletion
 * @throws {UsageError} when the options contradict each other, or the deletion has to be confirmed
 * @throws {RemoteError} when the server refuses, or a condition does not hold
 */
export async function deleteKeys(keys: readonly string[], options: DeleteCommandOptions, context: RunContext): Promise<boolean> {
  const { prefix, start, end, all = false, ifSeq, dryRun } = options;
  const hasRange = prefix !== undefined || start !== undefined || end !== undefined;
  if ([keys.length > 0, hasRange, all].filter(Boolean).length !== 1) {
    throw new UsageError('Cannot tell what to delete: give keys, a range (--prefix, --start, --end), or --all');
  }
  if (ifSeq !== undefined && keys.length !== 1) throw new UsageError('Use --if-seq with exactly one key');
  if (dryRun === true && keys.length > 0) throw new UsageError('Use --dry-run with a range or --all; list shows whether a key exists');
  const remote = await Remote.need('delete keys', options);
  const place = await remote.project(options.project, context.signal);
  const target = { remote, place };
  if (keys.length === 0) return await deleteRange(target, all ? {} : { prefix, start, end }, options, context);
  const [first = ''] = keys;
  return keys.length === 1 ? await deleteOne(target, first, options, context) : await deleteSeveral(target, keys, options, context);
}

interface Target {
  readonly remote: Remote;
  readonly place: RemoteProject;
}

async function deleteOne(
  { remote, place }: Target, key: string, options: DeleteCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const ifSeq = options.ifSeq === undefined ? undefined : parseCount(options.ifSeq, '--if-seq', 1);
  const receipt: Receipt | undefined = await remote.asking(signal, () => place.kv.delete(key, { ifSeq, signal }));
  if (receipt === undefined) {
    complain(`"${place.id}" has no key ${JSON.stringify(key)}`);
    return false;
  }
  const { seq, hash, durable } = receipt;
  await printObject(output, options, {
    object: receipt, text: () => `${printable(key)}: deleted, seq ${seq}, receipt ${hash}${durableText(durable)}\n`,
  });
  return true;
}

/** Deletes keys with one line of the log: all of them that exist. */
async function deleteSeveral(
  { remote, place }: Target, keys: readonly string[], options: DeleteCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const batch = place.kv.batch();
  const names = [...new Set(keys)];
  for (const key of names) batch.delete(key);
  const { seq, hash, durable, results } = await remote.asking(signal, () => batch.commit({ signal }));
  // A repeated answer has no results: then it is known that they are gone, but not which of them existed.
  const absent = results?.filter(({ existed }) => existed === false).map(({ key }) => key) ?? [];
  const deleted = names.length - absent.length;
  await printObject(output, options, {
    object: { deleted, absent, seq, hash: hash ?? null, durable },
    text: () => (hash === undefined ? 'nothing was deleted\n'
      : `${countText(deleted, 'key')} deleted, seq ${seq}, receipt ${hash}${durableText(durable)}\n`),
  });
  for (const key of absent) complain(`"${place.id}" has no key ${JSON.stringify(key)}`);
  return absent.length === 0;
}

async function deleteRange(
  { remote, place }: Target, range: RangeOptions, options: DeleteCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const { kv, id } = place;
  const remove = async (more: { readonly dryRun?: boolean; readonly expectCount?: number }): ReturnType<typeof kv.clear> => (
    await remote.asking(signal, () => {
      if (Object.values(range).every((bound) => bound === undefined || bound === '')) return kv.clear({ ...more, signal });
      return kv.deleteRange({ ...range, ...more, signal });
    })
  );
  let expectCount: number | undefined;
  if (options.dryRun === true || options.yes !== true) {
    const { deleted: count } = await remove({ dryRun: true });
    if (options.dryRun === true) {
      await printObject(output, options, {
        object: { deleted: count, dry_run: true }, text: () => `${countText(count, 'key')} would be deleted; nothing was changed\n`,
      });
      return true;
    }
    const question = `Delete ${countText(count, 'key')}${rangeText(range)} of "${id}" on ${remote.origin}?`;
    if (!(await confirm({ question, yes: options.yes, signal }))) {
      complain('nothing was deleted');
      return false;
    }
    // What was confirmed is deleted, or nothing.
    expectCount = count;
  }
  const { deleted, seq, hash, durable } = await remove(expectCount === undefined ? {} : { expectCount });
  await printObject(output, options, {
    object: { deleted, seq: seq ?? null, hash: hash ?? null, durable },
    text: () => (hash === undefined ? 'no key matched; nothing was deleted\n'
      : `${countText(deleted, 'key')} deleted, seq ${seq ?? ''}, receipt ${hash}${durableText(durable)}\n`),
  });
  return true;
}

function rangeText({ prefix, start, end }: RangeOptions): string {
  const parts = [
    ...(prefix === undefined ? [] : [`beginning with ${JSON.stringify(prefix)}`]),
    ...(start === undefined ? [] : [`from ${JSON.stringify(start)} on`]),
    ...(end === undefined ? [] : [`before ${JSON.stringify(end)}`]),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}
