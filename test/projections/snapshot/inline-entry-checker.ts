/** Checks pieces of snapshots in this thread, but takes their memory away as another thread would. */
import { checkEntries, type EntryChecker } from '../../../src/projections/snapshot/checked-entries.js';

export const INLINE_ENTRY_CHECKER: EntryChecker = {
  piecesMax: 2,
  textBytesMin: 1,
  checkEntries: async (piece) => {
    await Promise.resolve();
    return checkEntries(structuredClone(piece, { transfer: [piece.memory] }));
  },
};
