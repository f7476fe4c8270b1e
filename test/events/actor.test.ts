import assert from 'node:assert/strict';
import { ACTOR_CONFIG, ACTOR_SERVER, actorOf } from '../../src/events/actor.js';
import { suite } from '../suite.js';

const test = suite('actor');

const KEY_ID = '3f2a9c0d11e8b7a6';

test('actors have the documented form', () => {
  assert.equal(actorOf({ kind: 'anonymous' }), 'anonymous');
  assert.equal(ACTOR_CONFIG, 'config');
  assert.equal(ACTOR_SERVER, 'server');
  assert.equal(actorOf({ kind: 'global', keyId: KEY_ID }), 'global#3f2a9c0d11e8b7a6');
  assert.equal(actorOf({ kind: 'project', project: 'first_project', keyId: KEY_ID }), 'project:first_project#3f2a9c0d11e8b7a6');
});

test('actors are distinct and need no escaping in JSON', () => {
  const project = (id: string): string => actorOf({ kind: 'project', project: id, keyId: KEY_ID });
  const actors = [
    actorOf({ kind: 'anonymous' }), ACTOR_CONFIG, ACTOR_SERVER, actorOf({ kind: 'global', keyId: KEY_ID }),
    project('global'), project('anonymous'), project('config'), project('server'),
  ];
  assert.equal(new Set(actors).size, actors.length);
  for (const actor of actors) assert.equal(JSON.stringify(actor), `"${actor}"`);
});

test.run();
