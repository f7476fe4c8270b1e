import assert from 'node:assert/strict';
import { ACTOR_ANONYMOUS, ACTOR_CONFIG, ACTOR_SERVER, globalActor, projectActor } from '../../src/events/actor.js';
import { suite } from '../suite.js';

const test = suite('actor');

const KEY_ID = '3f2a9c0d11e8b7a6';

test('actors are written as they stand in events', () => {
  assert.equal(ACTOR_ANONYMOUS, 'anonymous');
  assert.equal(ACTOR_CONFIG, 'config');
  assert.equal(ACTOR_SERVER, 'server');
  assert.equal(globalActor(KEY_ID), 'global#3f2a9c0d11e8b7a6');
  assert.equal(projectActor('first_project', KEY_ID), 'project:first_project#3f2a9c0d11e8b7a6');
});

test('no actor can be taken for another, and none needs escaping in JSON', () => {
  const actors = [
    ACTOR_ANONYMOUS, ACTOR_CONFIG, ACTOR_SERVER, globalActor(KEY_ID), projectActor('global', KEY_ID),
    projectActor('anonymous', KEY_ID), projectActor('config', KEY_ID), projectActor('server', KEY_ID),
  ];
  assert.equal(new Set(actors).size, actors.length);
  for (const actor of actors) assert.equal(JSON.stringify(actor), `"${actor}"`);
});

test.run();
