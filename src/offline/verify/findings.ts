/**
 * What the findings of a check mean, and the line numbers of their positions.
 */
import { isErrno } from '../../base/app-error.js';
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import { UnknownEventError } from '../../events/codec.js';
import { fileNamed, withText } from '../../log/file/segment/segment-files.js';
import { LogCorruptError } from '../../log/log-errors.js';

/** Converts the error of decoding a line whose hash is right. */
export function asUnreadable(error: unknown): Pick<Finding, 'found' | 'kind'> {
  const found = error instanceof Error ? error.message : String(error);
  return error instanceof UnknownEventError ? { found, kind: 'newer_format' } : { found };
}

/**
 * Tells whether only snapshots are damaged: startup notices that and falls back on the log, without a loss.
 *
 * @param findings the findings of one project, or of the registry
 */
export function isLogSound(findings: readonly Finding[]): boolean {
  return findings.every(({ kind }) => kind === 'snapshot');
}

const PIECE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;
/** Files that consist of lines. */
const HAS_LINES = /\.(?:jsonl|jsonl\.gz|json|index|manifest)$/;

/**
 * Adds the number of its line to each finding.
 *
 * @param dataFolder the data folder, absolute
 */
export async function withLines(disk: Disk, dataFolder: string, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const located: Finding[] = [];
  for (const finding of findings) located.push({ ...finding, line: await lineOf(disk, dataFolder, finding) });
  return located;
}

async function lineOf(disk: Disk, dataFolder: string, { file, offset }: Finding): Promise<number | undefined> {
  if (!HAS_LINES.test(file)) return undefined;
  try {
    return await withText(disk, fileNamed(dataFolder, file), async (text) => {
      let line = 1;
      for (let start = 0; start < offset; start += PIECE_BYTES) {
        const piece = Buffer.alloc(Math.min(PIECE_BYTES, offset - start));
        const count = await text.read(piece, start);
        for (let at = piece.indexOf(LINE_FEED); at >= 0 && at < count; at = piece.indexOf(LINE_FEED, at + 1)) line += 1;
      }
      return line;
    });
  } catch (error) {
    // Lines of a file that cannot be opened or inflated cannot be counted.
    if (isErrno(error) || error instanceof LogCorruptError) return undefined;
    throw error;
  }
}
