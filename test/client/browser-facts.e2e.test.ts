/** Every fact about the client, in a page of another origin in headless Chromium, against the built server. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { CHROMIUM } from '../chromium.js';
import { randomFrom } from '../e2e/kill-loop.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { seedOfRun } from '../seed-of-run.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { assertNone, projectRoot } from '../tidy/source-tree.js';
import { withOrigin, withPage } from './browser.js';
import { ChaosProxy } from './chaos-proxy.js';
import { FACT_GROUPS } from './facts/all-facts.js';
import type { LeftFunctions } from './facts/browser-entry.js';
import { valuesInLog } from './values-in-log.js';

/** Many requests, one after another, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;
const CLIENTS = 4;
const WRITES = inForm({ short: 30, long: 500 });
const test = suite('browser-facts');

/** The facts and the client as one script. */
async function factScript(): Promise<string> {
  const input = path.join(projectRoot(), 'dist/test/client/facts/browser-entry.js');
  const bundle = await rolldown({ input, platform: 'browser' });
  const { output: [{ code }] } = await bundle.generate({ format: 'iife' });
  return code;
}

test('every fact holds in Chromium', () => withOrigin((origin) => withWorkbench(async (bench) => {
  bench.configure([], { allowed_origins: [origin] });
  const server = await bench.start();
  const content = await factScript();
  await withPage(origin, async (page) => {
    await page.addScriptTag({ content });
    for (const group of Object.keys(FACT_GROUPS)) {
      const given = [group, { url: server.url, globalKey: server.key('global') }] as const;
      const failures = await page.evaluate(async ([name, one]) => (
        await (globalThis as unknown as LeftFunctions).runFacts(name, one)
      ), given);
      assertNone(failures.map((failure) => `${group}: ${failure}`));
    }
  });
})), { needs: [CHROMIUM], timeoutMs: TIMEOUT_MS });

test('every write of a page happens exactly once, behind a network that breaks, cuts, delays and repeats', () => withOrigin((origin) => (
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }], { allowed_origins: [origin] });
    const server = await bench.start();
    const proxy = await ChaosProxy.start(server.port, randomFrom(seedOfRun()));
    bench.defer(() => proxy.close());
    const content = await factScript();
    await withPage(origin, async (page) => {
      await page.addScriptTag({ content });
      const given = { url: proxy.url, project: 'p', key: server.key('p'), clients: CLIENTS, writesEach: WRITES };
      const written = await page.evaluate(async (writes) => (
        await (globalThis as unknown as LeftFunctions).writeStubbornly(writes)
      ), given);
      assert.equal(written.length, CLIENTS * WRITES);
      assert.deepEqual([...valuesInLog(bench, 'p')].sort(), [...written].sort());
    });
  })
)), { needs: [CHROMIUM], timeoutMs: TIMEOUT_MS });

test.run();
