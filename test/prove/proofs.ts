/** All proofs, in the order in which they are run. Each stands in a file of its own; `docs/reliability.md` has to name it. */
import { killsProof } from './kills-proof.js';
import { linearizabilityProof } from './linearizability-proof.js';
import type { Proof } from './proof.js';
import { saboteursProof } from './saboteurs-proof.js';

/** Cheap ones first. */
export const PROOFS: readonly Proof[] = [linearizabilityProof, killsProof, saboteursProof];
