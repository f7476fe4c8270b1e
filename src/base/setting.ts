/**
 * Settings as a table: one row per setting, grouped as in the file that holds them. The type, the JSON schema, the default and the
 * documentation of a setting all derive from its row. Knows no setting.
 */

/** A JSON schema (draft 7). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What every row states. */
interface Row<T> {
  /** The value if the setting is left out. */
  readonly default: T;
  /** What the setting does, as a phrase. */
  readonly meaning: string;
  /**
   * True for a setting that is newer than the formats that store it: it is stored only if it differs from its default, so that older
   * versions, which refuse members that they do not know, read everything that does not use it. @default false
   */
  readonly omitDefault?: boolean;
  /** True for the path of a file or folder, which is relative to the place that states it. @default false */
  readonly isPath?: boolean;
}

/** One row of a table of settings. */
export interface Setting<T> extends Row<T> {
  /** Schema of the value; its `description` words what was expected in the error for a wrong value. */
  readonly schema: JsonSchema;
  /** What the number counts; null if the value is not a quantity. */
  readonly unit: string | null;
}

/** Rows and groups of rows by name. */
export interface SettingTable {
  readonly [name: string]: Setting<unknown> | SettingTable;
}

/** The values of a table, every default filled in. */
export type ValuesOf<T> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : ValuesOf<T[K]> };

/** Some values of a table: what is left out keeps its default, or its previous value. */
export type ChangeOf<T> = { readonly [K in keyof T]?: T[K] extends Setting<infer V> ? V : ChangeOf<T[K]> };

/** The unit and the range of a whole number. */
interface Quantity {
  readonly unit: string;
  readonly min: number;
  readonly max: number;
}

/** Most members of a group that an error message lists. */
const NAMES_LISTED_MAX = 4;

/** A row with a schema of its own. */
export function setting<T>(schema: JsonSchema, row: Row<T>): Setting<T> {
  return { schema, unit: null, ...row };
}

/** A row that is true or false. */
export function flag(row: Row<boolean>): Setting<boolean> {
  return setting({ type: 'boolean' }, row);
}

/** A row that is one of a few words. */
export function choice<T extends string>({ allowed, ...row }: Row<T> & { readonly allowed: readonly T[] }): Setting<T> {
  return setting({ enum: allowed }, row);
}

/** A row that is a whole number of a unit. */
export function integer({ unit, min, max, ...row }: Row<number> & Quantity): Setting<number> {
  const description = `a whole number of ${unit} from ${min} to ${max}`;
  return { schema: { type: 'integer', minimum: min, maximum: max, description }, unit, ...row };
}

/** A row that is a whole number of a unit, or null. */
export function integerOrNull({ unit, min, max, ...row }: Row<number | null> & Quantity): Setting<number | null> {
  const description = `null, or a whole number of ${unit} from ${min} to ${max}`;
  return { schema: { type: ['integer', 'null'], minimum: min, maximum: max, description }, unit, ...row };
}

/** Distinguishes a row from a group of rows. */
export function isSetting(entry: Setting<unknown> | SettingTable): entry is Setting<unknown> {
  return typeof entry.meaning === 'string';
}

/** A row and its place in the file, as `limits.max_value_bytes`. */
export interface SettingRow {
  readonly path: string;
  readonly setting: Setting<unknown>;
}

/** Lists the rows of a table and of its groups, in their order. */
export function settingRows(table: SettingTable, group = ''): readonly SettingRow[] {
  return Object.entries(table).flatMap(([name, entry]) => {
    const path = group === '' ? name : `${group}.${name}`;
    return isSetting(entry) ? [{ path, setting: entry }] : settingRows(entry, path);
  });
}

/** The default of every row. */
export function defaultsOf<T extends SettingTable>(table: T): ValuesOf<T> {
  const entries = Object.entries<Setting<unknown> | SettingTable>(table)
    .map(([name, entry]) => [name, isSetting(entry) ? entry.default : defaultsOf(entry)]);
  return Object.fromEntries(entries) as ValuesOf<T>;
}

/** The schema of an object. */
export interface ObjectSchema extends JsonSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
}

/**
 * The schema of an object with some or all values of a table, and with nothing else.
 *
 * @param extra keywords for this object and every group in it, such as `minProperties`
 */
export function schemaOf(table: SettingTable, extra: JsonSchema = {}): ObjectSchema {
  const names = Object.keys(table);
  const entries = Object.entries(table).map(([name, entry]) => [name, isSetting(entry) ? entry.schema : schemaOf(entry, extra)] as const);
  const description = names.length > NAMES_LISTED_MAX ? 'an object' : `an object with ${listText(names)}`;
  return { type: 'object', additionalProperties: false, description, properties: Object.fromEntries(entries), ...extra };
}

function listText(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/**
 * Puts a change on top of values, group by group.
 *
 * @returns new values; the arguments stay as they are
 */
export function mergeValues<T extends object>(values: T, change: object): T {
  const merged = { ...values } as Record<string, unknown>;
  for (const [name, value] of Object.entries(change)) {
    const previous = merged[name];
    merged[name] = isGroup(previous) && isGroup(value) ? mergeValues(previous, value) : value;
  }
  return merged as T;
}

/** Lists the values below a group as JSON, by their paths. */
export function leavesOf(group: object, prefix = ''): (readonly [path: string, json: string])[] {
  return Object.entries(group).flatMap(([name, value]) => (
    isGroup(value) ? leavesOf(value, `${prefix}${name}.`) : [[`${prefix}${name}`, JSON.stringify(value)] as const]
  ));
}

/** Distinguishes a group from a value: null and lists are values. */
export function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
