/** Every view, light and dark: nothing that axe finds, and nothing that is wider than the screen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { suite } from '../suite.js';
import { signIn } from './browser.js';
import { startSample } from './sample-server.js';
import { serveStats } from './sample-stats.js';
import { VIEWS } from './views.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web accessibility');
const web = new WebFixture(startSample);

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What axe found, a line each. */
const RUN_AXE = `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, help, nodes }) => (
  nodes.map(({ target, failureSummary }) => id + ': ' + help + ' at ' + target + ' ' + (failureSummary ?? ''))
)))`;
/** Elements that would have to be scrolled sideways, a line each. */
const FIND_WIDE = `[document.documentElement, ...document.querySelectorAll('main, .page, .detail, .value')]
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .map((element) => element.tagName + '.' + element.className + ' ' + element.scrollWidth + ' in ' + element.clientWidth)`;
const SETTLE_MS = 300;

for (const colorScheme of ['light', 'dark'] as const) {
  test(`no view has a violation that axe finds, ${colorScheme}`, ...web.test(async ({ page, watched, sample }) => {
    watched.expect(/status of (400|404|412)/);
    await page.goto(`${sample.origin}/ui/`);
    await page.getByLabel('API key').waitFor();
    await page.evaluate(AXE);
    assert.deepEqual(await page.evaluate(RUN_AXE), [], 'login');
    await serveStats(page);
    await signIn(page, sample.origin, sample.globalKey);
    await page.evaluate(AXE);
    for (const { name, fragment, prepare } of VIEWS) {
      await page.evaluate(`location.hash = '#/access'`);
      await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`);
      await page.waitForTimeout(SETTLE_MS);
      await prepare?.(page, sample);
      await page.waitForTimeout(SETTLE_MS);
      assert.deepEqual(await page.evaluate(RUN_AXE), [], `${name}, ${colorScheme}`);
      await page.keyboard.press('Escape');
    }
  }, { colorScheme }));
}

for (const width of [360, 768, 1440]) {
  test(`no view is wider than ${width} pixels`, ...web.test(async ({ page, watched, sample }) => {
    watched.expect(/status of (400|404|412)/);
    await serveStats(page);
    await signIn(page, sample.origin, sample.globalKey);
    for (const { name, fragment, prepare } of VIEWS) {
      await page.evaluate(`location.hash = '#/access'`);
      await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`);
      await page.waitForTimeout(SETTLE_MS);
      await prepare?.(page, sample);
      assert.deepEqual(await page.evaluate(FIND_WIDE), [], name);
      await page.keyboard.press('Escape');
    }
  }, { width, height: 900 }));
}

test.run();
