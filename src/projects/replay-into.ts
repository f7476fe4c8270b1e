/**
 * Replays the lines of a log into a projection.
 */
import { invariant } from '../base/invariant.js';
import type { TextPlace } from '../base/text-place.js';
import { decodeLineEvent, decodeSetIn } from '../events/codec.js';
import { idempotencyKeyIn, IDEMPOTENT_PREFIX } from '../events/idempotency.js';
import type { AnyEvent, Recorded } from '../events/event.js';
import type { ReplayLine } from '../log/log-home.js';
import type { LogLine } from '../log/log.js';
import type { Projection } from '../projections/projection.js';

const PREFIX = Buffer.from(IDEMPOTENT_PREFIX);

/** An event of a line. Asks the line only for what the projection asks for: a log may have to decode it. */
class ReplayedEvent<E extends AnyEvent> implements Recorded<E> {
  readonly event: E;
  readonly #line: LogLine;

  constructor(event: E, line: LogLine) {
    this.event = event;
    this.#line = line;
  }

  get seq(): number {
    return this.#line.seq;
  }

  get timeMs(): number {
    return this.#line.timeMs;
  }

  get actor(): string {
    return this.#line.actor;
  }

  get idempotencyKey(): string | undefined {
    return this.#line.requestBeginsWith?.(PREFIX) === false ? undefined : idempotencyKeyIn(this.#line.request);
  }

  get hash(): string {
    return this.#line.hash;
  }

  get tag(): number | undefined {
    return this.#line.hashHead;
  }

  get place(): TextPlace | undefined {
    return this.#line.place;
  }
}

/**
 * Makes the function that a log calls for each line that it replays.
 *
 * @param owner owner of the log, for the message: `a project` or `the server`
 * @param isOwn whether an event belongs into this log
 * @returns applies one line; throws `UnknownEventError` for an event of a newer version
 */
export function replayInto<E extends AnyEvent>(
  projection: Projection<E>,
  owner: string,
  isOwn: (event: AnyEvent) => event is E,
): ReplayLine {
  return (line) => {
    const event = decodeLine(line);
    invariant(isOwn(event), () => `"${line.op}" at seq ${line.seq} is an event of ${owner}`);
    projection.apply(new ReplayedEvent(event, line));
  };
}

function decodeLine(line: LogLine): AnyEvent {
  const { op, bodyRange } = line;
  return (op === 'set' && bodyRange !== undefined ? decodeSetIn(bodyRange) : undefined) ?? decodeLineEvent(line);
}
