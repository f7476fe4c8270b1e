import { sweepPowerLosses, sweepRecoveries } from './sweeps.js';
const n = Number(process.argv[2]), seed = Number(process.argv[3] ?? 1);
let t = Date.now(); let shown = 0;
const p = await sweepPowerLosses({ runs: n, seed, onRun: (r) => { for (; shown < r.faults.length && shown < 12; shown++) console.log(r.faults[shown]!.slice(0, 900)); } }, 5);
console.log(p.runs, p.states, p.faults.length, Date.now() - t);
t = Date.now();
const q = await sweepRecoveries({ runs: Math.ceil(n / 4), seed, killsPerRecovery: 6 });
for (const f of q.faults.slice(0, 8)) console.log(f.slice(0, 900));
console.log(q.runs, q.states, q.faults.length, Date.now() - t);
