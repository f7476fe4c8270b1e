/**
 * What is wrong with a configuration, in one line. The line never shows an API key or a hash.
 */

const HEXADECIMAL = 16;
/** Digits after the `\u` of an escape. */
const ESCAPE_DIGITS = 4;

/** One fault of a configuration. */
export interface ConfigFault {
  /** JSON pointer (RFC 6901) to the value; `""` for the whole file. */
  readonly pointer: string;
  /** The expected value, as a phrase. */
  readonly expected: string;
  /** The value, as short JSON or as a phrase; absent if it is missing or must not be shown. */
  readonly found?: string | undefined;
  /**
   * Whether the setting is missing, or unknown to this version; absent for a wrong value. `stated`: no other value would do, and
   * {@link expected} is the whole statement about it, as in `has the same id as …`.
   */
  readonly kind?: 'missing' | 'unknown' | 'stated' | undefined;
}

/** Where a {@link ConfigError} comes from. */
interface ConfigErrorOptions {
  /** Absolute path of the file, if known. */
  readonly file?: string | undefined;
  /** What set the value instead of the file, as `SIMPLEKV_SERVER_PORT` or `--port`. */
  readonly source?: string | undefined;
  readonly cause?: unknown;
}

/** The configuration cannot be used. The file is unchanged. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** See {@link ConfigFault.pointer}. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string | undefined;
  readonly kind: ConfigFault['kind'];
  /** Absolute path of the file; undefined for a document without one. */
  readonly file: string | undefined;
  /** What set the value instead of the file; undefined if the file did. */
  readonly source: string | undefined;

  constructor(fault: ConfigFault, options: ConfigErrorOptions = {}) {
    super(describe(fault, options), options.cause === undefined ? undefined : { cause: options.cause });
    this.pointer = fault.pointer;
    this.expected = fault.expected;
    this.found = fault.found;
    this.kind = fault.kind;
    this.file = options.file;
    this.source = options.source;
  }

  /** The same error with the absolute path of the file. */
  inFile(file: string): ConfigError {
    const { pointer, expected, found, kind, source, cause } = this;
    return new ConfigError({ pointer, expected, found, kind }, { file, source, cause });
  }

  /** The same error of a value that the file does not have. */
  from(source: string): ConfigError {
    const { pointer, expected, found, kind, file, cause } = this;
    return new ConfigError({ pointer, expected, found, kind }, { file, source, cause });
  }
}

function describe(fault: ConfigFault, { file, source }: ConfigErrorOptions): string {
  if (source !== undefined) return `Cannot use ${source}: ${fault.pointer === '' ? 'it' : oneLine(fault.pointer)} ${verdictOn(fault)}`;
  const whole = file === undefined ? 'the configuration' : `the configuration ${oneLine(JSON.stringify(file))}`;
  if (fault.kind === 'stated' && fault.pointer === '') return `Cannot use ${whole}: ${fault.expected}`;
  const subject = fault.pointer === '' ? 'it' : oneLine(fault.pointer);
  return `Cannot use ${whole}: ${subject} ${verdictOn(fault)}`;
}

function verdictOn({ expected, found, kind }: ConfigFault): string {
  if (kind === 'missing') return 'is missing: docs/configuration.md shows what belongs there';
  if (kind === 'unknown') return 'is not a setting of this version: correct its name, or remove it';
  if (kind === 'stated') return expected;
  return found === undefined ? `must be ${expected}` : `is ${oneLine(found)}, expected ${expected}`;
}

/** Names of members come from the file and may contain anything: escapes what would break the line or control a terminal. */
function oneLine(text: string): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(HEXADECIMAL).padStart(ESCAPE_DIGITS, '0')}`;
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escape);
}
