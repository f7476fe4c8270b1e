/**
 * Which changes of a project could harm more than the project, and so need the global key.
 */
import type { ProjectSettingsChange } from '../../../events/project-settings.js';

/** Storage settings that a project's own key may change. */
const OWN_STORAGE: ReadonlySet<string> = new Set(['on_disk', 'cache_in_memory']);

/**
 * Tells whether a change is guarded.
 *
 * @param change what shall differ
 * @param isOpen true where the project takes anybody: then its own key, which anybody may do without, protects nothing
 * @returns true when the global key is needed
 */
export function isGuardedChange(change: ProjectSettingsChange, isOpen: boolean): boolean {
  const storage = Object.keys(change.storage ?? {});
  if (storage.some((name) => !OWN_STORAGE.has(name))) return true;
  return isOpen && (change.authentication !== undefined || storage.includes('on_disk'));
}
