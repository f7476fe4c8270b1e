/** All saboteurs. */
import { AROUND_SABOTEURS } from './around-saboteurs.js';
import { BACKUP_SABOTEURS } from './backup-saboteurs.js';
import { CLIENT_SABOTEURS } from './client-saboteurs.js';
import { FEED_SABOTEURS } from './feed-saboteurs.js';
import { RECOVERY_SABOTEURS } from './recovery-saboteurs.js';
import type { Saboteur } from './saboteur.js';
import { SNAPSHOT_SABOTEURS } from './snapshot-saboteurs.js';
import { WRITING_SABOTEURS } from './writing-saboteurs.js';

/** Every one of them has to be caught. */
export const SABOTEURS: readonly Saboteur[] = [
  ...WRITING_SABOTEURS, ...FEED_SABOTEURS, ...RECOVERY_SABOTEURS, ...SNAPSHOT_SABOTEURS, ...BACKUP_SABOTEURS,
  ...AROUND_SABOTEURS, ...CLIENT_SABOTEURS,
];
