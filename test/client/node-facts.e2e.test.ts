/** Every fact about the client, in the Node that runs the tests, against the built server. */
import { withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { assertNone } from '../tidy/source-tree.js';
import { FACT_GROUPS } from './facts/all-facts.js';
import { checkFacts } from './facts/fact.js';

/** Many requests, one after another, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;

const test = suite('node-facts');

for (const [name, facts] of Object.entries(FACT_GROUPS)) {
  test(`facts about ${name} hold in Node`, () => withWorkbench(async (bench) => {
    bench.configure([]);
    const server = await bench.start();
    assertNone(await checkFacts(facts, { url: server.url, globalKey: server.key('global') }, 'p'));
  }), { timeoutMs: TIMEOUT_MS });
}

test.run();
