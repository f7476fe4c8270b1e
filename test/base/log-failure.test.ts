/** A failure that the caller survives reaches the server log whole. */
import assert from 'node:assert/strict';
import { logFailure } from '../../src/base/log-failure.js';
import { createLogger } from '../../src/base/server-log.js';
import { suite } from '../suite.js';

const test = suite('base/log-failure');

/** A logger, and the lines that it has written. */
function recording(): { readonly logger: ReturnType<typeof createLogger>; readonly lines: () => Record<string, unknown>[] } {
  const written: string[] = [];
  const logger = createLogger({ level: 'debug', destination: { write: (line) => written.push(line) } });
  return { logger, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('the error, the fields and the message are logged at the given level', async () => {
  const { logger, lines } = recording();
  await Promise.reject(new Error('no such file')).catch(logFailure(logger, 'warn', { project: 'app', seq: 4 }, 'the file was not removed'));
  const [line] = lines();
  assert.equal(lines().length, 1);
  assert.equal(line?.['level'], 'warn');
  assert.equal(line['project'], 'app');
  assert.equal(line['seq'], 4);
  assert.equal(line['msg'], 'the file was not removed');
  assert.equal((line['err'] as { message: string }).message, 'no such file');
});

test('the result of the work passes through, and is undefined after a failure', async () => {
  const { logger, lines } = recording();
  const handler = logFailure(logger, 'error', {}, 'it failed');
  assert.equal(await Promise.resolve(7).catch(handler), 7);
  assert.deepEqual(lines(), []);
  assert.equal(await Promise.reject<number>(new Error('no')).catch(handler), undefined);
  assert.equal(lines()[0]?.['level'], 'error');
});

test('what was thrown is logged even if it is no Error', async () => {
  const { logger, lines } = recording();
  await Promise.reject('plain text').catch(logFailure(logger, 'debug', {}, 'it failed'));
  assert.equal(lines()[0]?.['err'], 'plain text');
});

test.run();
