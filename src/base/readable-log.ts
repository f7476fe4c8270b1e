/**
 * The server log for people at a terminal: a request is one line, everything else is its message with its fields below. Whatever a
 * client sent is shown with its control characters escaped: a terminal carries out those that reach it.
 */
import pretty from 'pino-pretty';

/** The message of the line that each request has. */
const REQUEST_MESSAGE = 'request';
/** C0 and C1 controls, line separators of Unicode, and marks that turn the direction of what follows. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const UNSAFE_BUT_LINE_FEED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** The one field whose lines are kept: written by the engine, and unreadable in one line. */
const STACK_FIELD = 'stack';
const HEXADECIMAL = 16;
const ESCAPE_DIGITS = 4;
/** From a key's id, enough to tell the few keys of a project apart. */
const LONG_KEY_ID = /#([0-9a-f]{4})[0-9a-f]+$/;
const SERVER_ERROR_FIRST = 500;
const UNKNOWN = '-';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Makes the form that a terminal shows.
 *
 * @returns a function from one JSON line of the server log to text that ends in a line feed
 */
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

/** Status, method and route in front, since they are what is looked for. */
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
    ...(aborted === true ? ['(the client left)'] : []),
    // Leads to the line that says why.
    ...(isFailure ? [requestId] : []),
  ].map(String).join(' ');
}

/** The pattern with the project's id in it. Keys of data stand in no log. */
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
