/** The figures of an hour of a busy project, as the server shows them. */
import type { StatsJson } from '../../src/client/index.js';
import type { Page } from './browser.js';

const STEP_SECONDS = 5;
const MS_PER_SECOND = 1000;

/** Has the page find these figures, whatever the server has measured. */
export async function serveStats(page: Page): Promise<void> {
  await page.route('**/api/v1/stats?*', async (route) => {
    await route.fulfill({ status: 200, contentType: 'application/json; charset=utf-8', body: JSON.stringify(statsOf(Date.now())) });
  });
}

/** Waves with a rest in between. */
function statsOf(nowMs: number): StatsJson {
  const steps = 120;
  const wave = (height: number, period: number): readonly (number | null)[] => Array.from({ length: steps }, (_, step) => (
    step < 6 ? null : height * (1 + Math.sin(step / period) * 0.6 + Math.sin(step * 1.7) * 0.15)
  ));
  return {
    step_seconds: STEP_SECONDS,
    start: new Date(nowMs - steps * STEP_SECONDS * MS_PER_SECOND).toISOString(),
    series: {
      requests: wave(420, 9), writes: wave(130, 14), problems_4xx: wave(4, 5), problems_5xx: wave(0, 5), keys: wave(194, 40),
      value_bytes: wave(18_700, 40), queue_commands: wave(3, 7), sync_p50_seconds: wave(0.002, 11), sync_p99_seconds: wave(0.009, 8),
    },
  };
}
