/** Strikes one call of the real program: the library of `fault-shim.c` in front of it, and its settings. */
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { compileFaultShim } from '../../e2e/fault-shim.js';

/** What happens to the struck call. */
export type StrikeKind = 'kill before' | 'kill after' | 'torn half' | 'EIO' | 'EIO for ever' | 'ENOSPC' | 'ENOSPC for ever';

/** All of them. */
export const STRIKE_KINDS: readonly StrikeKind[] = [
  'kill before', 'kill after', 'torn half', 'EIO', 'EIO for ever', 'ENOSPC', 'ENOSPC for ever',
];

/** Which call is struck, and how. */
export interface Strike {
  readonly kind: StrikeKind;
  /** From 1. */
  readonly nth: number;
}

/** A call that was counted. */
export interface CountedCall {
  readonly name: string;
  readonly path: string;
}

const GROWING_NAMES: readonly string[] = ['write', 'pwrite', 'create', 'rename', 'link', 'mkdir'];

/** Says whether a fault can strike a call: only a write is torn, and only what needs room finds none. */
export function canStrike(kind: StrikeKind, { name }: CountedCall): boolean {
  if (kind === 'torn half') return name === 'write' || name === 'pwrite';
  return !kind.startsWith('ENOSPC') || GROWING_NAMES.includes(name);
}

function actionOf(kind: StrikeKind): string {
  if (kind === 'kill before') return 'before';
  if (kind === 'kill after') return 'after';
  if (kind === 'torn half') return 'torn';
  return String(kind.startsWith('EIO') ? constants.errno.EIO : constants.errno.ENOSPC);
}

/** Where the library is, and what is counted. */
export interface StrikePlace {
  /** The library's path; built if it is not there. */
  readonly library: string;
  /** Calls on paths below this folder are counted. */
  readonly under: string;
  /** Gets a line for each. */
  readonly trace?: string;
}

/**
 * Makes the environment to start the program with.
 *
 * @param place the library, the folder
 * @param strike what is struck; undefined: nothing
 * @returns the environment, undefined where there is no compiler
 */
export async function strikeEnvironment(place: StrikePlace, strike?: Strike): Promise<Readonly<Record<string, string>> | undefined> {
  if (!(await compileFaultShim(place.library))) return undefined;
  return {
    UV_USE_IO_URING: '0',
    LD_PRELOAD: place.library,
    STRIKE_UNDER: place.under,
    ...(place.trace === undefined ? {} : { STRIKE_TRACE: place.trace }),
    ...(strike === undefined
      ? {}
      : {
          STRIKE_NTH: String(strike.nth),
          STRIKE_ACTION: actionOf(strike.kind),
          STRIKE_ONWARD: strike.kind.endsWith('for ever') ? '1' : '0',
          STRIKE_GROWTH: strike.kind.startsWith('ENOSPC') ? '1' : '0',
        }),
  };
}

/** Reads what was counted. */
export function readTrace(file: string): readonly CountedCall[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => {
    const [name = '', path = ''] = line.split(' ');
    return { name, path };
  });
}
