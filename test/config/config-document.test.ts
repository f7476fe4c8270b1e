import assert from 'node:assert/strict';
import { CONFIG_SCHEMA } from '../../src/config/config-document.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../../src/api/project-settings.js';
import { SETTINGS } from '../../src/config/settings-table.js';
import { suite } from '../suite.js';
import { settingRows } from '../../src/base/setting.js';

const test = suite('config-document');

/** The settings of a project. */
const TABLES = { storage: STORAGE_SETTINGS, authentication: AUTHENTICATION_SETTINGS, quota: QUOTA_SETTINGS };

/** What is not optional, is written by the server, or holds a key. */
const NOT_SETTINGS = [
  'version',
  'default.revision',
  'projects[].id',
  'projects[].revision',
  'default.authentication.api_key',
  'default.authentication.api_key_hash',
  'projects[].authentication.api_key',
  'projects[].authentication.api_key_hash',
];

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: boolean;
}

// A schema is JSON, and its exact type is of no use to code that walks over it.
const WHOLE = JSON.parse(JSON.stringify(CONFIG_SCHEMA)) as SchemaNode;

/** The paths of everything in a schema that has no members, lists of texts included. */
function leaves(node: SchemaNode, place: string): string[] {
  const inner = node.properties ?? node.items?.properties;
  if (inner === undefined) return [place];
  const prefix = node.properties === undefined ? `${place}[]` : place;
  return Object.entries(inner).flatMap(([name, child]) => leaves(child, prefix === '' ? name : `${prefix}.${name}`));
}

function objects(node: SchemaNode): SchemaNode[] {
  const children = [...Object.values(node.properties ?? {}), ...(node.items === undefined ? [] : [node.items])];
  return [...(node.properties === undefined ? [] : [node]), ...children.flatMap(objects)];
}

test('the schema has exactly the settings of the table', () => {
  const inSchema = leaves(WHOLE, '').filter((place) => !NOT_SETTINGS.includes(place) && !place.includes('.api_keys[].'));
  const projects = settingRows(TABLES, 'projects[]');
  assert.deepEqual([...settingRows(SETTINGS), ...projects].map((row) => row.path).sort(), inSchema.sort());
});

test('every object refuses unknown members', () => {
  const all = objects(WHOLE);
  assert.ok(all.length >= 9);
  for (const node of all) assert.equal(node.additionalProperties, false);
});

test('a project may override every setting of default.storage except the data folder', () => {
  const places = leaves(WHOLE, '');
  const ofProjects = places
    .filter((place) => place.startsWith('projects[].storage.'))
    .map((place) => place.replace('projects[]', 'default'));
  const ofDefault = places.filter((place) => place.startsWith('default.storage.') && !place.endsWith('persistent_file_path'));
  assert.deepEqual(ofProjects.sort(), ofDefault.sort());
});

test.run();
