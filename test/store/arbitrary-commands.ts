/** Generators of commands on few keys, so that commands meet the keys and the versions that commands before them made. */
import fc from 'fast-check';
import type { BatchStep, Command, Precondition } from '../../src/store/command.js';
import { arbitrarySettings } from '../events/arbitrary-events.js';

/** Keys that collide often, on both sides of where UTF-16 and UTF-8 order part. */
export const FEW_KEYS = ['a', 'a/b', 'b', '\uffff', '\u{1f600}'];

/** Highest seq that a precondition names. */
const SEQ_MAX = 30;

const key = fc.constantFrom(...FEW_KEYS);
const keyId = fc.constantFrom('0123456789abcdef', 'fedcba9876543210', null);

/** What a write may depend on. */
export const arbitraryPrecondition: fc.Arbitrary<Precondition> = fc.oneof(
  fc.constant({ kind: 'match' } as const),
  fc.record({ kind: fc.constant('match' as const), seq: fc.nat({ max: SEQ_MAX }) }),
  fc.constant({ kind: 'absent' } as const),
  fc.constant({ kind: 'never' } as const),
);

const conditional: fc.Arbitrary<{ readonly precondition?: Precondition }> = fc.oneof(
  fc.constant({}),
  arbitraryPrecondition.map((precondition) => ({ precondition })),
);

const batchStep: fc.Arbitrary<BatchStep> = fc.oneof(
  fc.record({ op: fc.constant('check' as const), key, precondition: arbitraryPrecondition }),
  fc.tuple(key, fc.nat(), conditional).map(([name, number, when]) => ({ op: 'set', key: name, value: String(number), ...when }) as const),
  fc.tuple(key, fc.boolean(), conditional).map(([name, ifExists, when]) => ({ op: 'delete', key: name, ifExists, ...when }) as const),
);

/** A command on a project that has been created. */
export const arbitraryCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(key, fc.nat(), conditional).map(([name, number, when]) => ({
      type: 'set', key: name, value: String(number), ...when,
    }) as const),
  },
  { weight: 4, arbitrary: fc.tuple(key, conditional).map(([name, when]) => ({ type: 'delete', key: name, ...when }) as const) },
  { weight: 3, arbitrary: fc.array(batchStep, { minLength: 1, maxLength: 5 }).map((steps) => ({ type: 'batch', steps }) as const) },
  { weight: 1, arbitrary: fc.constant({ type: 'clear' } as const) },
  { weight: 1, arbitrary: arbitrarySettings.map((change) => ({ type: 'project.update', change }) as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('project.update' as const), change: arbitrarySettings, keyId }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('project.key' as const), keyId }) },
);
