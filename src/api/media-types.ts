/**
 * Media types that more than one place names.
 */

/** JSON, one value a line. */
export const LINES_MEDIA_TYPE = 'application/x-ndjson';
/** Server-sent events. */
export const STREAM_MEDIA_TYPE = 'text/event-stream';
