import { allFaults, judgeRest, liveAnew, lossesOf } from './fault-sweep.js';
const t0 = Date.now();
const { disk, lived } = await liveAnew();
console.log('life', Date.now() - t0, 'ms calls', disk.calls.length, lived.step, lived.told.faults, [...lived.told.projects].map(([i, p]) => [i, p.presence, p.place]));
console.log([...disk.contents()].map(([n, b]) => `${n} ${b.length}`).join('\n'));
let t = Date.now();
console.log(await judgeRest(disk.crash(), lived.told), Date.now() - t);
const faults = await allFaults();
const by = new Map<string, number>();
for (const f of faults) by.set(f.kind, (by.get(f.kind) ?? 0) + 1);
console.log(faults.length, by);
const stride = Number(process.argv[2] ?? 50);
const only = process.argv[3];
t = Date.now();
let runs = 0, states = 0;
const seen = new Map<string, number>();
for (let i = Number(process.argv[4] ?? 0); i < faults.length; i += stride) {
  const fault = faults[i]!;
  if (only !== undefined && !fault.kind.startsWith(only)) continue;
  runs += 1;
  const wrong: string[] = [];
  try {
    const run = await liveAnew(fault);
    wrong.push(...run.lived.told.faults.map((f) => `in life: ${f}`));
    for (const [name, loss] of Object.entries(lossesOf(fault))) {
      states += 1;
      const told = run.lived.told;
      for (const f of await judgeRest(run.disk.crash(loss), told)) wrong.push(`${name}: ${f}`);
    }
    if (wrong.length > 0) console.log('WRONG', i, fault.label, 'in', run.lived.step, '\n   ', wrong.slice(0, 3).map((w) => w.slice(0, 700)).join('\n    '));
  } catch (e) { console.log('THROWN', i, fault.label, e); }
}
console.log('runs', runs, 'states', states, Date.now() - t, seen);
