/** Generators of the values of a table of settings, for tests by example: a new row is covered without another word. */
import fc from 'fast-check';
import { type ChangeOf, isSetting, type JsonSchema, type Setting, type SettingTable, type ValuesOf } from '../../src/base/setting.js';

/** Plain objects, as literals are: by default some are made without a prototype, which strict equality tells apart. */
const PLAIN = { noNullPrototype: true } as const;

/** Any value for every row. */
export function arbitraryValues<T extends SettingTable>(table: T): fc.Arbitrary<ValuesOf<T>> {
  const rows = Object.entries<Setting<unknown> | SettingTable>(table)
    .map(([name, entry]) => [name, isSetting(entry) ? arbitraryValue(entry) : arbitraryValues(entry)] as const);
  return fc.record(Object.fromEntries(rows), PLAIN) as fc.Arbitrary<ValuesOf<T>>;
}

/** Any value for any of the rows. */
export function arbitraryChange<T extends SettingTable>(table: T): fc.Arbitrary<ChangeOf<T>> {
  const rows = Object.entries<Setting<unknown> | SettingTable>(table)
    .map(([name, entry]) => [name, isSetting(entry) ? arbitraryValue(entry) : arbitraryChange(entry)] as const);
  return fc.record(Object.fromEntries(rows), { ...PLAIN, requiredKeys: [] }) as fc.Arbitrary<ChangeOf<T>>;
}

/** Each schema gives as many values that are not the default as the default itself. */
function arbitraryValue(row: Setting<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(fc.constant(row.default), arbitraryOf(row.schema));
}

function arbitraryOf({ type, enum: allowed, minimum, maximum }: JsonSchema): fc.Arbitrary<unknown> {
  if (Array.isArray(allowed)) return fc.constantFrom(...(allowed as readonly unknown[]));
  if (type === 'boolean') return fc.boolean();
  const integers = fc.integer({ min: Number(minimum), max: Number(maximum) });
  if (type === 'integer') return integers;
  if (Array.isArray(type) && type.includes('integer')) return fc.option(integers);
  throw new Error(`There is no generator for ${JSON.stringify(type)}`);
}
