/** Which scopes are open. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { OpenScopes } from '../../src/projects/open-scopes.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT } from './lives-fixture.js';

const test = suite('open-scopes');

test('a project is open from the update that opens it until the update that closes it',
  () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const scopes = new OpenScopes(() => life.config.document.default?.authentication?.enabled === false, life.table);
  assert.deepEqual([scopes.globalOpen, scopes.anyOpen, scopes.openProjects], [false, false, []]);
  await life.lives.update('first_project', { authentication: { enabled: false } }, CONTEXT);
  assert.deepEqual([scopes.globalOpen, scopes.anyOpen, scopes.openProjects], [false, true, ['first_project']]);
  assert.equal(scopes.isProjectOpen('first_project'), true);
  scopes.assertClosedTo([]);
  scopes.assertClosedTo(['https://app.example']);
  const fault = { name: 'ConfigError', pointer: '/allowed_origins', message: /authentication is off for "first_project"/ };
  assert.throws(() => scopes.assertClosedTo(['https://app.example', '*']), fault);
  await life.lives.update('first_project', { authentication: { enabled: true } }, CONTEXT);
  scopes.assertClosedTo(['*']);
  assert.deepEqual([scopes.anyOpen, scopes.isProjectOpen('first_project')], [false, false]);
  await life.lives.close();
}));

test('an unknown or refused project is not open', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const scopes = new OpenScopes(() => life.config.document.default?.authentication?.enabled === false, life.table);
  const { settings } = life.lives.store('first_project');
  const authentication = { ...settings.authentication, enabled: false };
  life.table.refuse({ id: 'refused', code: 'project_corrupt', reason: 'x', settings: { ...settings, authentication } });
  assert.deepEqual([scopes.isProjectOpen('refused'), scopes.isProjectOpen('unknown'), scopes.anyOpen], [false, false, false]);
  await life.lives.close();
}));

test('a deleted project is no longer open', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const scopes = new OpenScopes(() => life.config.document.default?.authentication?.enabled === false, life.table);
  await life.lives.create({ id: 'a', authentication: { enabled: false } }, CONTEXT);
  assert.equal(scopes.isProjectOpen('a'), true);
  await life.lives.delete('a', CONTEXT);
  assert.equal(scopes.isProjectOpen('a'), false);
  await life.lives.close();
}));

test('the global scope is open only if the file says so', () => inFolder(async (folder) => {
  await (await beginLife(folder)).lives.close();
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as ConfigDocument;
  const opened = { ...document, default: { ...document.default, authentication: { ...document.default?.authentication, enabled: false } } };
  await writeFile(file, JSON.stringify(opened));
  const life = await beginLife(folder);
  const scopes = new OpenScopes(() => life.config.document.default?.authentication?.enabled === false, life.table);
  assert.deepEqual([scopes.globalOpen, scopes.anyOpen, scopes.openProjects], [true, true, []]);
  await life.lives.close();
}));

test.run();
