/** Where test processes note the answers that they have seen: apart, because the runner needs nothing else of the document. */

/** Names the file to which each process adds lines of a route and a status. */
export const SEEN_VARIABLE = 'TEST_SEEN_ANSWERS';
