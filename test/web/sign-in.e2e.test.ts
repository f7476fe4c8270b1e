/** Who gets in, what each may see, and where the API key is kept. */
import assert from 'node:assert/strict';
import { SimpleKvAdmin } from '../../src/client/index.js';
import { suite } from '../suite.js';
import { type Page, signIn } from './browser.js';
import { startSample } from './sample-server.js';
import { serveStats } from './sample-stats.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web sign-in');
const web = new WebFixture(startSample);

async function linksOf(page: Page): Promise<readonly string[]> {
  return await page.getByRole('navigation', { name: 'Views' }).locator('a').allInnerTexts();
}

/** Everything that outlives the page, as text. */
async function keptBy(page: Page): Promise<string> {
  return await page.evaluate('JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, location.href])');
}

test('the global API key opens all projects', ...web.test(async ({ page, sample: { origin, globalKey } }) => {
  await signIn(page, origin, globalKey);
  assert.deepEqual(await linksOf(page), ['Projects', 'API keys']);
  assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['feature-flags', 'scratch', 'shop', 'telemetry']);
  await page.getByRole('link', { name: 'shop' }).click();
  await page.getByRole('option', { name: 'user/' }).waitFor();
  assert.deepEqual(await linksOf(page), ['Projects', 'Keys', 'Live', 'State', 'API keys', 'Settings']);
}));

test('the API key of a project opens that project, and no list of projects', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  assert.deepEqual(await linksOf(page), ['Keys', 'Live', 'State', 'API keys', 'Settings']);
  await page.evaluate(`location.hash = '#/p/telemetry'`);
  await page.getByText('This API key does not open "telemetry"').waitFor();
}));

test('a key that may only read is offered nothing else', ...web.test(async ({ page, sample: { origin, readerKey } }) => {
  await signIn(page, origin, readerKey, '#/p/shop/k/motd');
  await page.locator('.value').getByText('Welcome back').waitFor();
  assert.deepEqual(await linksOf(page), ['Keys', 'State']);
  for (const name of ['Edit', 'New key', 'Delete the key', 'Time travel', /^Change/]) {
    assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
  }
  assert.equal(await page.getByRole('tab').count(), 0);
  await page.evaluate(`location.hash = '#/p/shop/settings'`);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Settings' }).count(), 0);
}));

test('an unknown API key is refused in words for a user', ...web.test(async ({ page, watched, sample: { origin, shopKey } }) => {
  watched.expect(/status of 401/);
  await page.goto(`${origin}/ui/`);
  await page.getByLabel('API key').fill(`${shopKey.slice(0, -4)}xxxx`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByRole('alert').innerText(), 'This server does not know the API key');
  assert.equal(await page.locator('.frame').count(), 0);
  await page.getByRole('button', { name: 'Without an API key' }).click();
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('alert').getByText('This needs an API key').waitFor();
}));

test('a key that may only write is offered no state, and nothing is asked for it', ...web.test(async ({ page, sample }) => {
  const admin = new SimpleKvAdmin({ url: sample.origin, key: sample.globalKey });
  const writer = await admin.apiKeys.create('shop', { name: 'collector', permissions: ['write'] });
  await signIn(page, sample.origin, writer.api_key, '#/p/shop/state');
  await page.getByText('This API key cannot read values').waitFor();
  assert.deepEqual(await linksOf(page), []);
  await admin.apiKeys.revoke('shop', writer.id);
}));

test('a key for the metrics shows the state of the server, and no projects', ...web.test(async ({ page, sample }) => {
  await serveStats(page);
  const admin = new SimpleKvAdmin({ url: sample.origin, key: sample.globalKey });
  const scraper = await admin.apiKeys.create(null, { name: 'prometheus', permissions: ['metrics'] });
  await signIn(page, sample.origin, scraper.api_key);
  await page.locator('h1').getByText('Server').waitFor();
  await page.getByText(/checks passed/).waitFor();
  await page.locator('.chart canvas').first().waitFor();
  assert.deepEqual(await linksOf(page), ['Server']);
  assert.equal(await page.getByRole('group', { name: 'Of what' }).count(), 0);
  await admin.apiKeys.revoke(null, scraper.id);
}));

test('the API key is forgotten with the page, unless the tab keeps it', ...web.test(async ({ page, sample: { origin, shopKey } }) => {
  await signIn(page, origin, shopKey);
  assert.ok(!(await keptBy(page)).includes('skv_'));
  await page.reload();
  await page.getByLabel('API key').fill(shopKey);
  await page.getByLabel('Keep it until this tab is closed').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.frame').waitFor();
  assert.ok((await page.evaluate<string>('JSON.stringify({ ...sessionStorage })')).includes(shopKey));
  assert.ok(!(await page.evaluate<string>('JSON.stringify([{ ...localStorage }, document.cookie, location.href])')).includes('skv_'));
  await page.reload();
  await page.getByRole('option', { name: 'user/' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
  assert.ok(!(await keptBy(page)).includes('skv_'));
  await page.reload();
  await page.getByLabel('API key').waitFor();
}));

test('a link leads to the key, the version and the folder, before and after signing in', ...web.test(async ({ page, sample }) => {
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop/k/user%2F0003?in=user%2F');
  await page.getByRole('heading', { name: 'user/0003' }).waitFor();
  await page.getByRole('option', { name: /^0004/ }).click();
  await page.getByRole('heading', { name: 'user/0004' }).waitFor();
  assert.ok(page.url().endsWith('#/p/shop/k/user%2F0004?in=user%2F'), page.url());
  await page.goBack();
  await page.getByRole('heading', { name: 'user/0003' }).waitFor();
  for (const path of ['shop', 'shop/keys', 'shop/keys/user/0003']) {
    await page.goto(`${sample.origin}/ui/projects/${path}`);
    await page.getByLabel('API key').waitFor();
    assert.ok(page.url().endsWith('/ui/#/p/shop'), page.url());
  }
  await page.getByLabel('API key').fill(sample.shopKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('option', { name: 'user/' }).waitFor();
}));

test('a browser that asks for the root finds the UI', ...web.test(async ({ page, sample: { origin } }) => {
  await page.goto(`${origin}/`);
  await page.getByLabel('API key').waitFor();
  assert.ok(page.url().startsWith(`${origin}/ui/`));
}));

test('an open project needs no API key', ...web.test(async ({ page, sample: { origin, globalKey } }) => {
  const admin = new SimpleKvAdmin({ url: origin, key: globalKey });
  await admin.projects.create({ id: 'open-house', authentication: { enabled: false } });
  await page.goto(`${origin}/ui/#/p/open-house`);
  await page.getByRole('button', { name: 'Without an API key' }).click();
  await page.getByLabel('Open project').fill('open-house');
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByText('No keys yet').waitFor();
  assert.deepEqual(await linksOf(page), ['Keys', 'Live', 'State']);
  await admin.projects.delete('open-house');
}));

test('an API key that stops ends the session and says so', ...web.test(async ({ page, watched, sample: { origin, globalKey } }) => {
  watched.expect(/status of 401/);
  const admin = new SimpleKvAdmin({ url: origin, key: globalKey });
  const made = await admin.apiKeys.create('shop', { name: 'short-lived', permissions: ['all'] });
  await signIn(page, origin, made.api_key);
  await page.getByRole('option', { name: 'user/' }).waitFor();
  await admin.apiKeys.revoke('shop', made.id);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('status').getByText('This server does not know the API key', { exact: true }).waitFor();
  await page.getByLabel('API key').waitFor();
}));

test.run();
