/** The list of keys: pages, folders, prefixes, the keyboard. */
import assert from 'node:assert/strict';
import { SimpleKv } from '../../src/client/index.js';
import { until } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { signIn } from './browser.js';
import { LONG_KEY, startSample } from './sample-server.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web keys');
const web = new WebFixture(startSample);

const MANY = 10_000;
const BATCH = 1000;
const POLL_MS = 50;

test('of 10,000 keys only those in view are in the page', ...web.test(async ({ page, sample: { origin, globalKey } }) => {
  const telemetry = new SimpleKv({ url: origin, project: 'telemetry', key: globalKey });
  for (let first = 0; first < MANY; first += BATCH) {
    const batch = telemetry.batch();
    for (let index = first; index < first + BATCH; index += 1) batch.set(`sample-${String(index).padStart(5, '0')}`, index);
    await batch.commit();
  }
  await signIn(page, origin, globalKey, '#/p/telemetry?in=sample-');
  const list = page.getByRole('listbox', { name: 'Keys' });
  await page.getByRole('option', { name: /^sample-00000/ }).waitFor();
  // Each jump to the end loads another page, until there is none.
  await until('the last key', async () => await page.evaluate<boolean>(`(() => {
    const list = document.querySelector('[role=listbox]');
    list.scrollTop = list.scrollHeight;
    return list.textContent.includes('sample-09999');
  })()`) || undefined, POLL_MS);
  assert.ok(await page.getByRole('option').count() < 200, 'more rows than are in view');
  assert.equal(await page.getByRole('option').last().getAttribute('aria-setsize'), String(MANY));
  await list.focus();
  await page.keyboard.press('Home');
  await page.getByRole('option', { name: /^sample-00000/ }).waitFor();
  await telemetry.deleteRange({ prefix: 'sample-' });
}));

test('folders at "/" and ":" open, lead back, and hold what is below them', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  const names = async (): Promise<readonly string[]> => await page.locator('.key-row .key-name').allInnerTexts();
  assert.deepEqual(await names(), ['config/', 'motd', 'order/', 'session:', 'user/']);
  await page.getByRole('option', { name: 'order/' }).click();
  await page.getByRole('option', { name: '2026-11/' }).click();
  await page.getByRole('option', { name: /^10001/ }).waitFor();
  await page.getByRole('navigation', { name: 'Folders' }).getByRole('button', { name: 'shop' }).click();
  await page.getByRole('option', { name: 'session:' }).click();
  await page.getByRole('option', { name: /"user":1\b/ }).waitFor();
  assert.equal(await page.locator('.key-row .expires').count(), 12);
  await page.getByRole('button', { name: 'Up' }).click();
  await page.getByRole('option', { name: 'user/' }).waitFor();
  await page.getByRole('button', { name: 'Folders' }).click();
  await page.getByRole('option', { name: /^config\/checkout/ }).waitFor();
}));

test('typing a prefix limits the list, and Enter jumps to a key', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('user/004');
  await page.getByRole('option', { name: /^0048/ }).waitFor();
  assert.equal(await page.getByRole('option').count(), 9);
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'user/0042' }).waitFor();
  await page.getByRole('searchbox').fill('nothing-begins-with-this');
  await page.getByText('No key here').waitFor();
}));

test('the list works by keyboard alone', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  await page.getByRole('listbox').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.getByRole('option', { name: /^0001/ }).waitFor();
  await page.getByRole('listbox').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'user/0003' }).waitFor();
  assert.equal(await page.getByRole('option', { name: /^0003/ }).getAttribute('aria-selected'), 'true');
  await page.getByRole('listbox').focus();
  await page.keyboard.press('Backspace');
  await page.getByRole('option', { name: 'config/' }).waitFor();
}));

test('values that are large on average are not listed with the keys', ...web.test(async ({ page, sample: { origin, globalKey } }) => {
  const scratch = new SimpleKv({ url: origin, project: 'scratch', key: globalKey });
  await scratch.set('large', 'x'.repeat(50_000));
  await signIn(page, origin, globalKey, '#/p/scratch');
  await page.getByRole('option', { name: 'large' }).waitFor();
  assert.equal(await page.locator('.preview').count(), 0);
  await scratch.delete('large');
}));

test('the list is loaded again by its button, and by a click on "Keys"', ...web.test(async ({ page, sample: { origin, globalKey } }) => {
  const scratch = new SimpleKv({ url: origin, project: 'scratch', key: globalKey });
  await scratch.set('there', 1);
  await signIn(page, origin, globalKey, '#/p/scratch');
  await page.getByRole('option', { name: 'there' }).waitFor();
  await scratch.set('by-another', 1);
  await page.getByRole('button', { name: 'Reload the keys' }).click();
  await page.getByRole('option', { name: 'by-another' }).waitFor();
  await page.getByRole('heading', { name: '2 keys' }).waitFor();
  await scratch.set('by-a-third', 1);
  await page.getByRole('link', { name: 'Keys', exact: true }).click();
  await page.getByRole('option', { name: 'by-a-third' }).waitFor();
  await page.getByRole('heading', { name: '3 keys' }).waitFor();
  await scratch.clear();
}));

test('of a path that does not fit, the end is seen', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  const folders = `${LONG_KEY.split('/').slice(0, -1).join('/')}/`;
  await signIn(page, origin, shopKey, `#/p/shop?in=${encodeURIComponent(folders)}`);
  await page.getByRole('button', { name: 'the/' }).last().waitFor();
  const [right, end] = await page.evaluate<[number, number]>(`(() => {
    const crumbs = document.querySelector('.crumbs');
    return [crumbs.lastElementChild.getBoundingClientRect().right, crumbs.getBoundingClientRect().right];
  })()`);
  assert.ok(right <= end, `the current folder ends at ${right}, its row at ${end}`);
  await page.getByRole('button', { name: 'Up' }).click();
  await page.getByRole('option', { name: 'the/' }).waitFor();
}));

test('a moment that has not come is said where moments are, and leads back to now', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of 400/);
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop/k/motd@9999');
  await page.locator('.banner').getByText('There is no change #9,999 yet').waitFor();
  assert.equal(await page.locator('.failure').count(), 0);
  await page.getByRole('button', { name: 'Back to now' }).click();
  await page.locator('.value').getByText('Welcome back').waitFor();
}));

test('on a narrow screen the list and the value take turns', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  await page.getByRole('option', { name: 'motd' }).click();
  await page.getByRole('heading', { name: 'motd' }).waitFor();
  assert.equal(await page.getByRole('listbox').isVisible(), false);
  await page.getByRole('button', { name: 'Back to the keys' }).click();
  await page.getByRole('option', { name: 'motd' }).waitFor();
}, { width: 360, height: 740 }));

test.run();
