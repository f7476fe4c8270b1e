/** A table of settings as a list of rows with their paths. */
import { isSetting, type Setting, type SettingTable } from '../../src/base/setting.js';

/** A row and where it stands in the file, as `limits.max_value_bytes`. */
export interface SettingRow {
  readonly path: string;
  readonly setting: Setting<unknown>;
}

/**
 * Lists the rows of a table and of its groups.
 *
 * @param table The table
 * @param group The path of the table itself; empty at the top
 * @returns The rows in their order
 */
export function settingRows(table: SettingTable, group = ''): readonly SettingRow[] {
  return Object.entries(table).flatMap(([name, entry]) => {
    const path = group === '' ? name : `${group}.${name}`;
    return isSetting(entry) ? [{ path, setting: entry }] : settingRows(entry, path);
  });
}
