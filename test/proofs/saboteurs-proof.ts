/** The proof that the tests can fail: builds that are broken on purpose are noticed, every one of them. */
import { judgeSaboteurs } from './saboteurs/judge-saboteurs.js';
import type { Saboteur } from './saboteurs/saboteur.js';
import { SABOTEURS } from './saboteurs/saboteurs.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** Fast ones, of both sides of the disk. */
const SHORT_NAMES: readonly string[] = ['ignore-short-write', 'accept-a-missing-segment'];

/** Takes no seed: what is broken is the same each time. */
export const saboteursProof: Proof = {
  name: 'saboteurs',
  counts: ['saboteurs'],
  projects: 1,
  takesDurability: false,
  short: (run) => proveSaboteurs(run, SABOTEURS.filter(({ name }) => SHORT_NAMES.includes(name))),
  long: (run) => proveSaboteurs(run, SABOTEURS),
};

async function proveSaboteurs(run: ProofRun, saboteurs: readonly Saboteur[]): Promise<ProofReport> {
  let done = 0;
  const judged = await judgeSaboteurs(saboteurs, {
    onVerdict: ({ saboteur, verdict }) => {
      done += 1;
      run.say(`${done} of ${saboteurs.length}: ${saboteur.name} ${verdict.kind}`);
    },
  });
  const found = judged.filter(({ verdict }) => verdict.kind === 'caught').length;
  const faults = judged.flatMap(({ saboteur, verdict }) => (
    verdict.kind === 'caught' ? [] : [`${saboteur.name} was ${verdict.kind}: ${verdict.why}`]
  ));
  return { counts: { saboteurs: { found, total: saboteurs.length } }, faults };
}
