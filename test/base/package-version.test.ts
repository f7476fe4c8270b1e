import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readPackageVersion } from '../../src/base/package-version.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('package-version');

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(path.join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
  assert.equal(readPackageVersion(), version);
  assert.match(version, /^\d+\.\d+\.\d+/);
});

test.run();
