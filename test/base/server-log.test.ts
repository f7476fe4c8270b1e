import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { type AdjustableLogger, LOG_LEVELS, silentLogger } from '../../src/base/logger.js';
import { createReadableForm } from '../../src/base/readable-log.js';
import { createLogger, type LoggerOptions } from '../../src/base/server-log.js';
import { suite } from '../suite.js';

const test = suite('server-log');

const SECRET = 'skv_p_0123456789SECRETsecret';

/** A logger and its output, piece by piece. */
function recorded(options: Omit<LoggerOptions, 'destination'> = {}): { logger: AdjustableLogger; pieces: string[] } {
  const pieces: string[] = [];
  const destination = {
    write(piece: string): void {
      pieces.push(piece);
    },
  };
  return { logger: createLogger({ ...options, destination }), pieces };
}

function onlyLine(pieces: readonly string[]): Record<string, unknown> {
  assert.equal(pieces.length, 1);
  return JSON.parse(pieces[0] ?? '') as Record<string, unknown>;
}

test('a line is one JSON object with level, time, fields and message, and no process or host', () => {
  const { logger, pieces } = recorded();
  logger.info({ project: 'alpha', bytes: 3 }, 'a request');
  const line = onlyLine(pieces);
  assert.deepEqual(Object.keys(line), ['level', 'time', 'project', 'bytes', 'msg']);
  assert.equal(line['level'], 'info');
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.match(pieces[0] ?? '', /^[^\n]*\n$/);
});

test('control characters in fields and messages are escaped: one entry is one line', () => {
  const { logger, pieces } = recorded();
  logger.warn({ key: 'a\r\nb\u001b[31m' }, 'first\nsecond');
  assert.equal((pieces[0] ?? '').slice(0, -1).search(/[\u0000-\u001f]/), -1);
  assert.equal(onlyLine(pieces)['key'], 'a\r\nb\u001b[31m');
});

test('lines below the level are dropped, by default below info', () => {
  const quiet = recorded({ level: 'error' });
  quiet.logger.warn('not this');
  quiet.logger.error('this');
  assert.equal(onlyLine(quiet.pieces)['msg'], 'this');
  const plain = recorded();
  plain.logger.debug('not this');
  plain.logger.info('this');
  assert.equal(onlyLine(plain.pieces)['msg'], 'this');
});

test('the logger supports every level of the configuration', () => {
  for (const level of LOG_LEVELS) assert.doesNotThrow(() => createLogger({ level, destination: { write: () => undefined } }));
});

function loggedError(error: Error): Record<string, unknown> {
  const { logger, pieces } = recorded();
  logger.error({ err: error }, 'failed');
  return onlyLine(pieces)['err'] as Record<string, unknown>;
}

test('an expected failure is logged with its class, message, code and cause, and without a stack', () => {
  const cause = Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', errno: -28 });
  const err = loggedError(new AppError('disk_full', 'Cannot append', { facts: { limit: 3 }, cause }));
  assert.equal(err['type'], 'AppError');
  assert.match(String(err['message']), /^Cannot append.*ENOSPC: no space/);
  assert.equal(err['code'], 'disk_full');
  assert.deepEqual(err['facts'], { limit: 3 });
  assert.equal('stack' in err, false);
  assert.equal('stack' in loggedError(cause), false);
});

test('a defect is logged with its stack, also as the cause of an expected failure', () => {
  const defect = new TypeError('x is not a function');
  for (const error of [
    defect, new AppError('internal_error', 'a defect'), new AppError('compaction_failed', 'Cannot make the snapshot', { cause: defect }),
  ]) assert.match(String(loggedError(error)['stack']), /server-log\.test/, error.message);
});

test('a thrown value that is not an error is logged as it is', () => {
  for (const thrown of ['text', 5, null, { a: 1 }]) {
    const { logger, pieces } = recorded();
    logger.error({ err: thrown }, 'failed');
    assert.deepEqual(onlyLine(pieces)['err'], thrown);
  }
});

/** Every field and header under which an API key could be logged. */
const NESTINGS: readonly (readonly [string, (name: string) => object])[] = [
  ['the object itself', (name) => ({ [name]: SECRET })],
  ['headers or settings', (name) => ({ headers: { [name]: SECRET } })],
  ['headers of a request', (name) => ({ req: { headers: { [name]: SECRET } } })],
  ['the default of a configuration', (name) => ({ config: { default: { authentication: { [name]: SECRET } } } })],
  ['a project of a list', (name) => ({ projects: [{ authentication: { [name]: SECRET } }] })],
  ['facts of an error', (name) => ({ err: new AppError('forbidden', 'Cannot', { facts: { [name]: SECRET } }) })],
];

