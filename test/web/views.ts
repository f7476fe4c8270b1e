/**
 * The views of the web UI with the samples: for its pictures, and for what must hold of each.
 */
import { SimpleKv } from '../../src/client/index.js';
import type { Page } from './browser.js';
import { LONG_KEY, type SampleServer } from './sample-server.js';

interface Dialog {
  accept(): Promise<void>;
}

/** A view: where it is, and what is done to see it. */
export interface View {
  readonly name: string;
  readonly fragment: string;
  readonly prepare?: (page: Page, sample: SampleServer) => Promise<void>;
}

/** All of them. */
export const VIEWS: readonly View[] = [
  { name: 'projects', fragment: '#/' },
  { name: 'new-project', fragment: '#/', prepare: clicking('New project') },
  { name: 'server-keys', fragment: '#/access' },
  { name: 'keys', fragment: '#/p/shop' },
  { name: 'folder', fragment: '#/p/shop?in=order%2F2026-11%2F' },
  { name: 'value', fragment: '#/p/shop/k/user%2F0007?in=user%2F' },
  { name: 'edit', fragment: '#/p/shop/k/config%2Fcheckout', prepare: clicking('Edit') },
  { name: 'conflict', fragment: '#/p/shop/k/config%2Fcheckout', prepare: makeConflict },
  // After the one that lets a view be left.
  { name: 'fault', fragment: '#/p/shop/k/config%2Fmail', prepare: makeFault },
  { name: 'history', fragment: '#/p/shop/h/config%2Fcheckout' },
  { name: 'expiry', fragment: '#/p/shop/k/motd', prepare: clicking(/^Change/) },
  { name: 'new-key', fragment: '#/p/shop', prepare: clicking('New key') },
  { name: 'time', fragment: '#/p/shop@12' },
  { name: 'ahead', fragment: '#/p/shop@9999' },
  { name: 'long-key', fragment: `#/p/shop/k/${encodeURIComponent(LONG_KEY)}` },
  { name: 'gone', fragment: '#/p/shop/k/greeting' },
  { name: 'empty', fragment: '#/p/scratch' },
  { name: 'live', fragment: '#/p/shop/live' },
  { name: 'state', fragment: '#/p/shop/state' },
  {
    name: 'charts', fragment: '#/p/shop/state',
    prepare: async (page) => await page.locator('.chart').last().evaluate('(chart) => chart.scrollIntoView()'),
  },
  { name: 'access', fragment: '#/p/shop/access' },
  { name: 'new-access', fragment: '#/p/shop/access', prepare: clicking('New API key') },
  { name: 'settings', fragment: '#/p/shop/settings' },
  // The last one: it signs in with another API key.
  { name: 'own-settings', fragment: '#/p/shop/settings', prepare: signInToShop },
];

/** Clicks a button. */
function clicking(name: string | RegExp): (page: Page) => Promise<void> {
  return async (page) => await page.getByRole('button', { name }).click();
}

/** As one who may change less. */
async function signInToShop(page: Page, { shopKey }: SampleServer): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').fill(shopKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('dl.setting').first().waitFor();
}

async function makeFault(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.locator('.cm-content[contenteditable=true]').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('{\n  "host": "mail.shop.example",\n  "port": 587,\n  "tls": tru,\n}');
  await page.locator('.cm-fault').waitFor();
}

async function makeConflict(page: Page, { origin, shopKey }: SampleServer): Promise<void> {
  // The next view discards what was edited.
  page.on('dialog', (dialog: Dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('{"currency": "EUR", "limit": 120, "methods": ["card"]}');
  const shop = new SimpleKv({ url: origin, project: 'shop', key: shopKey });
  await shop.set('config/checkout', { currency: 'EUR', limit: 110, methods: ['card', 'invoice', 'transfer'], round: await shop.count() });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.conflict').waitFor();
}
