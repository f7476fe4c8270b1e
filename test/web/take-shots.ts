/**
 * `npm run ui:shots [-- FILTER…]`: takes a picture of every view of the web UI with realistic data, on three widths, light and dark, into
 * `dist/ui-shots`. For people to look at; nothing is compared.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { launchChromium } from '../chromium.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { projectRoot } from '../tidy/source-tree.js';
import { type Browser, openPage, signIn } from './browser.js';
import { startSample } from './sample-server.js';
import { serveStats } from './sample-stats.js';
import { VIEWS } from './views.js';

const FOLDER = path.join(projectRoot(), 'dist/ui-shots');
const SIZES = [{ width: 360, height: 740 }, { width: 768, height: 1024 }, { width: 1440, height: 900 }] as const;
const SETTLE_MS = 500;

const filters = process.argv.slice(2);
mkdirSync(FOLDER, { recursive: true });
await withWorkbench(async (bench) => {
  const sample = await startSample(bench);
  const browser = await launchChromium<Browser>();
  bench.defer(() => browser.close());
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of SIZES) {
      const { page, takeFaults, close } = await openPage(browser, sample.origin, { ...size, colorScheme });
      const shoot = async (name: string): Promise<void> => {
        await page.waitForTimeout(SETTLE_MS);
        await page.screenshot({ path: path.join(FOLDER, `${name}-${size.width}-${colorScheme}.png`) });
      };
      await page.goto(`${sample.origin}/ui/`);
      await page.locator('.login').waitFor();
      if (filters.length === 0 || filters.includes('login')) await shoot('login');
      await serveStats(page);
      await signIn(page, sample.origin, sample.globalKey);
      for (const { name, fragment, prepare } of VIEWS.filter((view) => filters.length === 0 || filters.includes(view.name))) {
        await page.evaluate(`location.hash = '#/access'`);
        await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`);
        await page.waitForTimeout(SETTLE_MS);
        await prepare?.(page, sample);
        await shoot(name);
        await page.keyboard.press('Escape');
        for (const fault of takeFaults()) console.error(`${name}: ${fault}`);
      }
      await close();
    }
  }
});
console.log(`Pictures are in ${FOLDER}`);
