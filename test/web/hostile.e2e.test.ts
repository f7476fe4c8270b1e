/** A project whose keys and values were made to do harm: all of it is shown as text, and nothing of it runs. */
import assert from 'node:assert/strict';
import { SimpleKv } from '../../src/client/index.js';
import { until } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { type Page, signIn } from './browser.js';
import { startSample } from './sample-server.js';
import { WebFixture } from './web-fixture.js';

const test = suite('web hostile data');
const web = new WebFixture(startSample);

/** Texts that the editor has in the page as a whole. */
const WHOLE_CHARACTERS_MAX = 500;
const POLL_MS = 50;
const MEBIBYTE = 1_048_576;
const SCRIPT = '<script>document.title="run"</script>';
const IMAGE = '<img src=x onerror="document.title=\'run\'">';
/** Values as they are stored, by key. */
const HOSTILE: Readonly<Record<string, string>> = {
  [SCRIPT]: JSON.stringify(SCRIPT),
  [IMAGE]: JSON.stringify({ [IMAGE]: [IMAGE, SCRIPT] }),
  'javascript:document.title="run"': '"javascript:document.title=\'run\'"',
  '__proto__': '{"__proto__":{"polluted":true},"constructor":1}',
  'constructor': '{"toString":null}',
  'large-number': '{"n":9007199254740993,"d":1.10,"e":1E400,"z":-0}',
  'twice': '{"a":1,"a":2}',
  '\u202eevil\u202c right to left': '"\\u202e\u202egnp.exe"',
  'مرحبا/שלום': '"אבג 123"',
  'emoji 👩‍👩‍👧': '"👩‍👩‍👧"',
  '..': '"dots"',
  '.': '"dot"',
  'a%2Fb?c#d&e=f': '"percent"',
  '${7*7} {{7*7}}': '"template"',
  '  spaces  ': '"  "',
  'deep': `${'['.repeat(500)}1${']'.repeat(500)}`,
};

async function shown(page: Page): Promise<string> {
  return await page.locator('.cm-content').innerText();
}

test('every hostile key is listed, opened and compared as text, and nothing of it runs', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of 404/);
  const scratch = new SimpleKv({ url: sample.origin, project: 'scratch', key: sample.globalKey, parse: (text) => text });
  for (const [key, text] of Object.entries(HOSTILE)) {
    await scratch.setText(key, '{"was":"before"}');
    await scratch.setText(key, text);
  }
  await signIn(page, sample.origin, sample.globalKey, '#/p/scratch');
  await page.getByRole('button', { name: 'Folders' }).click();
  await page.getByRole('option', { name: 'twice' }).waitFor();
  assert.equal(await page.getByRole('option').count(), Object.keys(HOSTILE).length);
  for (const [key, text] of Object.entries(HOSTILE)) {
    await page.evaluate(`location.hash = ${JSON.stringify(`#/p/scratch/k/${encodeURIComponent(key)}`)}`);
    const title = key.replace('\u202e', '⟨U+202E⟩').replace('\u202c', '⟨U+202C⟩').replaceAll('\u200d', '⟨U+200D⟩');
    await page.locator('.value-head h1').getByText(title.trim(), { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stored' }).click();
    if (text.length < WHOLE_CHARACTERS_MAX) {
      await until(`the text of ${key}`, async () => ((await shown(page)).replace(/\n/g, '') === text ? true : undefined), POLL_MS);
    }
    await page.getByRole('tab', { name: 'History' }).click();
    await page.locator('.version .diff').waitFor();
    await page.getByRole('tab', { name: 'Value' }).click();
    assert.equal(await page.evaluate('document.title'), 'SimpleKV', key);
  }
  assert.equal(await page.evaluate('({}).polluted === undefined'), true);
  for (const view of ['live', 'state', 'access', 'settings']) {
    await page.evaluate(`location.hash = '#/p/scratch/${view}'`);
    await page.locator('main h1').waitFor();
  }
  assert.equal(await page.evaluate('document.title'), 'SimpleKV');
}));

test('numbers are shown, compared and saved token for token', ...web.test(async ({ page, sample }) => {
  const scratch = new SimpleKv({ url: sample.origin, project: 'scratch', key: sample.globalKey, parse: (text) => text });
  await scratch.setText('exact', '{"n":9007199254740992}');
  await scratch.setText('exact', '{"n":9007199254740993}');
  await signIn(page, sample.origin, sample.globalKey, '#/p/scratch/h/exact');
  await page.locator('.version .diff ins').waitFor();
  assert.equal(await page.locator('.version .diff del').innerText(), '9007199254740992');
  assert.equal(await page.locator('.version .diff ins').innerText(), '9007199254740993');
  await page.getByRole('tab', { name: 'Value' }).click();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.locator('.cm-content[contenteditable=true]').click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.insertText('"first": -0.0e-5, ');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved as version').waitFor();
  assert.equal(await scratch.getText('exact'), '{"first":-0.0e-5,"n":9007199254740993}');
}));

test('a value of 1 MiB is shown, and its page stays small', ...web.test(async ({ page, sample }) => {
  const telemetry = new SimpleKv({ url: sample.origin, project: 'telemetry', key: sample.globalKey, parse: (text) => text });
  const text = JSON.stringify({ items: Array.from({ length: 20_000 }, (_, index) => ({ index, text: 'x'.repeat(20) })) });
  const large = `${text.slice(0, -1)},"rest":"${'y'.repeat(MEBIBYTE - text.length - 12)}"}`;
  assert.ok(large.length <= MEBIBYTE && large.length > MEBIBYTE - 100);
  await telemetry.setText('large', large);
  await signIn(page, sample.origin, sample.globalKey, '#/p/telemetry/k/large');
  await page.getByText('Exactly as it is stored').waitFor();
  await page.locator('.cm-content').waitFor();
  await page.getByRole('button', { name: 'Formatted' }).click();
  await page.locator('.cm-content').getByText('"items"').waitFor();
  const nodes = await page.evaluate<number>(`document.querySelector('.editor').shadowRoot.querySelectorAll('*').length`);
  assert.ok(nodes < 5000, `${nodes} elements`);
  await telemetry.delete('large');
}));

test.run();
