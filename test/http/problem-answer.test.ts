import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { silentLogger } from '../../src/base/logger.js';
import { createLogger } from '../../src/base/server-log.js';
import type { Exchange } from '../../src/http/exchange.js';
import { problemAnswer } from '../../src/http/problem.js';
import { suite } from '../suite.js';

const test = suite('problem-answer');

function exchangeIn(projectId: string | null, problemHeaders: readonly string[] = []): Exchange {
  return { requestId: 'r', principal: null, projectId, problemHeaders, problemCode: null } as unknown as Exchange;
}

test('a problem has the headers of its kind, and those that its cause adds', () => {
  const exchange = exchangeIn(null, ['ETag', '"7-00000000"']);
  const { status, headers, problemCode } = problemAnswer(exchange, new AppError('precondition_failed', 'Cannot'), silentLogger);
  assert.equal(status, 412);
  assert.deepEqual(headers, ['Content-Type', 'application/problem+json', 'Cache-Control', 'no-store', 'ETag', '"7-00000000"']);
  assert.equal(problemCode, 'precondition_failed');
});

test('damaged files are an error in the server log, with the project and the reason', () => {
  for (const [projectId, project] of [['p1', { project: 'p1' }], [null, {}]] as const) {
    const logged: unknown[] = [];
    const logger = createLogger({ level: 'trace', destination: { write: (text: string) => void logged.push(JSON.parse(text)) } });
    problemAnswer(exchangeIn(projectId), new AppError('project_corrupt', 'Cannot trust "p1/x"'), logger);
    const [{ level, msg, request_id: id, reason, project: named }] = logged as [Record<string, unknown>];
    assert.deepEqual([level, msg, id, reason], ['error', 'Cannot answer a request', 'r', 'Cannot trust "p1/x"']);
    assert.deepEqual(named === undefined ? {} : { project: named }, project);
  }
});

test.run();
