/**
 * The commands `projects …`: list, create, show, change, compact and delete the projects of a server.
 */
import type { NewProjectJson, ProjectJson, SettingsChangeJson } from '../../api/types.js';
import { countText } from '../../base/count-text.js';
import { leavesOf } from '../../base/setting.js';
import { complain } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import { InputError } from '../input-error.js';
import { Remote, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { confirm } from './confirm.js';
import { type FormOptions, printList, printObject } from './output-form.js';
import { jsonFaultText, readInput } from './read-value.js';
import { factsText } from './table.js';

/** Options of all of them. */
export interface ProjectsOptions extends RemoteOptions, FormOptions {}

/** Options of those that take settings. */
export interface SettingsOptions extends ProjectsOptions {
  readonly set?: readonly string[];
  readonly settings?: string;
}

const ASSIGNMENT = /^([a-z_]+(?:\.[a-z_]+)*)=(.*)$/s;

/**
 * Lists the projects.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function printProjects(options: ProjectsOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('list projects', options);
  const projects = await remote.asking(signal, () => remote.admin.projects.list({ signal }));
  await printList(output, options, {
    document: { projects }, items: projects,
    heading: ['PROJECT', 'STATE', 'KEYS', 'VALUE BYTES', 'SEQ', 'UPDATED'],
    rows: projects.map((project) => [
      project.id, project.state, String(project.key_count), String(project.value_bytes), String(project.seq), project.updated_at ?? '-',
    ]),
  });
  return true;
}

/**
 * Creates a project and prints it with its API key, which is shown only here.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function makeProject(id: string, options: SettingsOptions, { output, signal }: RunContext): Promise<boolean> {
  const settings = await readSettings(options);
  const remote = await Remote.need('create a project', options);
  const project: NewProjectJson = { id, ...settings };
  const created = await remote.asking(signal, () => remote.admin.projects.create(project, { signal }));
  const key = created.api_key === null ? [] : [['api key', `${created.api_key} (shown only here)`] as const];
  await printObject(output, options, { object: created, text: () => factsText([...factsOf(created), ...key]) });
  return true;
}

/**
 * Shows a project.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function showProject(id: string | undefined, options: ProjectsOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('show a project', options);
  const place = await remote.project(id ?? options.project, signal);
  const project = await remote.asking(signal, () => place.kv.details({ signal }));
  await printObject(output, options, { object: project, text: () => factsText([...factsOf(project), ...settingsOf(project)]) });
  return true;
}

/**
 * Changes settings of a project.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function changeProject(id: string, options: SettingsOptions, { output, signal }: RunContext): Promise<boolean> {
  const settings = await readSettings(options);
  if (Object.keys(settings).length === 0) {
    throw new UsageError('Cannot change a project without settings: give --set PATH=VALUE or --settings FILE');
  }
  const remote = await Remote.need('change a project', options);
  const project = await remote.asking(signal, () => remote.admin.projects.update(id, settings, { signal }));
  const key = project.api_key === undefined ? [] : [['api key', `${project.api_key} (shown only here)`] as const];
  await printObject(output, options, { object: project, text: () => factsText([...factsOf(project), ...settingsOf(project), ...key]) });
  return true;
}

/**
 * Deletes a project and its data.
 *
 * @returns false if a person did not confirm it
 * @throws {UsageError} when it has to be confirmed
 * @throws {RemoteError} when the server refuses
 */
export async function removeProject(
  id: string, options: ProjectsOptions & { readonly yes?: boolean }, { output, signal }: RunContext,
): Promise<boolean> {
  const remote = await Remote.need('delete a project', options);
  if (options.yes !== true) {
    const { key_count: keys } = await remote.asking(signal, () => remote.admin.projects.get(id, { signal }));
    const question = `Delete the project "${id}" with ${countText(keys, 'key')} and its whole log from ${remote.origin}, permanently?`;
    if (!(await confirm({ question, answer: id, yes: false, signal }))) {
      complain('nothing was deleted');
      return false;
    }
  }
  await remote.asking(signal, () => remote.admin.projects.delete(id, { signal }));
  await printObject(output, options, { object: { id, deleted: true }, text: () => `${id}: deleted\n` });
  return true;
}

/**
 * Makes a snapshot of a project.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function compactProject(id: string, options: ProjectsOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('compact a project', options);
  const made = await remote.asking(signal, () => remote.admin.projects.compact(id, { signal, timeoutMs: COMPACTION_MS }));
  await printObject(output, options, {
    object: { id, ...made },
    text: () => {
      const { seq, key_count: keys, bytes, duration_ms: durationMs } = made;
      return `${id}: snapshot of seq ${seq}, ${countText(keys, 'key')}, ${countText(bytes, 'byte')}, ${durationMs} ms\n`;
    },
  });
  return true;
}

/** A snapshot of a large project takes minutes; in milliseconds. */
const COMPACTION_MS = 3_600_000;

function factsOf(project: ProjectJson): readonly (readonly [string, string])[] {
  return [
    ['id', project.id], ['state', project.state], ['keys', String(project.key_count)], ['value bytes', String(project.value_bytes)],
    ['seq', String(project.seq)], ['log id', project.log_id ?? '-'], ['created', project.created_at ?? '-'],
    ['updated', project.updated_at ?? '-'],
  ];
}

function settingsOf({ storage, authentication, quota }: ProjectJson): readonly (readonly [string, string])[] {
  return leavesOf({ storage, authentication, quota });
}

/**
 * Reads settings: of a file, and assignments, which come later and win.
 *
 * @throws {UsageError} for an assignment that is none
 * @throws {InputError} when the file is no JSON object
 */
async function readSettings(options: SettingsOptions): Promise<SettingsChangeJson> {
  const settings: Record<string, unknown> = options.settings === undefined ? {} : await readObject(options.settings);
  for (const assignment of options.set ?? []) {
    const [, path = '', text = ''] = ASSIGNMENT.exec(assignment) ?? [];
    if (path === '') throw new UsageError(`Cannot use --set "${assignment}": expected PATH=VALUE such as quota.max_keys=1000`);
    const names = path.split('.');
    const last = names.pop() ?? '';
    let group = settings;
    for (const name of names) group = groupIn(group, name);
    group[last] = valueOf(text);
  }
  return settings as SettingsChangeJson;
}

function groupIn(group: Record<string, unknown>, name: string): Record<string, unknown> {
  const found = Object.hasOwn(group, name) ? group[name] : undefined;
  const inner = typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  group[name] = inner;
  return inner;
}

/** JSON, or else the text itself: quotation marks are a burden in a shell. */
function valueOf(text: string): unknown {
  return jsonFaultText(text) === undefined ? JSON.parse(text) as unknown : text;
}

async function readObject(file: string): Promise<Record<string, unknown>> {
  const text = (await readInput(file)).toString();
  const fault = jsonFaultText(text);
  if (fault !== undefined) throw new InputError(`Cannot use the settings: ${fault}`);
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new InputError('Cannot use the settings: they are no JSON object');
}
