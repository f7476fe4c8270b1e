/** What the UI says and keeps while the server is starting, full or gone, and when a log was replaced behind it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { freePort } from '../../bench/server-process.js';
import { isCode, SimpleKv, SimpleKvAdmin } from '../../src/client/index.js';
import { buildFaultShim } from '../e2e/fault-shim.js';
import { runCommand, type ServerUnderTest, until, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { type Page, signIn } from './browser.js';
import { WebFixture } from './web-fixture.js';

/** A server that a test ends, and starts again at the same place. */
interface FrailServer {
  readonly origin: string;
  readonly port: number;
  readonly globalKey: string;
  running: ServerUnderTest;
}

const test = suite('web outages');
const web = new WebFixture(startFrail);

const KEPT = '{"kept": 9007199254740993}';
/** Longer than any test: who has seen it ends it. */
const STARTING_MS = 600_000;
/** The largest file: a little more than the server writes before it finds the disk full. */
const FILE_BYTES_MAX = 60_000;
const VALUE_CHARACTERS = 3000;
const QUOTA_BYTES = 200;
const ATTEMPTS_MS = 2000;

async function startFrail(bench: Workbench): Promise<FrailServer> {
  const port = await freePort();
  bench.configure([{ id: 'ledger' }, { id: 'small', quota: { max_keys: 2, max_bytes: QUOTA_BYTES } }], { server_port: port });
  const running = await bench.start();
  return { origin: running.url, port, globalKey: running.key('global'), running };
}

function clientOf({ origin, globalKey }: FrailServer, project = 'ledger'): SimpleKv {
  return new SimpleKv({ url: origin, project, key: globalKey, retry: false });
}

/** Changes the value that is edited, without saving. */
async function type(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content[contenteditable=true]').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}

/** Opens a value that was not there before, and changes it without saving. */
async function openEdited(page: Page, server: FrailServer, key: string): Promise<void> {
  await clientOf(server).set(key, 'first');
  await signIn(page, server.origin, server.globalKey, `#/p/ledger/k/${key}`);
  await page.getByRole('button', { name: 'Edit' }).click();
  await type(page, KEPT);
}

/** Puts one in the place of the server that is starting until it is killed; undefined where that cannot be brought about. */
async function startForEver(bench: Workbench, { origin, running }: FrailServer): Promise<ServerUnderTest | undefined> {
  const env = await buildFaultShim(bench, { path: '/data', ms: STARTING_MS });
  if (env === undefined) return undefined;
  await running.kill();
  const starting = bench.spawn({ env });
  starting.url = origin;
  await until('the port', () => starting.send('GET', '/livez').catch(() => undefined));
  return starting;
}

/** Fails to save, and keeps what was typed. */
async function saveInVain(page: Page, reason: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.notice.failed').getByText(reason).waitFor();
  assert.equal(await page.locator('.notice').count(), 1, 'earlier failures to save are no longer shown');
  assert.equal(await page.locator('.cm-content').innerText(), KEPT);
}

/** Saves what could not be saved before. */
async function saveAtLast(page: Page, server: FrailServer, key: string): Promise<void> {
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.notice.done').getByText('Saved as version').waitFor();
  assert.equal(await page.locator('.notice.failed').count(), 0);
  assert.equal(await clientOf(server).getText(key), KEPT.replace(' ', ''));
}

test('a server that is gone loses no edit: it is saved once the server is back', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await openEdited(page, sample, 'gone');
  await sample.running.kill();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await saveInVain(page, /^The server does not answer. Nothing is lost here; try again.$/);
  }
  sample.running = await bench.start();
  await saveAtLast(page, sample, 'gone');
}));

test('why a value cannot be saved is not covered by a notice', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await openEdited(page, sample, 'covered');
  await sample.running.kill();
  await saveInVain(page, /^The server does not answer/);
  await type(page, '{');
  await page.locator('.foot.refusal').waitFor();
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 740 });
    const [faultBottom, noticeTop] = await page.evaluate<[number, number]>(`[
      document.querySelector('.foot.refusal').getBoundingClientRect().bottom, document.querySelector('.notice').getBoundingClientRect().top,
    ]`);
    assert.ok(faultBottom <= noticeTop, `at ${width} px the fault ends at ${faultBottom}, the notice begins at ${noticeTop}`);
  }
  sample.running = await bench.start();
}));

test('a server that is starting says so, and loses no edit', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await openEdited(page, sample, 'starting');
  const starting = await startForEver(bench, sample);
  if (starting === undefined) return;
  await saveInVain(page, 'The server is starting');
  await starting.kill();
  sample.running = await bench.start();
  await saveAtLast(page, sample, 'starting');
}));

test('a view that a starting server refuses is loaded when it is tried again', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await signIn(page, sample.origin, sample.globalKey);
  await page.getByRole('link', { name: 'ledger' }).waitFor();
  const starting = await startForEver(bench, sample);
  if (starting === undefined) return;
  await page.getByRole('link', { name: 'ledger' }).click();
  await page.getByRole('alert').getByText('The server is starting').waitFor();
  await starting.kill();
  sample.running = await bench.start();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.master').waitFor();
}));

