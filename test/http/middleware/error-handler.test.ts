import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import type { ErrorCode } from '../../../src/base/error-codes.js';
import { silentLogger } from '../../../src/base/logger.js';
import { createLogger } from '../../../src/base/server-log.js';
import type { AppContext } from '../../../src/http/context.js';
import { answerProblem } from '../../../src/http/middleware/error-handler.js';
import { suite } from '../../suite.js';

const test = suite('error-handler');

/** The headers of a problem that replaces a value whose headers were set. */
function headersAfter(code: ErrorCode): ReadonlySet<string> {
  const headers = new Map([
    ['ETag', '"1"'], ['Last-Modified', 'Sun, 22 Nov 2026 10:00:00 GMT'], ['Link', '<x>; rel="next"'], ['Allow', 'GET'],
  ]);
  const ctx = {
    state: { requestId: 'r', problemCode: null, projectId: null },
    set: (more: Readonly<Record<string, string>>) => Object.entries(more).forEach(([name, value]) => headers.set(name, value)),
    remove: (name: string) => headers.delete(name),
  };
  answerProblem(ctx as unknown as AppContext, new AppError(code, 'Cannot'), silentLogger);
  return new Set(headers.keys());
}

test('a problem has no headers of the value that it replaces', () => {
  for (const code of ['busy', 'unauthorized', 'forbidden', 'project_not_found', 'shutting_down'] as const) {
    const names = headersAfter(code);
    assert.deepEqual(['ETag', 'Last-Modified', 'Link', 'Allow'].filter((name) => names.has(name)), ['Allow'], code);
  }
});

test('a failed precondition keeps the ETag of the current version', () => {
  assert.ok(headersAfter('precondition_failed').has('ETag'));
});

test('damaged files are an error in the server log, with the project and the reason', () => {
  for (const [projectId, project] of [['p1', { project: 'p1' }], [null, {}]] as const) {
    const logged: unknown[] = [];
    const logger = createLogger({ level: 'trace', destination: { write: (text: string) => void logged.push(JSON.parse(text)) } });
    const ctx = { state: { requestId: 'r', problemCode: null, projectId }, set: () => undefined, remove: () => undefined };
    answerProblem(ctx as unknown as AppContext, new AppError('project_corrupt', 'Cannot trust "p1/x"'), logger);
    const [{ level, msg, request_id: id, reason, project: named }] = logged as [Record<string, unknown>];
    assert.deepEqual([level, msg, id, reason], ['error', 'Cannot answer a request', 'r', 'Cannot trust "p1/x"']);
    assert.deepEqual(named === undefined ? {} : { project: named }, project);
  }
});

test.run();
