/**
 * Routes that prove what the log has: a checkpoint of its newest line, and whether it has the line of a receipt.
 */
import { AppError, withDiskCode } from '../../base/app-error.js';
import type { ProjectStore } from '../../store/project-store.js';
import { historyGone, isDropped } from '../events/positions.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import { jsonAnswer } from '../json-answer.js';
import type { LongAnswers } from '../long-answers.js';
import type { QueryParameters } from '../query.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;

/** Returns the handlers. */
export function proofRoutes(longAnswers: LongAnswers): RouteHandlers<'getCheckpoint' | 'findReceipt'> {
  return {
    getCheckpoint: { handle: (exchange) => answerCheckpoint(storeOf(exchange)) },
    findReceipt: { handle: (exchange) => answerReceipt(exchange, longAnswers) },
  };
}

/** Refuses a checkpoint of a log that is never in files: verification would take it for a proof that the log was replaced. */
async function answerCheckpoint(store: ProjectStore): Promise<Answer> {
  if (!store.isOnDisk) {
    const message = 'it is in memory only, so it has no log that could be verified later; move it to disk first (storage.on_disk)';
    throw new AppError('not_on_disk', `Cannot make a checkpoint of the project "${store.id}": ${message}`);
  }
  try {
    return jsonAnswer(OK, await store.checkpoint());
  } catch (error) {
    throw withDiskCode(error, 'Cannot make a checkpoint');
  }
}

async function answerReceipt(exchange: Exchange, longAnswers: LongAnswers): Promise<Answer> {
  const store = storeOf(exchange);
  const { feed } = store;
  const { seq: digits = '', hash = '' } = exchange.query as QueryParameters;
  const seq = Number(digits);
  const { seq: lastSeq } = feed.end;
  if (seq > lastSeq) throw notFound(digits, lastSeq, 'the log ends before it');
  if (seq < feed.oldestSeq) throw receiptGone(store, hash);
  const line = await feed.lineAt(seq, (sizeBytes) => longAnswers.reserve(exchange, sizeBytes)).catch((error: unknown) => {
    throw isDropped(error) ? receiptGone(store, hash) : error;
  });
  if (line.hash !== hash.toLowerCase()) throw notFound(digits, lastSeq, 'its line has another hash');
  return jsonAnswer(OK, { seq, time: new Date(line.timeMs).toISOString(), op: line.op, found: true });
}

/** @param seq as it was sent: a number keeps fewer digits */
function notFound(seq: string, lastSeq: number, reason: string): AppError {
  const advice = 'it was given for another log, or the log was restored or replaced';
  return new AppError('receipt_not_found', `Cannot find the receipt of seq ${seq}: ${reason}; ${advice}`, { facts: { last_seq: lastSeq } });
}

function receiptGone(store: ProjectStore, hash: string): AppError {
  return historyGone(store, `search a backup of the data folder for the receipt: simplekv receipt ${hash} --data FOLDER`);
}
