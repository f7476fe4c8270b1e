/** The document of the API: valid, complete, and the one that is committed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { makeOpenApi } from '../../src/api/openapi.js';
import { problemResponses } from '../../src/api/openapi-problems.js';
import { problemsOf } from '../../src/api/route-problems.js';
import type { RouteSpec } from '../../src/api/route-spec.js';
import { ROUTES } from '../../src/api/routes.js';
import { EVENT } from '../../src/api/schemas/events.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { EVENT_FIELDS, PROJECT_OPERATIONS } from '../../src/events/codec.js';
import { openApiText } from '../../src/cli/openapi.js';
import { Schemas2020 } from '../base/schema-2020.js';
import { readDocument } from '../docs/documents.js';
import { runCommand } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';
import { API_DOCUMENT, OPERATIONS, resolved } from './api-document.js';

const test = suite('openapi');
const SPECS: readonly RouteSpec[] = ROUTES;
/** Answers to requests that no route takes. */
const WITHOUT_ROUTE = ['method_not_allowed'];
const LINT_TIMEOUT_MS = 120_000;

test('docs/openapi.json is the document of this program', () => {
  const isCurrent = readDocument('docs/openapi.json') === openApiText();
  assert.ok(isCurrent, 'Renew it: node dist/bin/simplekv.js openapi > docs/openapi.json');
});

test('the document is valid OpenAPI 3.1', async () => {
  const validate = (document: object) => new Validator().validate(JSON.parse(JSON.stringify(document)) as Record<string, unknown>);
  const { valid, errors } = await validate(API_DOCUMENT);
  assert.deepEqual({ valid, errors }, { valid: true, errors: undefined });
  assert.equal((await validate({ ...API_DOCUMENT, info: {} })).valid, false);
});

test('a linter finds nothing in the document', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-openapi-'));
  const file = path.join(folder, 'openapi.json');
  const lint = async (document: object): Promise<{ readonly code: number | null; readonly output: string }> => {
    writeFileSync(file, JSON.stringify(document));
    const linter = path.join(projectRoot(), 'node_modules/@redocly/cli/bin/cli.js');
    // It would report its use and look for newer versions.
    const silence = ['REDOCLY_TELEMETRY=off', 'REDOCLY_SUPPRESS_UPDATE_NOTICE=true'];
    return await runCommand('env', ['-C', folder, ...silence, process.execPath, linter, 'lint', '--extends=spec', file]);
  };
  try {
    const { code, output } = await lint(API_DOCUMENT);
    assert.equal(code, 0, output);
    const { paths } = API_DOCUMENT;
    const dangling = { ...paths, '/': { get: { ...paths['/']?.['get'], responses: { 200: { $ref: '#/components/responses/none' } } } } };
    assert.equal((await lint({ ...API_DOCUMENT, paths: dangling })).code, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, { timeoutMs: LINT_TIMEOUT_MS });

test('every route is in the document with all its methods, and nothing else is', () => {
  const listed = SPECS.flatMap(({ method, aliases = [], path: template }) => (
    [method, ...(method === 'GET' ? ['HEAD'] : []), ...aliases].map((name) => `${name.toLowerCase()} ${template}`)
  ));
  assert.deepEqual(OPERATIONS.map(({ method, path: template }) => `${method} ${template}`).sort(), listed.sort());
  const ids = OPERATIONS.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
});

test('every code is an answer of some route, except those of requests that no route takes', () => {
  const used = new Set(SPECS.flatMap(problemsOf));
  assert.deepEqual(ERROR_CODES.filter((code) => !used.has(code)), WITHOUT_ROUTE);
});

test('answers that share a name are the same', () => {
  const named = new Map<string, string>();
  for (const { name, response } of SPECS.flatMap((spec) => Object.values(problemResponses(spec)))) {
    if (name === null) continue;
    assert.equal(named.get(name) ?? JSON.stringify(response), JSON.stringify(response), name);
    named.set(name, JSON.stringify(response));
  }
  assert.ok(named.size > 10);
});

test('every example fits its schema', () => {
  const schemas = new Schemas2020(API_DOCUMENT.components.schemas);
  let count = 0;
  for (const { operation } of OPERATIONS) {
    const responses = Object.values(operation.responses).flatMap((response) => Object.values(resolved(response).content ?? {}));
    const parameters = operation.parameters ?? [];
    const optional = parameters.flatMap(({ schema }) => {
      const { examples = [] } = schema as { readonly examples?: readonly unknown[] };
      return examples.map((example) => ({ schema, example }));
    });
    const all = [...responses, ...Object.values(operation.requestBody?.content ?? {}), ...parameters, ...optional];
    for (const { schema, example } of all) {
      if (example === undefined) continue;
      count += 1;
      assert.deepEqual(schemas.faults(schema, example), [], `${operation.operationId}: ${JSON.stringify(example)}`);
    }
  }
  assert.ok(count > 20);
});

test('the schema of an event has the fields of every operation of a log', () => {
  const described = Object.keys(EVENT.properties);
  for (const op of PROJECT_OPERATIONS) {
    for (const field of EVENT_FIELDS[op as keyof typeof EVENT_FIELDS]) assert.ok(described.includes(field), `${op}: ${field}`);
  }
});

test('no optional parameter has an example that the page of the document would send unasked', () => {
  const parameters = OPERATIONS.flatMap(({ operation }) => operation.parameters ?? []);
  assert.ok(parameters.some(({ required, example }) => required === true && example !== undefined));
  assert.deepEqual(parameters.filter(({ required, example }) => required !== true && example !== undefined), []);
});

test('makeOpenApi() is pure', () => {
  assert.deepEqual(makeOpenApi(ROUTES, 'x'), makeOpenApi(ROUTES, 'x'));
});

test.run();
