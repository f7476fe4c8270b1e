/**
 * Refusals at startup: the code of a refused project or registry, and advice for its operator, beginning with the step that loses nothing.
 */
import { AppError } from '../base/app-error.js';
import { programCommand, shellLine } from '../base/program-command.js';
import type { Refuse } from '../config/reconcile.js';
import { UnknownEventError } from '../events/codec.js';
import type { RefusalCode } from '../store/project-table.js';

/** The entry and the log contradict each other. */
export class EntryRefusedError extends AppError {
  override readonly name = 'EntryRefusedError';
  /** Advice for the operator. */
  readonly whatToDo: string;

  constructor({ code, reason, whatToDo }: Refuse) {
    super(code, `Cannot serve the project: ${reason}`);
    this.whatToDo = whatToDo;
  }
}

/** For unreadable files and a full or failing disk, which do not prove damage. */
const OTHER_ADVICE = 'fix the reported cause, such as file permissions, a full disk or a failing disk, and restart the server';

const REFUSAL_CODES: readonly string[] = [
  'project_corrupt', 'project_missing', 'project_outdated', 'project_newer_format',
] satisfies readonly RefusalCode[];

/** The code that requests to a refused project get; `project_corrupt` for any other error that prevented it from being opened. */
export function refusalCodeOf(error: unknown): RefusalCode {
  if (error instanceof UnknownEventError) return 'project_newer_format';
  return isRefusal(error) ? error.code : 'project_corrupt';
}

/**
 * Advice on a refusal.
 *
 * @param of the project's id, or `_server`, and the path of the configuration
 * @returns sentences without a full stop at the end
 */
export function adviceOn(error: unknown, of: { readonly project: string; readonly configPath: string }): string {
  if (error instanceof EntryRefusedError) return error.whatToDo;
  if (!(isRefusal(error) || error instanceof UnknownEventError)) return OTHER_ADVICE;
  const command = programCommand(['repair', of.project, '--config', of.configPath]);
  switch (refusalCodeOf(error)) {
    case 'project_corrupt':
      return `stop the server and run "${command}": it changes nothing and says what can be kept and what would be lost, often nothing. ` +
        'Or restore the files from a sound backup';
    case 'project_missing':
      return 'mount the volume, or restore the files from a backup, and restart the server';
    case 'project_outdated':
      return 'restore the newer files and restart the server. To continue with these files, stop the server and check what would be ' +
        `lost with "${command}", which changes nothing`;
    case 'project_newer_format':
      return 'run the version that wrote it, or a newer one: nothing is damaged, and there is nothing to repair';
  }
}

/**
 * Advice on damaged files of a served project: its memory is still right, and a shutdown loses it.
 *
 * @returns sentences without a full stop at the end
 */
export function adviceOnServed(of: { readonly project: string; readonly configPath: string }): string {
  const command = programCommand(['repair', of.project, '--config', of.configPath]);
  return `save the readable values (GET /api/v1/projects/${of.project}/keys) before you stop the server. Then stop it, restore the ` +
    `file that the reason names from a backup, and restart it. Without a backup, run "${command}" instead: it changes nothing and says ` +
    'what can be kept';
}

/**
 * Advice on a project in the registry that the configuration does not name.
 *
 * @returns sentences without a full stop at the end
 */
export function adviceWithoutEntry(configPath: string): string {
  const adopt = programCommand(['serve', '--config', configPath, '--adopt']);
  return `check whether ${JSON.stringify(configPath)} is the right configuration. If it is, restore the entry; or stop the server and ` +
    `run "${adopt}", which gives the project an entry and a new API key; or delete the project`;
}

/**
 * Advice on an API key that an older copy of the configuration brought back.
 *
 * @returns sentences without a full stop at the end
 */
export function adviceOnRevivedKey(project: string): string {
  return `replace it: POST /api/v1/projects/${project}/api-key/regenerate with the global API key. ` +
    'The key that had replaced it no longer works';
}

/**
 * Advice on files that could not be moved out of the way.
 *
 * @returns sentences without a full stop at the end
 */
export function adviceOnUnmoved(dataFolder: string): string {
  const look = shellLine(['lsattr', dataFolder]);
  return `check the error: the permissions of the folder, an immutable or append-only folder or file (${look}), or a file ` +
    'system that was mounted read-only. Then delete the project again, or restart: either moves the files';
}

function isRefusal(error: unknown): error is AppError & { readonly code: RefusalCode } {
  return error instanceof AppError && REFUSAL_CODES.includes(error.code);
}
