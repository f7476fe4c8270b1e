import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { BatchedChange } from '../../src/events/event.js';
import { KeyValues } from '../../src/projections/key-values.js';
import {
  type IsTouchedSince, placeInSnapshot, type PlacedVersion, placesOfValues, touchedSinceOlderSource, touchedSinceSnapshot, type ValuePlace,
} from '../../src/projections/value-place.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { PlacedEvents } from './placed-events.js';

const test = suite('projections/relocated-values');
/** Distance of two values in a generation: none is as long. */
const ENTRY_BYTES = 100;

interface Segment {
  readonly firstSeq: number;
  lastSeq: number;
  readonly events: PlacedEvents;
}

/** A project with values on disk, and all files that it ever had. */
class ColdProject {
  readonly values = new KeyValues({ isCaching: false });
  readonly model = new Map<string, { readonly value: string; readonly seq: number }>();
  readonly segments: Segment[] = [{ firstSeq: 1, lastSeq: 0, events: new PlacedEvents(1) }];
  readonly generations = new Map<number, ReadonlyMap<string, { readonly value: string; readonly seq: number }>>();
  /** Sets that the log has. */
  readonly sets: PlacedVersion[] = [];
  seq = 0;

  apply(change: BatchedChange): void {
    this.seq += 1;
    const segment = this.segments.at(-1) ?? assert.fail();
    const recorded = segment.events.recordedAt(change, this.seq);
    segment.lastSeq = this.seq;
    this.values.apply(recorded);
    const { key } = change;
    const known = this.model.get(key);
    if (change.op === 'delete') this.model.delete(key);
    else this.model.set(key, { value: 'value' in change ? change.value : known?.value ?? assert.fail(), seq: this.seq });
    const [place] = placesOfValues(change, recorded.place ?? assert.fail());
    if (place !== undefined) this.sets.push({ key, seq: this.seq, place });
  }

  rotate(): void {
    if (this.segments.at(-1)?.lastSeq === 0 || this.segments.at(-1)?.firstSeq === this.seq + 1) return;
    this.segments.push({ firstSeq: this.seq + 1, lastSeq: 0, events: new PlacedEvents(this.seq + 1) });
  }

  /** Makes a generation of this moment. */
  snapshot(): number {
    this.generations.set(this.seq, new Map(this.model));
    return this.seq;
  }

  versionsIn(generation: number): PlacedVersion[] {
    return [...(this.generations.get(generation) ?? [])].map(([key, { value, seq }], index) => {
      const place = { offset: index * ENTRY_BYTES, sizeBytes: Buffer.byteLength(value), crc: crc32(value) };
      return { key, seq, place: placeInSnapshot(generation, place) };
    });
  }

  /** Tells whether a segment is sealed, and in a generation with all of its lines. */
  isCovered(segment: number, generation: number): boolean {
    const at = this.segments.findIndex(({ firstSeq }) => firstSeq === segment);
    const { lastSeq } = this.segments[at] ?? assert.fail();
    return at < this.segments.length - 1 && lastSeq <= generation;
  }

  relocate(versions: readonly PlacedVersion[], isTouchedSince: IsTouchedSince): void {
    for (const version of versions) this.values.relocate(version, isTouchedSince);
  }

  relocateTo(generation: number): void {
    this.relocate(this.versionsIn(generation), touchedSinceSnapshot((segment) => this.isCovered(segment, generation)));
  }

  textAt({ file, offset, sizeBytes }: ValuePlace): string | undefined {
    const segment = this.segments.find(({ firstSeq }) => firstSeq === file);
    if (segment !== undefined) return segment.events.bytes.subarray(offset, offset + sizeBytes).toString();
    return [...(this.generations.get(-file) ?? new Map<string, { value: string }>()).values()][offset / ENTRY_BYTES]?.value;
  }

  /** Compares all values with the model. Returns the files that they are read from. */
  compare(): ReadonlySet<number> {
    const files = new Set<number>();
    assert.equal(this.values.count, this.model.size);
    for (const [key, { value, seq }] of this.model) {
      const entry = this.values.get(key) ?? assert.fail();
      assert.ok(typeof entry.value !== 'string', key);
      assert.deepEqual([this.textAt(entry.value), entry.seq], [value, seq]);
      files.add(entry.value.file);
    }
    return files;
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
/** Some are as long as others. */
const value = fc.constantFrom('1', '2', '"x"', '"y"', '"long"');
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('set' as const), key, value }, { noNullPrototype: true }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('touch' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }, { noNullPrototype: true }) },
  { weight: 2, arbitrary: fc.constant({ op: 'rotate' as const }) },
);
const steps = fc.array(step, { maxLength: 12 });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function take(project: ColdProject, taken: readonly Step[]): void {
  for (const one of taken) {
    if (one.op === 'rotate') project.rotate();
    else if (one.op === 'set' || project.model.has(one.key)) {
      project.apply(one.op === 'touch' ? { ...one, expires_at: new Date(project.seq).toISOString() } : one);
    }
  }
}

test('once values are relocated to a generation, none is read from an older one or from a segment that it covers', () => {
  fc.assert(fc.property(fc.array(fc.tuple(steps, steps), { minLength: 1, maxLength: 5 }), (rounds) => {
    const project = new ColdProject();
    for (const [before, during] of rounds) {
      take(project, before);
      if (project.seq === 0) continue;
      const generation = project.snapshot();
      take(project, during);
      project.relocateTo(generation);
      for (const file of project.compare()) {
        assert.ok(file < 0 ? -file === generation : !project.isCovered(file, generation), `${file} after ${generation}`);
      }
    }
  }));
});

test('once values are relocated to older sources, none is read from a discarded generation', () => {
  const later = fc.array(steps, { minLength: 2, maxLength: 4 });
  const history = fc.record({ first: steps, second: steps, later, hasFallback: fc.boolean() });
  fc.assert(fc.property(history, ({ first, second, later: rounds, hasFallback }) => {
    const project = new ColdProject();
    take(project, [{ op: 'set', key: 'a', value: '1' }, ...first]);
    const fallback = project.snapshot();
    take(project, second);
    project.relocateTo(fallback);
    for (const [round, changes] of rounds.entries()) {
      const generation = project.snapshot();
      take(project, changes);
      if (round < rounds.length - 1) project.relocateTo(generation);
    }
    if (hasFallback) project.relocate(project.versionsIn(fallback), touchedSinceOlderSource);
    const lines = project.sets.filter(({ seq }) => !hasFallback || seq > fallback);
    // Changes that are made meanwhile may be read, too.
    take(project, [{ op: 'set', key: 'b', value: '2' }, { op: 'touch', key: 'a' }]);
    project.relocate(lines, touchedSinceOlderSource);
    for (const file of project.compare()) assert.ok(file > 0 || (hasFallback && file === -fallback), `${file} after ${fallback}`);
  }));
});

test.run();
