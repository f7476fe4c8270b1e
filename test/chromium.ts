/** The browser of the machine, for tests of what runs in pages. */
import { createRequire } from 'node:module';
import { program } from './needs.js';

interface Playwright {
  readonly chromium: { launch(options: object): Promise<unknown> };
}

/** What a machine needs to run such tests. */
export const CHROMIUM = program('chromium');

/** Where Debian's package puts it. */
const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];
const LAUNCH_TIMEOUT_MS = 120_000;

/**
 * Starts it.
 *
 * @typeParam Browser What the test uses of it: the types of the package need those of the DOM, which nothing else here may see
 */
export async function launchChromium<Browser>(): Promise<Browser> {
  const { chromium } = createRequire(import.meta.url)('playwright-core') as Playwright;
  return await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, timeout: LAUNCH_TIMEOUT_MS }) as Browser;
}
