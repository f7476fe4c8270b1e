/** Values: reading, editing, conflicts, expiry, history and the past. */
import assert from 'node:assert/strict';
import { SimpleKv } from '../../src/client/index.js';
import { suite } from '../suite.js';
import { type Page, signIn } from './browser.js';
import { type SampleServer, startSample } from './sample-server.js';
import { WebFixture } from './web-fixture.js';

interface Dialog {
  accept(): Promise<void>;
  dismiss(): Promise<void>;
}

const test = suite('web values');
const web = new WebFixture(startSample);

function clientOf({ origin, shopKey }: SampleServer): SimpleKv {
  return new SimpleKv({ url: origin, project: 'shop', key: shopKey, parse: (text) => text });
}

/** Opens a key, and waits for its value. */
async function openKey(page: Page, { origin, shopKey }: SampleServer, key: string): Promise<void> {
  await signIn(page, origin, shopKey, `#/p/shop/k/${encodeURIComponent(key)}`);
  await page.locator('.cm-content').waitFor();
}

async function edit(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.locator('.cm-content[contenteditable=true]').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}

test('a value is shown formatted, and exactly as it is stored', ...web.test(async ({ page, sample }) => {
  await clientOf(sample).setText('spaced', '{ "n":9007199254740993,  "a" : [1.0, 1e2],"n": 2 }');
  await openKey(page, sample, 'spaced');
  const formatted = '{\n  "n": 9007199254740993,\n  "a": [\n    1.0,\n    1e2\n  ],\n  "n": 2\n}';
  assert.equal(await page.locator('.cm-content').innerText(), formatted);
  await page.getByRole('button', { name: 'Stored' }).click();
  await page.locator('.cm-content').getByText('{ "n":9007199254740993,  "a" : [1.0, 1e2],"n": 2 }').waitFor();
}));

test('what is stored as it is shown is not called otherwise', ...web.test(async ({ page, sample }) => {
  await clientOf(sample).setText('one-token', 'true');
  await clientOf(sample).setText('some-tokens', '[true]');
  await openKey(page, sample, 'one-token');
  await page.getByText('Exactly as it is stored, token for token.').waitFor();
  await page.evaluate(`location.hash = '#/p/shop/k/some-tokens'`);
  await page.getByText('Formatted for reading: what is stored has other spaces.').waitFor();
}));

test('a fault of JSON is named by its place, and marked there', ...web.test(async ({ page, sample }) => {
  await clientOf(sample).setText('faulty', '1');
  await openKey(page, sample, 'faulty');
  await edit(page, '{\n  "é😀": tru,\n  "n": 1\n}');
  await page.getByText('Line 2, column 12: expected "true"').waitFor();
  assert.equal(await page.locator('.cm-fault').innerText(), ',');
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('{"n": 1');
  await page.getByText('Line 1, column 8: expected "," or "}"').waitFor();
  // The mark may come a moment after the message.
  await page.locator('.cm-fault-end').waitFor({ state: 'attached' });
  await page.keyboard.insertText('}');
  await page.getByText('Ctrl-S saves').waitFor();
  await page.locator('.cm-fault').waitFor({ state: 'detached' });
}));

test('an edited value is saved token for token, and keeps its expiry', ...web.test(async ({ page, sample }) => {
  const shop = clientOf(sample);
  await shop.setText('edited', '{"n":1}', { ttlMs: 3_600_000 });
  await openKey(page, sample, 'edited');
  await edit(page, '{"n": 9007199254740993, "b": 1.50');
  await page.getByText(/^Line 1, column \d+: expected/).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Save' }).getAttribute('disabled'), '');
  await page.keyboard.insertText('}');
  await page.keyboard.press('Control+s');
  await page.getByText('Saved as version').waitFor();
  const entry = await shop.getEntry<string>('edited');
  assert.equal(entry?.text, '{"n":9007199254740993,"b":1.50}');
  assert.ok(entry.expiresAt !== null);
}));

test('a value that was changed meanwhile is not overwritten', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of 412/);
  const shop = clientOf(sample);
  await shop.setText('contested', '{"stock":5,"name":"lamp"}');
  await openKey(page, sample, 'contested');
  await edit(page, '{"stock": 4, "name": "lamp"}');
  await shop.setText('contested', '{"stock":9,"name":"lamp"}');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('This value was changed while you were editing.').waitFor();
  assert.equal(await page.locator('.pane-theirs pre').innerText(), '{\n  "stock": 9,\n  "name": "lamp"\n}');
  assert.deepEqual([await page.locator('.pane-diff del').innerText(), await page.locator('.pane-diff ins').innerText()], ['9', '4']);
  assert.equal(await shop.getText('contested'), '{"stock":9,"name":"lamp"}');
  await page.getByRole('button', { name: 'Keep editing' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved as version').waitFor();
  assert.equal(await shop.getText('contested'), '{"stock":4,"name":"lamp"}');
}));

test('changes that are not saved survive a click elsewhere', ...web.test(async ({ page, sample }) => {
  const answers = [false, false, true];
  page.on('dialog', (dialog: Dialog) => void (answers.shift() === true ? dialog.accept() : dialog.dismiss()));
  await clientOf(sample).setText('kept', '1');
  await openKey(page, sample, 'kept');
  await edit(page, '2');
  await page.getByRole('option', { name: /^motd/ }).click();
  await page.getByRole('link', { name: 'Live' }).click();
  await page.getByText('Editing version').waitFor();
  assert.ok(page.url().includes('/k/kept'), page.url());
  await page.getByRole('option', { name: /^motd/ }).click();
  await page.getByRole('heading', { name: 'motd' }).waitFor();
  assert.deepEqual([answers, await clientOf(sample).getText('kept')], [[], '1']);
}));

