/** The live view: what others write appears, across interruptions. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { SimpleKv } from '../../src/client/index.js';
import { suite } from '../suite.js';
import { type Page, signIn } from './browser.js';
import { type SampleServer, startSample } from './sample-server.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web live');
const web = new WebFixture(startSample);

function shopOf({ origin, shopKey }: SampleServer): SimpleKv {
  return new SimpleKv({ url: origin, project: 'shop', key: shopKey });
}

async function follow(page: Page, { origin, shopKey }: SampleServer): Promise<void> {
  await signIn(page, origin, shopKey, '#/p/shop/live');
  await page.locator('.badge.good').getByText('live').waitFor();
}

test('what another client writes appears on top, in order', ...web.test(async ({ page, sample }) => {
  const shop = shopOf(sample);
  await follow(page, sample);
  await page.locator('.event').getByText('greeting').first().waitFor();
  for (let index = 0; index < 20; index += 1) await shop.set(`tail/${index}`, index);
  await shop.batch().set('tail/a', 1).set('tail/b', 2).commit();
  await page.getByText('2 changes').waitFor();
  const seen = (await page.locator('.event .what a').allInnerTexts()).filter((text) => /^tail\/\d+$/.test(text));
  assert.deepEqual(seen, Array.from({ length: 20 }, (_, index) => `tail/${19 - index}`));
  await page.getByText('2 changes').click();
  await page.getByRole('link', { name: 'tail/b' }).click();
  await page.getByRole('heading', { name: 'tail/b' }).waitFor();
}));

test('filters select by prefix, operation and actor', ...web.test(async ({ page, sample }) => {
  const shop = shopOf(sample);
  await follow(page, sample);
  await page.getByLabel('Only keys that begin with').fill('filtered/');
  await page.getByText('Nothing has happened').waitFor();
  await page.locator('.badge.good').getByText('live').waitFor();
  await shop.set('other', 1);
  await shop.set('filtered/1', 1);
  await page.getByRole('link', { name: 'filtered/1' }).waitFor();
  await page.getByLabel('Only this operation').selectOption('delete');
  await page.getByText('Nothing has happened').waitFor();
  await shop.set('filtered/2', 1);
  await shop.delete('filtered/1');
  await page.getByRole('link', { name: 'filtered/1' }).waitFor();
  assert.equal(await page.locator('.event').count(), 1);
  await page.getByLabel('Only actors that contain').fill('global#');
  await page.getByText('Nothing has happened').waitFor();
}));

test('a pause holds what comes, and nothing of it is lost', ...web.test(async ({ page, sample }) => {
  const shop = shopOf(sample);
  await follow(page, sample);
  await page.getByRole('button', { name: 'Pause' }).click();
  await shop.set('held/1', 1);
  await shop.set('held/2', 1);
  await page.getByText('2 new').waitFor();
  assert.equal(await page.getByRole('link', { name: 'held/1' }).count(), 0);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('link', { name: 'held/1' }).waitFor();
  await page.getByRole('link', { name: 'held/2' }).waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Nothing has happened').waitFor();
}));

test('the stream goes on after a restart of the server, and says so', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await follow(page, sample);
  await shopOf(sample).set('before-restart', 1);
  await page.getByRole('link', { name: 'before-restart' }).waitFor();
  const { port } = sample.server;
  await sample.server.kill();
  await page.locator('.mark').first().waitFor();
  // At the same place, so that the page finds it.
  writeFileSync(bench.configPath, JSON.stringify({ ...bench.document(), server_port: port }), { mode: 0o600 });
  const again = await bench.start();
  await new SimpleKv({ url: again.url, project: 'shop', key: sample.shopKey }).set('after-restart', 1);
  await page.getByRole('link', { name: 'after-restart' }).waitFor();
  await page.locator('.badge.good').getByText('live').waitFor();
  assert.equal(await page.getByRole('link', { name: 'before-restart' }).count(), 1);
}));

test('the key and the value of a change can be read at every width', ...web.test(async ({ page, sample }) => {
  await shopOf(sample).set('config/of-a-length', { limit: 40, methods: ['card', 'invoice'] });
  await follow(page, sample);
  const line = page.locator('.event').first();
  await line.getByText('config/of-a-length').waitFor();
  for (const width of [360, 768, 1101, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const [keyWidth, shownWidth] = await page.evaluate<[number, number]>(`(() => {
      const key = document.querySelector('.what > a');
      return [key.scrollWidth, key.clientWidth];
    })()`);
    assert.equal(shownWidth, keyWidth, `the key at ${width} px`);
    const valueWidth = await page.evaluate<number>(`document.querySelector('.what > .preview').getBoundingClientRect().width`);
    assert.ok(valueWidth >= 130, `the value has ${valueWidth} of ${width} px`);
  }
}, { width: 768, height: 900 }));

test.run();
