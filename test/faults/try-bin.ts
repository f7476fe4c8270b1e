import { withWorkbench } from '../e2e/server-under-test.js';
import { planStrikes, runStrike } from './binary-sweep.js';
await withWorkbench(async (cut) => {
  let t = Date.now();
  const plan = await planStrikes(cut);
  if (!plan) throw new Error('none');
  const by = new Map<string, number>();
  for (const s of plan.strikes) by.set(`${s.phase} ${s.kind}`, (by.get(`${s.phase} ${s.kind}`) ?? 0) + 1);
  console.log(Date.now() - t, plan.strikes.length, by, plan.told.faults);
  const stride = Number(process.argv[2] ?? 100);
  t = Date.now(); let n = 0;
  for (let i = Number(process.argv[3] ?? 0); i < plan.strikes.length; i += stride) {
    const s = plan.strikes[i]!; n += 1;
    try { const w = await runStrike(plan, s); if (w.length) console.log('WRONG', i, w.slice(0, 3).map(x=>x.slice(0,600))); }
    catch (e) { console.log('THROWN', i, s, String((e as Error).stack).slice(0, 1500)); }
  }
  console.log('runs', n, Date.now() - t);
});
