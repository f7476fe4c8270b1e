/** The types that clients use against the schemas by which the server answers: member by member, with what may be missing or null. */
import assert from 'node:assert/strict';
import { PROBLEM_KINDS } from '../../src/api/problems.js';
import {
  API_KEY_CHANGE, API_KEY_ENTRY, CREATED_API_KEY, NEW_API_KEY, NEW_GLOBAL_KEY, OWN_API_KEY, ROTATED_API_KEY,
} from '../../src/api/schemas/access.js';
import { BATCH_RECEIPT } from '../../src/api/schemas/batch.js';
import { CHECKPOINT } from '../../src/api/schemas/events.js';
import { CLEAR_RECEIPT, KEY_RECEIPT, LISTING } from '../../src/api/schemas/keys.js';
import { LIMITS } from '../../src/api/schemas/limits.js';
import { PROBLEM } from '../../src/api/schemas/problem.js';
import {
  CHANGED_PROJECT, COMPACTION, CREATED_PROJECT, NEW_PROJECT, PROJECT_DETAILS, SETTINGS_CHANGE,
} from '../../src/api/schemas/projects.js';
import { READ_ANSWER } from '../../src/api/schemas/read.js';
import { NOT_READY, READY, RELOADED } from '../../src/api/schemas/server.js';
import { HISTORY } from '../../src/api/schemas/stats.js';
import type { JsonSchema } from '../../src/base/setting.js';
import { suite } from '../suite.js';
import { type Shape, shapeOfSchema, TypeShapes } from './type-shape.js';

const test = suite('api-types');
const types = new TypeShapes('src/api/types.ts');

/** The types, each with its schema, and members that the type leaves out. */
const PAIRS: readonly (readonly [type: string, schema: JsonSchema, without?: readonly string[]])[] = [
  ['KeyReceiptJson', KEY_RECEIPT],
  ['ClearReceiptJson', CLEAR_RECEIPT],
  ['KeyCountJson', LISTING.anyOf[3]],
  // Values are kept as text.
  ['ListedEntryJson', LISTING.anyOf[2].items, ['value']],
  ['ReadEntryJson', READ_ANSWER.properties.entries.items, ['value?']],
  ['BatchResultJson', BATCH_RECEIPT.properties.results.items],
  ['BatchReceiptJson', BATCH_RECEIPT],
  ['CheckpointJson', CHECKPOINT],
  ['ProjectJson', PROJECT_DETAILS],
  ['SettingsChangeJson', SETTINGS_CHANGE],
  ['NewProjectJson', NEW_PROJECT],
  ['CreatedProjectJson', CREATED_PROJECT],
  ['ChangedProjectJson', CHANGED_PROJECT],
  ['CompactionJson', COMPACTION],
  ['LimitsJson', LIMITS],
  ['ApiKeyJson', API_KEY_ENTRY],
  ['NewApiKeyJson', NEW_GLOBAL_KEY],
  ['ApiKeyChangeJson', API_KEY_CHANGE],
  ['CreatedApiKeyJson', CREATED_API_KEY],
  ['RotatedApiKeyJson', ROTATED_API_KEY],
  ['OwnApiKeyJson', OWN_API_KEY],
  ['RegeneratedKeyJson', NEW_API_KEY],
  ['StatsJson', HISTORY],
  ['ReloadedJson', RELOADED],
  ['ReadinessJson', { anyOf: [READY, NOT_READY] }],
  ['ProblemJson', PROBLEM, ['code']],
];

function membersOf(shape: Shape): Readonly<Record<string, unknown>> {
  const [members] = shape;
  assert.ok(shape.length === 1 && typeof members === 'object', 'it is an object');
  return members;
}

function without(shape: Shape, names: readonly string[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(membersOf(shape)).filter(([name]) => !names.includes(name)));
}

for (const [type, schema, names] of PAIRS) {
  test(`${type} is what its schema says`, () => {
    assert.deepEqual(without(types.of(type), names), without(shapeOfSchema(schema), names));
  });
}

test('the facts of every problem are what the table of problems says', () => {
  const facts = membersOf(types.of('ProblemFacts'));
  const expected = Object.fromEntries(Object.entries(PROBLEM_KINDS).flatMap(([code, kind]) => (
    kind.facts === undefined ? [] : [[code, shapeOfSchema({ type: 'object', properties: kind.facts })]]
  )));
  assert.deepEqual(facts, expected);
});

test('every type is compared', () => {
  assert.deepEqual([...types.names].sort(), [...PAIRS.map(([type]) => type), 'ProblemFacts'].sort());
});

test('a difference is found: a missing member, another kind, what may be missing or null', () => {
  const { properties, required } = CHECKPOINT;
  const others: readonly JsonSchema[] = [
    { ...CHECKPOINT, properties: { ...properties, more: { type: 'string' } } },
    { ...CHECKPOINT, properties: { ...properties, seq: { type: 'string' } } },
    { ...CHECKPOINT, properties: { ...properties, seq: { type: ['integer', 'null'] } } },
    { ...CHECKPOINT, required: required.slice(1) },
  ];
  for (const other of others) assert.notDeepEqual(types.of('CheckpointJson'), shapeOfSchema(other));
});

test.run();
