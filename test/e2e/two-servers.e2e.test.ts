/** Two servers on one folder, after its lock was removed by hand: they never both acknowledge, and nothing that was is lost. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from '../suite.js';
import { problemOf, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('two servers on one folder');

const KEYS = '/api/v1/projects/p/keys';
const WRITES_EACH = 40;
const CLIENTS_EACH = 3;

interface Receipt {
  readonly seq: number;
  readonly hash: string;
}

async function write(server: ServerUnderTest, key: string, name: string): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (let index = 0; index < WRITES_EACH; index += 1) {
    const answer = await server.send('PUT', `${KEYS}/${name}-${index}`, { key, body: JSON.stringify(`${name} ${index}`) });
    if (answer.status < 300) receipts.push(JSON.parse(answer.text) as Receipt);
    else assert.match(String(problemOf(answer)['code']), /^(log_failed|outcome_unknown)$/);
  }
  return receipts;
}

function textOfLog(bench: Workbench): string {
  const sealed = readdirSync(bench.path('data', 'p')).filter((name) => name.endsWith('.jsonl')).map((name) => path.join('p', name));
  return [...sealed, 'p.jsonl'].map((name) => readFileSync(bench.path('data', name), 'utf8')).join('');
}

for (const storage of [{}, { segment_bytes: 4096 }, { durability: 'interval', sync_interval_ms: 1, segment_bytes: 4096 }]) {
  const name = `with ${JSON.stringify(storage)}, no seq is acknowledged twice and every receipt is in the file`;
  test(name, () => withWorkbench(async (bench) => {
    bench.configure([{ id: 'p', storage }]);
    const first = await bench.start();
    const key = first.key('global');
    rmSync(bench.path('data', '_lock'));
    const second = await bench.start();
    const writers = [first, second].flatMap((server, number) => (
      Array.from({ length: CLIENTS_EACH }, (_, client) => write(server, key, `s${number}-c${client}`))
    ));
    const receipts = (await Promise.all(writers)).flat();
    await Promise.all([first.kill(), second.kill()]);
    const seqs = receipts.map(({ seq }) => seq);
    assert.equal(new Set(seqs).size, seqs.length, 'one seq was acknowledged twice');
    const text = textOfLog(bench);
    for (const { seq, hash } of receipts) assert.ok(text.includes(`"hash":"${hash}"}\n`), `the line of seq ${seq} is gone`);
  }));
}

test.run();
