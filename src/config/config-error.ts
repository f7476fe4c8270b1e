/**
 * What is wrong with a configuration, in one line that a person can act on. It never shows a key or a hash.
 */

const HEXADECIMAL = 16;
/** Digits after the `\u` of an escape. */
const ESCAPE_DIGITS = 4;

/** One fault of a configuration. */
export interface ConfigFault {
  /** JSON pointer (RFC 6901) to the place; `""` for the whole file. */
  readonly pointer: string;
  /** What was expected there, as a phrase. */
  readonly expected: string;
  /** What stands there, as short JSON or as a phrase; absent where something is missing or must not be shown. */
  readonly found?: string | undefined;
  /**
   * Whether the setting is not there, or there is none of that name; absent for a wrong value. `stated`: nothing could stand there
   * instead, and {@link expected} is all that is said of the place, as in `has the same id as …`.
   */
  readonly kind?: 'missing' | 'unknown' | 'stated' | undefined;
}

/** How an {@link ConfigError} came to be. */
export interface ConfigErrorOptions {
  /** The file, where it is known. */
  readonly file?: string | undefined;
  /** What went wrong underneath. */
  readonly cause?: unknown;
}

/** A configuration that no server can be started with. The file has not been touched. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** JSON pointer to the place; `""` for the whole file. */
  readonly pointer: string;
  /** What was expected there. */
  readonly expected: string;
  /** What stands there, where that may be shown. */
  readonly found: string | undefined;
  /** See {@link ConfigFault.kind}. */
  readonly kind: ConfigFault['kind'];
  /** Absolute path of the file, undefined for a document that has none yet. */
  readonly file: string | undefined;

  constructor(fault: ConfigFault, options: ConfigErrorOptions = {}) {
    super(describe(fault, options.file), options.cause === undefined ? undefined : { cause: options.cause });
    this.pointer = fault.pointer;
    this.expected = fault.expected;
    this.found = fault.found;
    this.kind = fault.kind;
    this.file = options.file;
  }

  /**
   * Names the file of a fault that was found in its content alone.
   *
   * @param file absolute path
   */
  inFile(file: string): ConfigError {
    const { pointer, expected, found, kind, cause } = this;
    return new ConfigError({ pointer, expected, found, kind }, { file, cause });
  }
}

function describe(fault: ConfigFault, file: string | undefined): string {
  const whole = file === undefined ? 'the configuration' : `the configuration ${oneLine(JSON.stringify(file))}`;
  if (fault.kind === 'stated' && fault.pointer === '') return `Cannot use ${whole}: ${fault.expected}`;
  const place = fault.pointer === '' ? 'it' : oneLine(fault.pointer);
  return `Cannot use ${whole}: ${place} ${verdictOn(fault)}`;
}

function verdictOn({ expected, found, kind }: ConfigFault): string {
  if (kind === 'missing') return 'is missing';
  if (kind === 'unknown') return 'is no setting of this version: correct its name, or remove it';
  if (kind === 'stated') return expected;
  return found === undefined ? `must be ${expected}` : `is ${oneLine(found)}, expected ${expected}`;
}

/** Names of members come from the file and may hold anything; a message stays one line that a terminal shows as it is. */
function oneLine(text: string): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(HEXADECIMAL).padStart(ESCAPE_DIGITS, '0')}`;
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escape);
}
