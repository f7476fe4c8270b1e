import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { LinesDroppedError, LogCorruptError, LogOutdatedError, LogVersionError, WrongLastSeqError } from '../../src/log/log-errors.js';
import { suite } from '../suite.js';

const test = suite('log-errors');

test('damage names file, offset, seq, what was expected and what was found; an older copy has its own code', () => {
  const error = new LogCorruptError({ file: 'p.jsonl', offset: 17, seq: 3 }, 'hash a', 'hash b');
  assert.ok(error instanceof AppError && error.code === 'project_corrupt');
  assert.match(error.message, /^Cannot trust "p\.jsonl" at byte 17, seq 3: expected hash a, found hash b$/);
  const outdated = new LogOutdatedError({ file: 'p.jsonl', offset: 17, seq: 3 }, 'lines up to seq 5', 'the end of the log after seq 2');
  assert.ok(outdated instanceof LogCorruptError && outdated.code === 'project_outdated' && outdated.name === 'LogOutdatedError');
  assert.doesNotMatch(new LogCorruptError({ file: 'p.jsonl', offset: 0 }, 'a', 'b').message, /seq/);
});

test('an unknown version is not damage', () => {
  const error = new LogVersionError('p.jsonl', 'simplekv/9');
  assert.ok(!(error instanceof LogCorruptError) && error.code === 'project_newer_format');
  assert.match(error.message, /"simplekv\/9" is unknown to this version/);
});

test('the other errors carry their facts', () => {
  assert.equal(new WrongLastSeqError(1, 2).actualSeq, 2);
  assert.equal(new LinesDroppedError(1, 5).firstKeptSeq, 5);
});

test.run();
