/**
 * Settings from outside the file: the environment and the command line, which override it and are never written into it. Pure: the caller
 * reads the environment.
 */
import path from 'node:path';
import { compileSchema, type SchemaCheck } from '../base/json-schema.js';
import { nearestWord } from '../base/nearest-word.js';
import { isGroup, type JsonSchema, mergeValues, type SettingRow, settingRows } from '../base/setting.js';
import { checkConfig } from './check-config.js';
import type { ConfigDocument } from './config-document.js';
import { ConfigError } from './config-error.js';
import { OUTSIDE_TABLE, SETTINGS } from './settings-table.js';

/** The prefix of every variable of this program. */
const PREFIX = 'SIMPLEKV_';

/** Kubernetes sets these for a service of this name. */
const INJECTED = /^SIMPLEKV_(SERVICE_|PORT($|_))/;

/** The variable that names the configuration. */
export const CONFIG_VARIABLE = 'SIMPLEKV_CONFIG';
/** The variable that names the file with the global API key of a first run. */
export const GLOBAL_KEY_FILE_VARIABLE = 'SIMPLEKV_GLOBAL_KEY_FILE';

/** Variables that set no setting: of the start, and of the commands that ask a server. */
const OTHER_VARIABLES: readonly string[] = [
  CONFIG_VARIABLE, GLOBAL_KEY_FILE_VARIABLE, 'SIMPLEKV_URL', 'SIMPLEKV_PROJECT', 'SIMPLEKV_KEY', 'SIMPLEKV_KEY_FILE', 'SIMPLEKV_PROFILE',
  'SIMPLEKV_COMPLETE_KEYS',
];

/** A setting that the file does not decide. */
export interface OutsideSetting {
  /** As `limits.max_value_bytes`. */
  readonly path: string;
  /** Fits the schema of its row. A path is absolute. */
  readonly value: unknown;
  readonly origin: 'command line' | 'environment';
  /** The variable or the option, as `SIMPLEKV_SERVER_PORT` or `--port`. */
  readonly source: string;
}

interface OutsideRow extends SettingRow {
  readonly check: SchemaCheck<unknown>;
}

const ROWS: ReadonlyMap<string, OutsideRow> = new Map(
  settingRows(OUTSIDE_TABLE).map((row) => [row.path, { ...row, check: compileSchema(row.setting.schema) }] as const),
);

const ROWS_BY_VARIABLE: ReadonlyMap<string, OutsideRow> = new Map(
  [...ROWS.values()].map((row) => [variableOf(row.path), row] as const),
);

/** Settings that only the file and the API have. */
const PROJECT_VARIABLES: ReadonlySet<string> = new Set(
  settingRows(SETTINGS).map((row) => variableOf(row.path)).filter((name) => !ROWS_BY_VARIABLE.has(name)),
);

/** Returns the variable of a setting: `SIMPLEKV_LIMITS__MAX_VALUE_BYTES` for `limits.max_value_bytes`. */
export function variableOf(setting: string): string {
  return `${PREFIX}${setting.toUpperCase().replaceAll('.', '__')}`;
}

/**
 * Reads the settings in an environment, and refuses variables of this program that it does not know: a mistyped one would be ignored.
 *
 * @throws {ConfigError} that names the variable
 */
export function environmentSettings(environment: Readonly<Record<string, string | undefined>>): readonly OutsideSetting[] {
  const settings: OutsideSetting[] = [];
  for (const name of Object.keys(environment).toSorted()) {
    const text = environment[name];
    if (text === undefined || !name.startsWith(PREFIX) || INJECTED.test(name) || OTHER_VARIABLES.includes(name)) continue;
    const row = ROWS_BY_VARIABLE.get(name);
    if (row === undefined) throw unknownVariable(name);
    settings.push({ ...readSetting(row.path, text, name), origin: 'environment' });
  }
  return settings;
}

/**
 * Reads the text of a setting from outside. A value is JSON unless the setting is a text; a list of texts may also be `a,b`.
 *
 * @param setting as `limits.max_value_bytes`
 * @param source the variable or the option, for the error
 * @throws {ConfigError} if the text does not fit the setting
 */
