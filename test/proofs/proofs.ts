/** All proofs, in the order in which they are run. Each stands in a file of its own; `docs/reliability.md` has to name it. */
import { exactlyOnceProof } from './exactly-once-proof.js';
import { damageProof } from './damage-proof.js';
import { diskFullProof } from './disk-full-proof.js';
import { faultsProof } from './faults-proof.js';
import { fuzzHttpProof } from './fuzz-http-proof.js';
import { killsProof } from './kills-proof.js';
import { linearizabilityProof } from './linearizability-proof.js';
import { powerLossProof } from './power-loss-proof.js';
import type { Proof } from './proof.js';
import { saboteursProof } from './saboteurs-proof.js';
import { sweepsProof } from './sweeps-proof.js';
import { systemCallsProof } from './system-calls-proof.js';

/** Cheap ones first. */
export const PROOFS: readonly Proof[] = [
  fuzzHttpProof, linearizabilityProof, killsProof, exactlyOnceProof, diskFullProof, damageProof, sweepsProof, faultsProof, powerLossProof,
  systemCallsProof, saboteursProof,
];
