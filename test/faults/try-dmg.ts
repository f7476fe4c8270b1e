import { sweepDamages } from './damage-sweep.js';
let t = Date.now(), shown = 0, n = 0; const seen = new Map<string, number>();
const r = await sweepDamages({ stride: Number(process.argv[2]), seed: Number(process.argv[3] ?? 0), onDamage: (rep) => {
  n++; if (n % 500 === 0) console.log(n, Date.now() - t, JSON.stringify(rep.counts));
  for (; shown < rep.faults.length; shown++) { const f = rep.faults[shown]!; const k = f.replace(/\d+/g, 'N').replace(/line N|byte N|at N/g, '').slice(0, 110); const c = (seen.get(k) ?? 0) + 1; seen.set(k, c); if (c <= 2) console.log('FAULT', f.slice(0, 500)); }
} });
console.log(r.counts, r.refusals, r.scrubbed, Date.now() - t); for (const [k, v] of [...seen].sort()) console.log(v, k);
