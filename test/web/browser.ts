/**
 * A browser for the tests of the web UI: one for a file, a context for each test. Whatever a page does that it must not do fails its
 * test: a message in the console, a violation of the content security policy, a request to another host.
 */
import assert from 'node:assert/strict';

/** What the tests use of a locator of playwright. Its own types need those of a browser. */
export interface Locator {
  click(options?: object): Promise<void>;
  fill(text: string): Promise<void>;
  press(keys: string): Promise<void>;
  check(): Promise<void>;
  selectOption(value: string): Promise<unknown>;
  focus(): Promise<void>;
  waitFor(options?: { readonly state?: 'visible' | 'hidden' | 'attached' | 'detached'; readonly timeout?: number }): Promise<void>;
  count(): Promise<number>;
  innerText(): Promise<string>;
  allInnerTexts(): Promise<string[]>;
  getAttribute(name: string): Promise<string | null>;
  inputValue(): Promise<string>;
  isVisible(): Promise<boolean>;
  first(): Locator;
  last(): Locator;
  nth(index: number): Locator;
  locator(selector: string): Locator;
  getByRole(role: string, options?: { readonly name?: string | RegExp; readonly exact?: boolean }): Locator;
  getByText(text: string | RegExp, options?: { readonly exact?: boolean }): Locator;
  evaluate<T>(expression: string, argument?: unknown): Promise<T>;
}

/** What the tests use of a page. */
export interface Page extends Pick<Locator, 'getByRole' | 'getByText' | 'locator'> {
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  goBack(): Promise<unknown>;
  url(): string;
  getByLabel(text: string | RegExp, options?: { readonly exact?: boolean }): Locator;
  evaluate<T>(expression: string): Promise<T>;
  waitForTimeout(ms: number): Promise<void>;
  screenshot(options: { readonly path: string }): Promise<unknown>;
  setViewportSize(size: { readonly width: number; readonly height: number }): Promise<void>;
  emulateMedia(options: { readonly colorScheme: 'light' | 'dark' }): Promise<void>;
  setDefaultTimeout(ms: number): void;
  route(pattern: string, answer: (route: Route) => Promise<void>): Promise<void>;
  on(event: string, listener: (value: never) => void): void;
  keyboard: { press(keys: string): Promise<void>; type(text: string): Promise<void>; insertText(text: string): Promise<void> };
  mouse: { wheel(x: number, y: number): Promise<void> };
}

interface Route {
  fulfill(answer: { readonly status: number; readonly contentType: string; readonly body: string }): Promise<void>;
}

interface Context {
  newPage(): Promise<Page>;
  close(): Promise<void>;
  addInitScript(script: string): Promise<void>;
  grantPermissions(permissions: readonly string[]): Promise<void>;
}

/** A browser. */
export interface Browser {
  newContext(options: object): Promise<Context>;
  close(): Promise<void>;
}

interface ConsoleMessage {
  type(): string;
  text(): string;
}

/** Only a test that fails waits that long. */
const WAIT_TIMEOUT_MS = 30_000;
const SIZE = { width: 1440, height: 900 } as const;

/** A page, and what it did that it must not do. */
export interface WatchedPage {
  readonly page: Page;
  /** Takes what was found so far. */
  readonly takeFaults: () => readonly string[];
  /** Says which messages the browser will write of requests that the server is expected to refuse, or not to answer. */
  readonly expect: (message: RegExp) => void;
  readonly close: () => Promise<void>;
}

/** What a page begins with. */
export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/**
 * Opens a page in a context of its own.
 *
 * @param origin the only host that it may talk to
 */
export async function openPage(
  browser: Browser, origin: string, { colorScheme = 'light', ...size }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { ...SIZE, ...size }, colorScheme, reducedMotion: 'reduce' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_TIMEOUT_MS);
  const faults: string[] = [];
  const expected: RegExp[] = [];
  // Violations of the policy are errors in the console.
  page.on('console', (message: ConsoleMessage) => {
    if (['error', 'warning', 'assert'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error: Error) => void faults.push(`uncaught: ${error.stack ?? error.message}`));
  page.on('request', (request: { url(): string }) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:') && !url.startsWith('blob:')) faults.push(`request to ${url}`);
    if (/skv_/.test(url)) faults.push(`an API key in ${url}`);
  });
  return {
    page,
    takeFaults: () => faults.splice(0).filter((fault) => !expected.some((message) => message.test(fault))),
    expect: (message) => void expected.push(message),
    close: async () => await context.close(),
  };
}

/** Runs a test with a page of its own, and fails it for what the page must not do. */
export async function withPage(
  browser: Browser, origin: string, body: (page: Page, watched: WatchedPage) => Promise<void>, options: PageOptions = {},
): Promise<void> {
  const watched = await openPage(browser, origin, options);
  try {
    await body(watched.page, watched);
    assert.deepEqual(watched.takeFaults(), []);
  } finally {
    await watched.close();
  }
}

/** Signs in, and goes to a place: the fragment of the URL. */
export async function signIn(page: Page, origin: string, key: string, fragment = '#/'): Promise<void> {
  await page.goto(`${origin}/ui/${fragment}`);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.frame').waitFor();
}
