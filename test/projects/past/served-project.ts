/** A project of a server, and steps that change it. */
import { fc } from '../../properties.js';
import type { Answer, ServedFolder } from '../served-folder.js';

/** A change of a project, or a compaction. */
export type Step =
  | { readonly kind: 'set'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'batch'; readonly ops: readonly object[] }
  | { readonly kind: 'clear'; readonly query: string }
  | { readonly kind: 'compact' };

/**
 * Returns steps on some keys.
 *
 * @param number the numbers among the values; few of them make equal values likely
 */
export function stepOn(keys: readonly string[], number: fc.Arbitrary<number>): fc.Arbitrary<Step> {
  const key = fc.constantFrom(...keys);
  const value = fc.oneof(number, fc.constant({ n: 1, text: 'ü'.repeat(200) }), fc.constant('x'.repeat(1500)));
  const op = fc.oneof(
    fc.record({ op: fc.constant('set'), key, value }, { noNullPrototype: true }),
    fc.record({ op: fc.constant('delete'), key }, { noNullPrototype: true }),
  );
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value }, { noNullPrototype: true }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }, { noNullPrototype: true }) },
    { weight: 4, arbitrary: fc.array(op, { minLength: 1, maxLength: 5 }).map((ops) => ({ kind: 'batch' as const, ops })) },
    { weight: 2, arbitrary: fc.constantFrom('?prefix=b', '?start=a/b&end=b/2', '').map((query) => ({ kind: 'clear' as const, query })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'compact' as const }) },
  );
}

/** A project of a server, asked with the global key. */
export class ServedProject {
  readonly served: ServedFolder;
  readonly id: string;

  constructor(served: ServedFolder, id: string) {
    this.served = served;
    this.id = id;
  }

  async ask(method: string, target: string, body?: unknown, headers = {}): Promise<Answer> {
    return await this.served.ask(method, `/projects/${this.id}${target}`, { key: this.served.key('global'), body, headers });
  }

  async seq(): Promise<number> {
    return Number((await this.ask('GET', '')).body['seq']);
  }

  async take(one: Step): Promise<void> {
    if (one.kind === 'set') await this.ask('PUT', `/keys/${encodeURIComponent(one.key)}`, one.value);
    else if (one.kind === 'delete') await this.ask('DELETE', `/keys/${encodeURIComponent(one.key)}`);
    else if (one.kind === 'batch') await this.ask('POST', '/batch', { ops: one.ops });
    else if (one.kind === 'clear') await this.ask('DELETE', `/keys${one.query}`);
    else await this.ask('POST', '/compact');
  }
}