export function readSetting(setting: string, text: string, source: string): Omit<OutsideSetting, 'origin'> {
  const row = ROWS.get(setting);
  if (row === undefined) throw new TypeError(`"${setting}" is not a setting that can come from outside`);
  const { schema, isPath = false } = row.setting;
  const refuse = (expected: string): ConfigError => (
    new ConfigError({ pointer: '', found: text === '' ? 'empty' : JSON.stringify(text), expected }, { source })
  );
  const described = expectationOf(schema);
  if (text.trim() === '') throw refuse(`${described}; unset it to use the setting of the file`);
  const value = isText(schema) ? textOf(schema, text) : parse(schema, text);
  const result = row.check(value);
  if (!result.ok) throw refuse(result.fault.pointer === '' ? described : `${described}, each ${result.fault.expected}`);
  return { path: setting, value: isPath && typeof value === 'string' ? path.resolve(value) : value, source };
}

function isText({ type, enum: words }: JsonSchema): boolean {
  return type === 'string' || Array.isArray(words) || (Array.isArray(type) && type.includes('string'));
}

function textOf({ type }: JsonSchema, text: string): string | null {
  return text === 'null' && Array.isArray(type) && type.includes('null') ? null : text;
}

/** Text that is no JSON stays what it is, and fits no schema but that of a list. */
function parse({ type }: JsonSchema, text: string): unknown {
  const isList = type === 'array';
  if (isList && !text.trimStart().startsWith('[')) return text.split(',').map((item) => item.trim());
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function expectationOf({ description, enum: words, type }: JsonSchema): string {
  if (Array.isArray(words)) return `one of ${words.map(String).join(', ')}`;
  if (type === 'boolean') return 'true or false';
  const expected = String(description);
  return type === 'array' ? `${expected}, as a,b or as JSON` : expected;
}

function unknownVariable(name: string): ConfigError {
  if (PROJECT_VARIABLES.has(name)) {
    const expected = 'is a setting of projects, which only the configuration and the API set: unset it';
    return new ConfigError({ pointer: '', expected, kind: 'stated' }, { source: name });
  }
  const nearest = nearestWord(name, [...ROWS_BY_VARIABLE.keys(), ...OTHER_VARIABLES]);
  const expected = `is not a variable of this version; the nearest one is ${nearest ?? CONFIG_VARIABLE}. Correct its name, or unset it`;
  return new ConfigError({ pointer: '', expected, kind: 'stated' }, { source: name });
}

/** Puts the command line over the environment. */
export function outsideSettings(
  commandLine: readonly OutsideSetting[], environment: readonly OutsideSetting[],
): readonly OutsideSetting[] {
  const named = new Set(commandLine.map((setting) => setting.path));
  return [...commandLine, ...environment.filter((setting) => !named.has(setting.path))];
}

/**
 * Returns what is in force: a document under the settings from outside. Only for reading; the file keeps its own.
 *
 * @throws {ConfigError} if the whole is no configuration
 */
export function inForce(document: ConfigDocument, outside: readonly OutsideSetting[]): ConfigDocument {
  if (outside.length === 0) return document;
  let whole = document;
  for (const { path: setting, value } of outside) whole = withValue(whole, setting.split('.'), value);
  try {
    return checkConfig(whole);
  } catch (error) {
    const named = attributed(error, outside);
    const isNamed = !(named instanceof ConfigError) || named.source !== undefined;
    // The file alone is sound, so one of them is the cause.
    throw isNamed ? named : named.from(outside.map(({ source }) => source).join(', '));
  }
}

/** `null` stands for a group that is left out. */
function withValue<T extends object>(document: T, names: readonly string[], value: unknown): T {
  const [name = '', ...rest] = names;
  const previous: unknown = (document as Readonly<Record<string, unknown>>)[name];
  const next = rest.length === 0 ? value : withValue(isGroup(previous) ? previous : {}, rest, value);
  return mergeValues(document, { [name]: next });
}

/** Names the source of a faulty value that the file does not have. */
export function attributed(error: unknown, outside: readonly OutsideSetting[]): unknown {
  if (!(error instanceof ConfigError) || error.source !== undefined) return error;
  const [, top = '', ...rest] = error.pointer.split('/');
  const named = [top, ...rest].join('.');
  const exact = outside.find(({ path: setting }) => named === setting || named.startsWith(`${setting}.`));
  if (exact !== undefined) return error.from(exact.source);
  // The other settings of the group, with which the value does not agree.
  const related = outside.filter(({ path: setting }) => setting.split('.')[0] === top);
  return related.length === 0 ? error : error.from(related.map(({ source }) => source).join(', '));
}
