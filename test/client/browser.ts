/** A headless browser, and a page of its own origin with nothing on it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { launchChromium } from '../chromium.js';

/** What is used of a page. The types of the package need those of the DOM, which nothing else here may see. */
export interface Page {
  on(event: 'pageerror', listener: (error: Error) => void): void;
  goto(url: string): Promise<unknown>;
  addScriptTag(options: { readonly content: string }): Promise<unknown>;
  evaluate<Result, Given>(body: (given: Given) => Promise<Result>, given: Given): Promise<Result>;
}

interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

/** Runs a test with an origin that serves an empty page. */
export async function withOrigin(body: (origin: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>Facts</title><link rel="icon" href="data:,">');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Runs a test with a page in a browser. What the page throws where nothing catches it fails the test. */
export async function withPage(url: string, body: (page: Page) => Promise<void>): Promise<void> {
  const browser = await launchChromium<Browser>();
  try {
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(url);
    await body(page);
    if (errors.length > 0) throw new Error(`The page failed: ${errors.map((error) => error.stack ?? error.message).join('\n')}`);
  } finally {
    await browser.close();
  }
}