test('a full disk: what is there is read, a change is refused and kept, and saved once there is room', ...web.test(
  async ({ page, watched, sample, bench }) => {
    watched.expect(/status of 507/);
    await sample.running.kill();
    sample.running = await bench.start({ front: ['prlimit', `--fsize=${FILE_BYTES_MAX}:unlimited`] });
    const ledger = clientOf(sample);
    const isFull = async (): Promise<boolean> => await ledger.set('filling', 'x'.repeat(VALUE_CHARACTERS)).then(() => false, (error) => {
      if (!isCode(error, 'disk_full')) throw error;
      return true;
    });
    await ledger.set('full', 'first');
    for (let isFilled = false; !isFilled;) isFilled = await isFull();
    await signIn(page, sample.origin, sample.globalKey, '#/p/ledger/state');
    await page.locator('.badge.warn').getByText('read only').waitFor();
    await page.getByRole('alert').getByText('The disk is full. Reads work; writes resume once there is space.').waitFor();
    await page.evaluate(`location.hash = '#/p/ledger/k/full'`);
    await page.getByRole('button', { name: 'Edit' }).click();
    await type(page, KEPT);
    await saveInVain(page, 'There is not enough disk space');
    const makeRoom = ['--pid', String(sample.running.process.pid), '--fsize=unlimited:unlimited'];
    assert.equal((await runCommand('prlimit', makeRoom)).code, 0);
    await until('room', async () => ((await isFull()) ? undefined : true));
    await saveAtLast(page, sample, 'full');
  },
));

test('a quota that is used up refuses a new key and a longer value where they are typed', ...web.test(async ({ page, watched, sample }) => {
  watched.expect(/status of 507/);
  const small = clientOf(sample, 'small');
  await small.set('a', 1);
  await small.set('b', 1);
  await signIn(page, sample.origin, sample.globalKey, '#/p/small/k/a');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('Key', { exact: true }).fill('c');
  await page.getByLabel('Value, as JSON').fill('{"n": 3}');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.locator('dialog [role=alert]').getByText('larger than its quota allows').waitFor();
  await small.delete('b');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'c', exact: true }).waitFor();
  assert.equal(await small.getText('c'), '{"n":3}');
  await page.getByRole('button', { name: 'Edit' }).click();
  await type(page, JSON.stringify('x'.repeat(QUOTA_BYTES)));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.notice.failed').getByText('larger than its quota allows').waitFor();
  await type(page, '"short"');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.notice.done').getByText('Saved as version').waitFor();
  assert.equal(await page.locator('.notice.failed').count(), 0);
  assert.equal(await small.get('c'), 'short');
}));

test('an outage leaves one mark in the live view, however long it is', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await clientOf(sample).set('before-the-outage', 1);
  await signIn(page, sample.origin, sample.globalKey, '#/p/ledger/live');
  await page.locator('.badge.good').getByText('live').waitFor();
  await sample.running.kill();
  const mark = page.locator('.mark');
  await mark.getByText('Interrupted').waitFor();
  // Long enough for some attempts in vain.
  await page.waitForTimeout(ATTEMPTS_MS);
  assert.equal(await mark.count(), 1);
  sample.running = await bench.start();
  await mark.getByText(/^Reconnected after \d+ s\.$/).waitFor();
  await clientOf(sample).set('after-the-outage', 1);
  await page.getByRole('link', { name: 'after-the-outage' }).waitFor();
  assert.equal(await mark.count(), 1);
  assert.equal(await page.getByRole('link', { name: 'before-the-outage' }).count(), 1);
}));

test('a live view that is opened while the server is down begins when it is back', ...web.test(async ({ page, watched, sample, bench }) => {
  watched.expect(/net::ERR_|status of 503/);
  await clientOf(sample).set('before-it-was-opened', 1);
  await signIn(page, sample.origin, sample.globalKey, '#/p/ledger/live');
  await page.locator('.badge.good').getByText('live').waitFor();
  await page.getByRole('link', { name: 'Projects' }).click();
  await page.getByRole('link', { name: 'ledger' }).waitFor();
  await sample.running.kill();
  await page.evaluate(`location.hash = '#/p/ledger/live'`);
  await page.getByRole('alert').getByText('The server does not answer').waitFor();
  await page.getByText('Not connected').waitFor();
  // Longer than a request alone is tried.
  await page.waitForTimeout(ATTEMPTS_MS);
  assert.equal(await page.getByText('Nothing has happened').count(), 0);
  sample.running = await bench.start();
  await page.getByRole('link', { name: 'before-it-was-opened' }).waitFor();
  await page.locator('.badge.good').getByText('live').waitFor();
  assert.equal(await page.locator('.mark').count(), 0);
}));

test('a log that was replaced while the page was interrupted leaves a mark, and is followed', ...web.test(
  async ({ page, watched, sample, bench }) => {
    watched.expect(/net::ERR_|status of 503/);
    await clientOf(sample).set('of-the-old-log', 1);
    await signIn(page, sample.origin, sample.globalKey, '#/p/ledger/live');
    await page.getByRole('link', { name: 'of-the-old-log' }).waitFor();
    await page.locator('.badge.good').getByText('live').waitFor();
    await sample.running.kill();
    await page.locator('.mark').getByText('Interrupted: The server does not answer. The stream goes on').waitFor();
    // At another place, so that the page finds only what came of it.
    const listenAt = (port: number): void => (
      writeFileSync(bench.configPath, JSON.stringify({ ...bench.document(), server_port: port }), { mode: 0o600 })
    );
    listenAt(0);
    const elsewhere = await bench.start();
    const admin = new SimpleKvAdmin({ url: elsewhere.url, key: sample.globalKey });
    await admin.projects.delete('ledger');
    await admin.projects.create({ id: 'ledger' });
    await elsewhere.stop();
    listenAt(sample.port);
    sample.running = await bench.start();
    await page.locator('.mark').getByText('A gap: this is another log').waitFor();
    await page.locator('.badge.good').getByText('live').waitFor();
    await clientOf(sample).set('of-the-new-log', 1);
    await page.getByRole('link', { name: 'of-the-new-log' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'of-the-old-log' }).count(), 1);
  },
));

test.run();
