/** Projects, their settings and their API keys, as the holder of the global key uses them. */
import assert from 'node:assert/strict';
import { SimpleKv, SimpleKvAdmin } from '../../src/client/index.js';
import { suite } from '../suite.js';
import { signIn } from './browser.js';
import { type SampleServer, startSample } from './sample-server.js';
import { serveStats } from './sample-stats.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web projects');
const web = new WebFixture(startSample);

function adminOf({ origin, globalKey }: SampleServer): SimpleKvAdmin {
  return new SimpleKvAdmin({ url: origin, key: globalKey });
}

test('a project is created, its API key shown once, and deleted by typing its id', ...web.test(async ({ page, sample }) => {
  await signIn(page, sample.origin, sample.globalKey);
  await page.getByRole('button', { name: 'New project' }).click();
  await page.getByLabel('ID').fill('made-here');
  await page.getByRole('button', { name: 'Create' }).click();
  const apiKey = await page.locator('.secret').innerText();
  await new SimpleKv({ url: sample.origin, project: 'made-here', key: apiKey }).set('works', true);
  await page.getByRole('button', { name: 'I have saved it' }).click();
  await page.getByRole('option', { name: 'works' }).waitFor();
  assert.ok(!(await page.locator('body').innerText()).includes(apiKey));
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  const confirm = page.getByRole('button', { name: 'Delete for good' });
  assert.equal(await confirm.getAttribute('disabled'), '');
  await page.getByLabel(/^Type/).fill('made-here');
  await confirm.click();
  await page.getByText('“made-here” was deleted').waitFor();
  assert.ok(!(await adminOf(sample).projects.list()).some(({ id }) => id === 'made-here'));
}));

test('a project that exists is refused where the id is typed', ...web.test(async ({ page, watched, sample: { origin, globalKey } }) => {
  watched.expect(/status of 409/);
  await signIn(page, origin, globalKey);
  await page.getByRole('button', { name: 'New project' }).click();
  await page.getByLabel('ID').fill('shop');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.locator('dialog [role=alert]').getByText('shop').waitFor();
}));

test('settings are saved, and only what was changed is sent', ...web.test(async ({ page, sample }) => {
  await signIn(page, sample.origin, sample.globalKey, '#/p/telemetry/settings');
  await page.getByLabel(/^Keys/).fill('5000');
  await page.getByLabel(/^Durability/).selectOption('fsync');
  await page.getByLabel(/^Age/).fill('86400');
  const before = await adminOf(sample).projects.get('telemetry');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Settings saved').waitFor();
  const after = await adminOf(sample).projects.get('telemetry');
  assert.equal(after.quota.max_keys, 5000);
  assert.equal(after.storage.durability, 'fsync');
  assert.equal(after.storage.retention.max_age_seconds, 86_400);
  assert.deepEqual({ ...after.storage, durability: 'interval', retention: before.storage.retention }, before.storage);
}));

test('the state has quotas, limits, a checkpoint and checks, and makes a snapshot', ...web.test(async ({ page, sample }) => {
  await serveStats(page);
  await signIn(page, sample.origin, sample.globalKey, '#/p/shop/state');
  await page.getByText(/of 500, \d+ %/).waitFor();
  const { hash } = await new SimpleKv({ url: sample.origin, project: 'shop', key: sample.shopKey }).checkpoint();
  await page.getByText(hash).waitFor();
  await page.getByText(/checks passed/).waitFor();
  await page.getByRole('button', { name: 'Make a snapshot now' }).click();
  await page.getByText(/^Snapshot at #\d+: \d+ keys/).waitFor();
}));

test('charts show the last figures, and say so where the server has none', ...web.test(async ({ page, watched, sample }) => {
  await serveStats(page);
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop/state');
  await page.locator('.chart canvas').first().waitFor();
  assert.deepEqual((await page.locator('.chart h3').allInnerTexts()).slice(0, 3), [
    'Requests per second', 'Errors per second', 'Sync time',
  ]);
  assert.match(await page.locator('.chart .legend').nth(2).innerText(), /median [\d.]+ ms/);
  watched.expect(/status of 404/);
  const body = JSON.stringify({
    type: 'urn:simplekv:problem:not_found', title: 'Not found', status: 404, detail: 'No such route', code: 'not_found', request_id: 'r',
  });
  await page.route('**/api/v1/stats?*', async (route) => {
    await route.fulfill({ status: 404, contentType: 'application/problem+json', body });
  });
  await page.getByRole('button', { name: '1 h' }).click();
  await page.getByText('This server keeps no history of its figures').waitFor();
}));

test('API keys are made with permissions, rotated and removed', ...web.test(async ({ page, sample }) => {
  const entries = async () => await adminOf(sample).apiKeys.list('shop');
  await signIn(page, sample.origin, sample.globalKey, '#/p/shop/access');
  await page.getByRole('button', { name: 'New API key' }).click();
  await page.getByLabel('Name').fill('robot');
  await page.getByLabel(/^write/).check();
  await page.getByRole('button', { name: 'Create' }).click();
  const first = await page.locator('.secret').innerText();
  // It is shown only once. Browsers let a page refuse the first Escape, and not the second.
  for (let attempt = 0; attempt < 3; attempt += 1) await page.keyboard.press('Escape');
  assert.equal(await page.locator('.secret').innerText(), first);
  assert.equal(await page.locator('dialog').getByRole('button', { name: 'Close' }).count(), 0);
  await new SimpleKv({ url: sample.origin, project: 'shop', key: first }).set('by-robot', 1);
  await page.getByRole('button', { name: 'I have saved it' }).click();
  assert.deepEqual((await entries()).find(({ name }) => name === 'robot')?.permissions, ['read', 'write']);
  await page.getByRole('button', { name: 'Rotate robot' }).click();
  await page.getByLabel('The present key stops').selectOption('0');
  await page.getByRole('button', { name: 'Rotate', exact: true }).click();
  assert.notEqual(await page.locator('.secret').innerText(), first);
  await page.getByRole('button', { name: 'I have saved it' }).click();
  await page.getByRole('row', { name: /^robot .*active/ }).getByRole('button', { name: 'Remove robot' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('Removed').waitFor();
  assert.ok(!(await entries()).some(({ name, state }) => name === 'robot' && state === 'active'));
}));

test('what needs the global key is text to a key of the project', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey, '#/p/shop/settings');
  await page.getByLabel(/^Values in memory/).waitFor();
  assert.equal(await page.locator('.settings').locator('input, select').count(), 3);
  const shown = (await page.locator('dl.setting').allInnerTexts()).map((text) => text.split('\n')).map((lines) => [lines[0], lines.at(-1)]);
  assert.deepEqual(shown, [
    ['Durability', 'fsync'], ['Time between syncs, in milliseconds', '100'], ['Time between checks for a due snapshot, in seconds', '300'],
    ['Readable copy', 'on'], ['Age, in seconds', 'no limit'], ['Size, in bytes', 'no limit'], ['Compression of sealed files', 'none'],
    ['Keys', '500'], ['Bytes of keys and values', '100,000'], ['Reads per second per API key', 'no limit'],
    ['Changes per second per API key', '5,000'],
  ]);
  assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0);
}));

test.run();
