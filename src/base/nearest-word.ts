/**
 * Finds the word that a mistyped one was meant to be.
 */

/** Returns the word with the fewest insertions, deletions and replacements from the given one; the first of several. */
export function nearestWord(given: string, words: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const word of words) {
    const edits = editsBetween(given, word);
    if (edits >= least) continue;
    nearest = word;
    least = edits;
  }
  return nearest;
}

/** The Levenshtein distance, row by row: `row[i]` is the distance of what was read of `b` from the first i characters of `a`. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: a.length + 1 }, (_, index) => index);
  for (const [count, character] of [...b].entries()) {
    const next = [count + 1];
    for (let index = 0; index < a.length; index += 1) {
      const replaced = (row[index] ?? 0) + (a[index] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row[a.length] ?? 0;
}
