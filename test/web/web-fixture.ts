/**
 * What the tests of one file share: a server and a browser, from the first test that needs them to the end of the last.
 */
import { CHROMIUM, launchChromium } from '../chromium.js';
import { Workbench } from '../e2e/server-under-test.js';
import type { TestBody, TestOptions } from '../suite.js';
import { type Browser, type Page, type PageOptions, type WatchedPage, withPage } from './browser.js';

/** What a test is given. */
export interface WebTest<Sample> {
  readonly page: Page;
  readonly sample: Sample;
  readonly bench: Workbench;
  readonly browser: Browser;
  readonly watched: WatchedPage;
}

interface Shared<Sample> {
  readonly bench: Workbench;
  readonly sample: Sample;
  readonly browser: Browser;
}

const TIMEOUT_MS = 240_000;

/** Opens what the tests of a file share. */
export class WebFixture<Sample extends { readonly origin: string }> {
  readonly #start: (bench: Workbench) => Promise<Sample>;
  #shared: Promise<Shared<Sample>> | undefined;
  #leftCount = 0;

  /** @param start starts the server of the file */
  constructor(start: (bench: Workbench) => Promise<Sample>) {
    this.#start = start;
  }

  /** The body and the options of a test that gets a page of its own. */
  test(body: (given: WebTest<Sample>) => Promise<void>, options: PageOptions = {}): [TestBody, TestOptions] {
    this.#leftCount += 1;
    return [async () => {
      try {
        const { browser, sample, bench } = await (this.#shared ??= this.#share());
        await withPage(browser, sample.origin, async (page, watched) => await body({ page, sample, bench, browser, watched }), options);
      } finally {
        this.#leftCount -= 1;
        if (this.#leftCount === 0) await this.#close();
      }
    }, { needs: [CHROMIUM], timeoutMs: TIMEOUT_MS }];
  }

  async #close(): Promise<void> {
    const shared = await this.#shared?.catch(() => undefined);
    await shared?.browser.close();
    await shared?.bench.clear();
  }

  async #share(): Promise<Shared<Sample>> {
    const bench = new Workbench();
    try {
      return { bench, sample: await this.#start(bench), browser: await launchChromium<Browser>() };
    } catch (error) {
      await bench.clear();
      throw error;
    }
  }
}