test('a value that was deleted meanwhile can be created again, or left deleted', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of (412|404)/);
  const shop = clientOf(sample);
  await shop.setText('vanishing', '1');
  await openKey(page, sample, 'vanishing');
  await edit(page, '2');
  await shop.delete('vanishing');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('This key was deleted while you were editing.').waitFor();
  await page.getByRole('button', { name: 'Create it again with mine' }).click();
  await page.getByText('Saved as version').waitFor();
  assert.equal(await shop.getText('vanishing'), '2');
}));

test('a key is created, expires when that is asked for, and is deleted', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of (404|412)/);
  const shop = clientOf(sample);
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('Key', { exact: true }).fill('made/here');
  await page.getByLabel('Value, as JSON').fill('{"n": 9007199254740993}');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'made/here' }).waitFor();
  assert.equal(await shop.getText('made/here'), '{"n":9007199254740993}');
  await page.getByRole('button', { name: /^Change/ }).click();
  await page.getByLabel('Expires').selectOption('after');
  await page.getByLabel('Amount of time').fill('2');
  await page.getByRole('button', { name: 'Change', exact: true }).click();
  await page.locator('.facts .badge').waitFor();
  assert.ok(((await shop.getEntry('made/here'))?.expiresAt?.getTime() ?? 0) > Date.now() + 3_600_000);
  await page.getByRole('button', { name: 'Delete the key' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Deleted').waitFor();
  assert.equal(await shop.has('made/here'), false);
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('Key', { exact: true }).fill('motd');
  await page.getByLabel('Value, as JSON').fill('1');
  await page.getByRole('button', { name: 'Create' }).click();
  // It exists already, and stays as it is.
  await page.locator('dialog [role=alert]').waitFor();
  assert.match(await shop.getText('motd') ?? '', /Welcome/);
}));

test('the history shows who changed what, compares any two versions, and restores one', ...web.test(async ({ page, sample }) => {
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop/h/config%2Fcheckout');
  const versions = page.locator('.versions li');
  await versions.nth(3).waitFor();
  assert.equal(await versions.count(), 4);
  assert.match(await versions.nth(1).innerText(), /global#/);
  assert.deepEqual(await page.locator('.version .diff del').allInnerTexts(), ['40', '"hello@shop.example"']);
  await page.getByLabel('Compared with').selectOption('3');
  assert.deepEqual(await page.locator('.version .diff del').allInnerTexts(), ['10', '"hello@shop.example"']);
  await versions.nth(3).getByRole('button').click();
  await page.getByRole('button', { name: 'Restore this' }).click();
  await page.getByRole('button', { name: 'Restore', exact: true }).click();
  await page.getByText('Restored the value').waitFor();
  assert.match(await clientOf(sample).getText('config/checkout') ?? '', /"limit":10,/);
  await versions.nth(4).waitFor();
}));

test('a deleted key shows its history, and comes back from it', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of 404/);
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop/k/greeting');
  await page.getByText('There is no such key').waitFor();
  await page.getByRole('link', { name: 'Its history' }).click();
  await page.locator('.versions li').nth(1).getByRole('button').click();
  await page.getByRole('button', { name: 'Restore this' }).click();
  await page.getByRole('button', { name: 'Restore', exact: true }).click();
  await page.getByText('Restored the value').waitFor();
  assert.equal(await clientOf(sample).getText('greeting'), '"hello"');
}));

test('the slider shows the project as it was, says so, and leads back to now', ...web.test(async ({ page, sample }) => {
  await signIn(page, sample.origin, sample.shopKey, '#/p/shop');
  await page.getByRole('option', { name: 'motd' }).waitFor();
  await page.getByRole('button', { name: 'Time travel' }).click();
  const slider = page.getByRole('slider', { name: 'Moment' });
  await slider.focus();
  await page.keyboard.press('Home');
  await page.getByText('At this moment the project had no keys.').waitFor();
  await page.keyboard.press('ArrowRight');
  await page.getByText(/after change/).waitFor();
  assert.equal(await page.getByRole('button', { name: 'New key' }).count(), 0);
  assert.match(page.url(), /@\d+$/);
  await page.keyboard.press('End');
  await page.getByRole('option', { name: 'motd' }).waitFor();
  assert.equal(await page.getByText(/after change/).count(), 0);
  await page.evaluate(`location.hash = '#/p/shop/k/config%2Fcheckout@31'`);
  await page.getByText('As it was after change').waitFor();
  await page.locator('.cm-content').getByText('25', { exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Edit' }).count(), 0);
  await page.getByRole('button', { name: 'Back to now' }).click();
  await page.getByRole('button', { name: 'Edit' }).waitFor();
}));

test('the slider knows the changes that are made beside it', ...web.test(async ({ page, sample }) => {
  await clientOf(sample).setText('beside', '1');
  await openKey(page, sample, 'beside');
  await page.getByRole('button', { name: 'Time travel' }).click();
  await page.locator('.moment').getByText('set beside').waitFor();
  await edit(page, '2');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved as version').waitFor();
  const seq = (await clientOf(sample).getEntry('beside'))?.seq ?? 0;
  await page.getByText(`#${seq}`, { exact: true }).first().waitFor();
  await page.locator(`input[aria-valuetext^="after change ${seq},"]`).waitFor();
  await page.getByRole('button', { name: 'One change back' }).click();
  await page.locator('.banner').getByText(`#${seq - 1}`).waitFor();
}));

test.run();