for (const name of ['api_key', 'apiKey', 'api_key_hash', 'authorization', 'x-api-key', 'X-API-Key']) {
  test(`the field "${name}" is redacted at any depth`, () => {
    for (const [where, wrap] of NESTINGS) {
      for (const form of [undefined, createReadableForm()]) {
        const { logger, pieces } = recorded(form === undefined ? {} : { format: form });
        logger.info(wrap(name), 'a line');
        const text = pieces.join('');
        assert.ok(!text.includes(SECRET), `${where}, ${form !== undefined ? 'readable' : 'JSON'}: ${text}`);
        assert.ok(text.includes('[redacted]'), `${where}: ${text}`);
      }
    }
  });
}

test('redaction does not modify the logged object', () => {
  const { logger } = recorded();
  const settings = { headers: { authorization: SECRET } };
  logger.info(settings, 'a line');
  assert.equal(settings.headers.authorization, SECRET);
});

test('the readable form shows level, message and fields', () => {
  const { logger, pieces } = recorded({ format: createReadableForm() });
  logger.warn({ project: 'alpha' }, 'the disk is full');
  const text = pieces.join('');
  assert.match(text, /WARN/);
  assert.match(text, /the disk is full/);
  assert.match(text, /alpha/);
});

test('lines that are text already are written together at the end of a turn, in order with the others', async () => {
  const { logger, pieces } = recorded();
  logger.infoLines.add('"n":1', 'text');
  logger.infoLines.add('"n":2', 'text');
  assert.deepEqual(pieces, []);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pieces.length, 1);
  logger.infoLines.add('"n":3', 'text');
  logger.warn({ n: 4 }, 'other');
  const lines = pieces.join('').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(lines.map(({ level, n, msg }) => [level, n, msg]), [
    ['info', 1, 'text'], ['info', 2, 'text'], ['info', 3, 'text'], ['warn', 4, 'other'],
  ]);
  for (const line of lines) assert.deepEqual(Object.keys(line), ['level', 'time', 'n', 'msg']);
  assert.match(String(lines[0]?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('lines that are written together are counted, and written at once when the process is about to end', () => {
  const counts: (number | undefined)[] = [];
  const logger = createLogger({ destination: { write: (_text, count) => void counts.push(count) } });
  logger.infoLines.flush();
  for (let n = 0; n < 10; n += 1) logger.infoLines.add(`"n":${n}`, 'text');
  logger.infoLines.flush();
  logger.info('alone');
  assert.deepEqual(counts, [10, undefined]);
});

test('a fatal line takes the waiting ones with it', () => {
  const { logger, pieces } = recorded();
  logger.infoLines.add('"n":1', 'text');
  logger.fatal('the end');
  assert.deepEqual(pieces.map((piece) => (JSON.parse(piece) as Record<string, unknown>)['msg']), ['text', 'the end']);
});

test('above info, no such line has to be made', () => {
  assert.equal(recorded({ level: 'warn' }).logger.infoLines.isEnabled, false);
  assert.equal(recorded({ level: 'debug' }).logger.infoLines.isEnabled, true);
});

test('the silent logger accepts every call and writes nothing', () => {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) {
    assert.doesNotThrow(() => silentLogger[level]({ a: 1 }, 'nothing'));
  }
});

for (const form of [undefined, createReadableForm()]) {
  test(`a fatal line is flushed with the destination's method, ${form === undefined ? 'as JSON' : 'readable'}`, () => {
    const calls: string[] = [];
    const destination = { write: () => void calls.push('write'), flushSync: () => void calls.push('flush') };
    const logger = createLogger({ ...(form === undefined ? {} : { format: form }), destination });
    logger.error('one');
    logger.fatal('two');
    assert.deepEqual(calls, ['write', 'write', 'flush']);
  });
}

test('the level can change, also for lines that are text already', () => {
  const { logger, pieces } = recorded({ level: 'warn' });
  logger.info('dropped');
  logger.setLevel?.('debug');
  assert.equal(logger.infoLines.isEnabled, true);
  logger.debug('kept');
  logger.setLevel?.('silent');
  logger.fatal('dropped');
  assert.equal(logger.infoLines.isEnabled, false);
  assert.deepEqual(pieces.map((piece) => (JSON.parse(piece) as Record<string, unknown>)['msg']), ['kept']);
});

test.run();
