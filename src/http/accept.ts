/**
 * Content negotiation: which of the types of an answer the header `Accept` asks for (RFC 9110, section 12.5.1). Knows no route.
 */
import { AppError } from '../base/app-error.js';
import type { Exchange } from './exchange.js';

/** A media range of the header. */
interface MediaRange {
  /** Lower case: `type/subtype`, `type/*` or the range of all types. */
  readonly text: string;
  /** From 0, not acceptable, to 1. */
  readonly quality: number;
}

/** How well a range describes a type. Of two that describe it, the more specific one decides. */
interface Fit {
  readonly quality: number;
  readonly specificity: number;
  /** Position in the header. */
  readonly position: number;
}

const ALL_TYPES = '*/*';
// Its commas and semicolons separate nothing. The end is optional, so that no text is looked at twice.
const QUOTED = /"(?:[^"\\]|\\.)*"?/g;
const QUALITY = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;
const QUALITY_NAME = 'q=';

/**
 * Chooses the type of an answer, and refuses a request that accepts none. A problem document for the request has `Vary: Accept` then.
 *
 * @param offered the types, the default one first; without parameters
 * @throws {AppError} `not_acceptable`
 */
export function chooseType<T extends string>(exchange: Exchange, offered: readonly T[]): T {
  // What refuses the request from here on may depend on the type as well.
  exchange.problemHeaders = ['Vary', 'Accept'];
  const chosen = acceptable(exchange.request.headers.accept, offered);
  if (chosen !== undefined) return chosen;
  throw new AppError('not_acceptable', `Cannot answer in a type that Accept allows: the types are ${offered.join(', ')}`);
}

/**
 * Returns the type that a client prefers: that of the highest quality, then the one that it names rather than includes in a range, then the
 * one that it names first.
 *
 * @param header the value of `Accept`; without it, or with an empty one, everything is acceptable
 * @param offered the types, the default one first; without parameters
 * @returns undefined if none is acceptable
 */
export function acceptable<T extends string>(header: string | undefined, offered: readonly T[]): T | undefined {
  if (header === undefined || header.trim() === '') return offered[0];
  const ranges = header.replace(QUOTED, '').split(',').map(readRange);
  let chosen: T | undefined;
  let best: Fit | undefined;
  for (const type of offered) {
    const fit = fitOf(type, ranges);
    if (fit === undefined || fit.quality === 0 || (best !== undefined && !isBetter(fit, best))) continue;
    [chosen, best] = [type, fit];
  }
  return chosen;
}

/** Parameters other than the quality are ignored: no answer has two forms that differ in them. Undefined for what is not a range. */
function readRange(element: string): MediaRange | undefined {
  const [text = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
  if (text === '') return undefined;
  const quality = parameters.find((parameter) => parameter.startsWith(QUALITY_NAME))?.slice(QUALITY_NAME.length) ?? '1';
  return QUALITY.test(quality) ? { text, quality: Number(quality) } : undefined;
}

function fitOf(type: string, ranges: readonly (MediaRange | undefined)[]): Fit | undefined {
  // From the least specific to the most specific.
  const described = [ALL_TYPES, `${type.slice(0, type.indexOf('/'))}/*`, type];
  let best: Fit | undefined;
  for (const [position, range] of ranges.entries()) {
    const specificity = range === undefined ? -1 : described.indexOf(range.text);
    if (range === undefined || specificity < 0) continue;
    const { quality } = range;
    const isCloser = best === undefined || specificity > best.specificity;
    if (isCloser || (specificity === best?.specificity && quality > best.quality)) best = { quality, specificity, position };
  }
  return best;
}

function isBetter(one: Fit, other: Fit): boolean {
  if (one.quality !== other.quality) return one.quality > other.quality;
  if (one.specificity !== other.specificity) return one.specificity > other.specificity;
  return one.position < other.position;
}
