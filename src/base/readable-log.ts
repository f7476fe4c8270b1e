/**
 * The readable form of the server log for a terminal: one line per request, any other entry as its message with its fields below.
 * Control characters are escaped, because a terminal executes those that a client sent.
 */
import pretty from 'pino-pretty';

/** The message of the access log. */
const REQUEST_MESSAGE = 'request';
/** C0 and C1 controls, Unicode line separators, and bidirectional control characters. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const UNSAFE_BUT_LINE_FEED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** The only field that keeps its line feeds: written by the engine, and unreadable on one line. */
const STACK_FIELD = 'stack';
const HEXADECIMAL = 16;
const ESCAPE_DIGITS = 4;
/** Shortens a key id to what distinguishes the few keys of a project. */
const LONG_KEY_ID = /#([0-9a-f]{4})[0-9a-f]+$/;
const SERVER_ERROR_FIRST = 500;
const UNKNOWN = '-';

type Fields = Readonly<Record<string, unknown>>;

/** Returns a function that formats one JSON line of the server log, ending in a line feed. */
export function createReadableForm(): (line: string) => string {
  const options = {
    translateTime: 'SYS:HH:MM:ss.l',
    customPrettifiers: { time: (time: unknown) => String(time) },
  };
  const showAll = pretty.prettyFactory(options);
  const showRequest = pretty.prettyFactory({ ...options, hideObject: true, messageFormat: describeRequest });
  return (line) => {
    const fields = escapeFields(JSON.parse(line) as Fields);
    return fields['msg'] === REQUEST_MESSAGE && 'route' in fields ? showRequest(fields) : showAll(fields);
  };
}

/** Status, method and route come first. */
function describeRequest(fields: Fields): string {
  const { status, method, duration_ms: durationMs, actor, remote, code, request_id: requestId, aborted } = fields;
  const isFailure = typeof status === 'number' && status >= SERVER_ERROR_FIRST;
  return [
    status ?? UNKNOWN,
    method ?? UNKNOWN,
    routeOf(fields),
    typeof durationMs === 'number' ? `${durationMs.toFixed(1)} ms` : UNKNOWN,
    typeof actor === 'string' ? actor.replace(LONG_KEY_ID, '#$1…') : UNKNOWN,
    remote ?? UNKNOWN,
    ...(code === undefined ? [] : [code]),
    ...(aborted === true ? ['(client disconnected)'] : []),
    // Leads to the line with the reason.
    ...(isFailure ? [requestId] : []),
  ].map(String).join(' ');
}

/** The route pattern with the project id filled in. Keys of data are never logged. */
function routeOf({ route, project }: Fields): string {
  if (typeof route !== 'string') return UNKNOWN;
  return route.replace(':id', typeof project === 'string' ? project : ':id').replace('*key', ':key');
}

function escapeFields(fields: object): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [escape(name, UNSAFE), escapeValue(name, value)]));
}

function escapeValue(name: string, value: unknown): unknown {
  if (typeof value === 'string') return escape(value, name === STACK_FIELD ? UNSAFE_BUT_LINE_FEED : UNSAFE);
  if (Array.isArray(value)) return value.map((item) => escapeValue('', item));
  return typeof value === 'object' && value !== null ? escapeFields(value) : value;
}

function escape(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(HEXADECIMAL).padStart(ESCAPE_DIGITS, '0')}`);
}
