/**
 * The commands `config show` and `config check`: which settings are in force and where each comes from, and whether a server could start
 * with them. Neither changes anything.
 */
import path from 'node:path';
import { systemClock } from '../base/clock.js';
import { countText } from '../base/count-text.js';
import { defaultsOf, isGroup, mergeValues, type SettingRow, settingRows } from '../base/setting.js';
import { ConfigError } from '../config/config-error.js';
import { type ConfigDocument, CONFIG_VERSION } from '../config/config-document.js';
import { loadConfig } from '../config/load-config.js';
import { inForce, type OutsideSetting } from '../config/outside-settings.js';
import { serverSettingsOf } from '../config/server-options.js';
import { SETTINGS } from '../config/settings-table.js';
import { readStartSource } from '../config/start-source.js';
import { NodeDisk } from '../disk/node-disk.js';
import { folderQuestions } from '../offline/folder-projects.js';
import { complain } from './command-output.js';
import { type FormOptions, formOf, printObject } from './online/output-form.js';
import { configPathOf, outsideOf, type OverridingOptions } from './outside-options.js';
import type { RunContext } from './run-command.js';

const INDENT = 2;

/** The options of both commands. */
export interface ConfigCommandOptions extends OverridingOptions, FormOptions {
  readonly config?: string;
}

/** A setting, its value in force, and what decided it. */
interface ShownSetting {
  readonly setting: string;
  readonly value: unknown;
  readonly origin: OutsideSetting['origin'] | 'file' | 'built in';
  /** The option or the variable; null for the others. */
  readonly source: string | null;
}

/** Prints the settings in force. A file that does not exist yet has none. */
export async function showSettings(options: ConfigCommandOptions, { output }: RunContext): Promise<boolean> {
  const file = path.resolve(configPathOf(options));
  const outside = outsideOf(options);
  const loaded = await loadConfig(file, outside);
  const document = loaded?.document ?? { version: CONFIG_VERSION, projects: [] };
  const whole = loaded?.inForce ?? inForce(document, outside);
  const values = mergeValues(defaultsOf(SETTINGS), mergeValues(whole, serverSettingsOf(whole)));
  const shown = settingRows(SETTINGS).map((row) => shownSetting(row, { document, values, outside, folder: path.dirname(file) }));
  const form = formOf(options);
  if (form === 'jsonl') {
    await output.print(shown.map((setting) => `${JSON.stringify(setting)}\n`).join(''));
    return true;
  }
  if (form === 'json') {
    const json = JSON.stringify({ config: file, exists: loaded !== undefined, settings: shown }, null, INDENT);
    await output.print(`${json}\n`);
    return true;
  }
  const rows = shown.map(({ setting, value, origin, source }) => [setting, JSON.stringify(value), source ?? origin] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(([name, value, from]) => `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${from}`);
  const state = loaded === undefined ? 'which does not exist yet' : countText(document.projects.length, 'project');
  await output.print(`${file}, ${state}\n\n${lines.join('\n')}\n`);
  return true;
}

interface Deciding {
  readonly document: ConfigDocument;
  /** Each setting in force. */
  readonly values: object;
  readonly outside: readonly OutsideSetting[];
  readonly folder: string;
}

function shownSetting({ path: setting, setting: row }: SettingRow, { document, values, outside, folder }: Deciding): ShownSetting {
  const names = setting.split('.');
  const value = valueAt(values, names);
  const shown = row.isPath === true && typeof value === 'string' ? path.resolve(folder, value) : value;
  const decided = outside.find((one) => one.path === setting);
  if (decided !== undefined) return { setting, value: shown, origin: decided.origin, source: decided.source };
  return { setting, value: shown, origin: valueAt(document, names) === undefined ? 'built in' : 'file', source: null };
}

function valueAt(document: object, names: readonly string[]): unknown {
  return names.reduce<unknown>((value, name) => (isGroup(value) ? value[name] : undefined), document);
}

/**
 * Makes the checks that a server makes before it takes its data folder and its port.
 *
 * @throws {ConfigError} for the first fault, and if there is no file
 */
export async function checkSettings(options: ConfigCommandOptions, { output }: RunContext): Promise<boolean> {
  const configPath = path.resolve(configPathOf(options));
  const disk = new NodeDisk();
  const source = await readStartSource({
    configPath,
    adopt: false,
    outside: outsideOf(options),
    ...folderQuestions(disk),
    nowMs: systemClock.wallMs(),
  });
  const { loaded, tls, options: { dataFolder } } = source;
  if (loaded === undefined) {
    const expected = 'there is no such file. Name another one with --config, or start the server, which writes one';
    throw new ConfigError({ pointer: '', expected, kind: 'stated' }, { file: configPath });
  }
  const warnings = [...loaded.warnings, ...(tls?.warnings ?? [])];
  for (const warning of warnings) complain(warning);
  const { length: count } = loaded.document.projects;
  const [file, folder] = [configPath, dataFolder].map((name) => JSON.stringify(name));
  await printObject(output, options, {
    object: { config: configPath, usable: true, projects: count, data: dataFolder, warnings },
    text: () => `The configuration ${file} can be used: ${countText(count, 'project')}, data folder ${folder}\n`,
  });
  return true;
}
