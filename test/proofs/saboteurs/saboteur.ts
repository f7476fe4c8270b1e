/**
 * A saboteur: a small change to the source that breaks one promise, and the tests that have to notice. A test that cannot notice
 * proves nothing when it passes.
 */

/** One change of the source. */
export type SourceChange = SourcePlace & (
  /** Takes the place of the fragment. */
  | { readonly replace: string }
  /** Takes the place of the whole statement that the fragment is in; removes it when empty. */
  | { readonly statement: string }
  /** Goes in front of the statement that the fragment is in. */
  | { readonly before: string }
);

/** Where a change is made. */
export interface SourcePlace {
  /** Path from the top of the project. */
  readonly file: string;
  /** A short fragment of code that occurs exactly once in the file, so that rewriting the code around it leaves it findable. */
  readonly find: string;
}

/** A broken build. */
export interface Saboteur {
  /** What is broken, in words with hyphens. */
  readonly name: string;
  readonly changes: readonly SourceChange[];
  /** Test files without their ending, by path below `test`: the few that have to notice. Each of them alone must. */
  readonly tests: readonly string[];
}

/** What became of a saboteur. */
export type SaboteurVerdict =
  /** A test failed because of what it saw. */
  | { readonly kind: 'caught'; readonly by: string }
  | { readonly kind: 'missed'; readonly why: string }
  /** The change, or the harness, did not work as planned, so nothing was shown. */
  | { readonly kind: 'spoiled'; readonly why: string };
