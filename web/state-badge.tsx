/**
 * The state of a project, and what it means.
 */
import type { ProjectJson } from '../src/client/index.js';
import { Badge } from './parts.js';

type ProjectState = ProjectJson['state'];

interface ShownState {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly label: string;
  readonly meaning: string;
}

const STATES: Readonly<Record<ProjectState, ShownState>> = {
  serving: { tone: 'good', label: 'serving', meaning: 'Reads and writes work.' },
  read_only: { tone: 'warn', label: 'read only', meaning: 'The disk is full. Reads work; writes resume once there is space.' },
  log_failed: { tone: 'bad', label: 'log failed', meaning: 'Reads work. Writes work again after a restart; the server log has the cause.' },
  corrupt: {
    tone: 'bad', label: 'corrupt', meaning: 'Not served: its files are damaged or could not be opened. docs/recovery.md says what to do.',
  },
  missing: { tone: 'bad', label: 'missing', meaning: 'Not served: its files are not in the data folder.' },
  outdated: { tone: 'bad', label: 'outdated', meaning: 'Not served: its files are older than what it had acknowledged.' },
  newer_format: { tone: 'bad', label: 'newer format', meaning: 'Not served: a newer version of the server wrote its files.' },
};

/** Shows a state. */
export function StateBadge({ state }: { readonly state: ProjectState }) {
  const { tone, label } = STATES[state];
  return <Badge tone={tone}>{label}</Badge>;
}

/** What a state means, as a sentence. */
export function stateMeaning(state: ProjectState): string {
  return STATES[state].meaning;
}

/** Whether values can be read. */
export function isReadable(state: ProjectState): boolean {
  return state === 'serving' || state === 'read_only' || state === 'log_failed';
}
