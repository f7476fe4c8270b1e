/** Erasing the values of lines: what is asked for and told, and each refusal. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { suite } from '../../suite.js';
import { type Answer, problemOf, type Sent, withServer, type TestServer } from '../test-server.js';

const test = suite('redact-lines');

const REDACT = '/api/v1/projects/alpha/redact';
const WANTED = '{"seqs":[1],"reason":"asked by the customer"}';

async function redact(server: TestServer, sent: Sent = { body: WANTED }): Promise<Answer> {
  return await server.send('POST', REDACT, sent);
}

test('a redaction names its line and what it erased, and is done as its caller', () =>
  withServer(async (server) => {
    const answer = await redact(server);
    assert.equal(answer.status, 200, answer.text);
    const { seq, erased } = JSON.parse(answer.text) as { readonly seq: number; readonly erased: readonly number[] };
    assert.deepEqual([seq, erased], [2, [1]]);
    const { request, context } = server.projects.lastChange as { readonly request: object; readonly context: { readonly actor: string } };
    assert.deepEqual(request, { seqs: [1], reason: 'asked by the customer' });
    assert.match(context.actor, /^global#/);
  }));

test('what cannot be erased is refused with what to look at, and nothing is asked of the project', () =>
  withServer(async (server) => {
    const refused = async (sent?: Sent): Promise<readonly unknown[]> => {
      const answer = await redact(server, sent);
      return [answer.status, problemOf(answer)['code']];
    };
    const refuse = (error?: AppError): void => {
      server.projects.beforeChange = () => {
        if (error !== undefined) throw error;
      };
    };
    assert.deepEqual(await refused({ body: WANTED, key: null }), [401, 'unauthorized']);
    assert.deepEqual(await refused({ body: WANTED, key: server.alphaKey }), [403, 'forbidden']);
    for (const body of ['{"seqs":[],"reason":"r"}', '{"seqs":[0],"reason":"r"}', '{"seqs":[1]}', '{"seqs":[1],"reason":"r","x":1}', '[]']) {
      assert.equal((await refused({ body }))[0], 400, body);
    }
    refuse(new AppError('history_gone', 'The line is gone', { facts: { oldest_seq: 3, snapshot_seq: null } }));
    assert.deepEqual(await refused(), [410, 'history_gone']);
    refuse(new AppError('value_in_use', 'The value is current', { facts: { keys: ['a'] } }));
    assert.deepEqual(await refused(), [409, 'value_in_use']);
    server.projects.remove('alpha');
    refuse(new AppError('project_not_found', 'There is no project "alpha"'));
    assert.deepEqual(await refused(), [404, 'project_not_found']);
    assert.equal(server.projects.lastChange, undefined);
  }));

test.run();
