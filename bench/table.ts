/**
 * One table of what SimpleKV costs, beside the least that Node can do and beside other servers. In every round each side of each row has
 * its turn, in changing order, so that a slow moment of the machine meets both; a row is the median of the ratios of its rounds. Where
 * there are two processors, servers run on one and the load generator on the other.
 *
 * Usage: `npm run bench -- [NAME…] [--quick] [--rounds N] [--seconds N] [--folder DIR]`. A name is that of a row, or a part of it
 * between hyphens: `etcd` is all rows against etcd. `--quick` shows in less than a minute that everything runs; its figures mean little.
 * Linux only. The folder should be on a real disk: in memory a sync costs nothing. The exit code is 1 if a row could not be measured;
 * a row that needs a program that is not installed says so.
 */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pinPrograms, scratchFolder } from './child-process.js';
import { type Contender, keyOf, KEY_COUNT, valueOf } from './contenders/contender.js';
import type { Contest, Experiment, Workshop } from './experiment.js';
import { type Extent, FULL_EXTENT, QUICK_EXTENT } from './extent.js';
import { encodeRequest, type HttpRequest, sendEach } from './load/http-load.js';
import { describeMachine, divideProcessors, isInstalled } from './machine.js';
import { positiveInteger } from './numbers.js';
import { generatorLines, type Outcome, type Round, tableOf } from './report.js';
import { EXPERIMENTS } from './rows/all-rows.js';
import type { RunningServer } from './server-process.js';

const EXIT_USAGE = 64;

/** An experiment on its way. */
interface Run {
  readonly experiment: Experiment<unknown>;
  readonly rounds: Round[];
  contest: Contest<unknown> | undefined;
  remark: string;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false }, rounds: { type: 'string' }, seconds: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const preset = options.quick ? QUICK_EXTENT : FULL_EXTENT;
const extent: Extent = {
  ...preset,
  rounds: options.rounds === undefined ? preset.rounds : positiveInteger('rounds', options.rounds),
  seconds: options.seconds === undefined ? preset.seconds : positiveInteger('seconds', options.seconds),
};
const chosen = EXPERIMENTS.filter(({ name }) => positionals.length === 0 || positionals.some((word) => isNamed(name, word)));
const unknown = positionals.filter((word) => !EXPERIMENTS.some(({ name }) => isNamed(name, word)));
if (unknown.length > 0) {
  console.error(`Cannot measure ${unknown.join(', ')}: there are ${EXPERIMENTS.map(({ name }) => name).join(', ')}`);
  process.exit(EXIT_USAGE);
}

const processors = divideProcessors();
pinPrograms(processors.server);
const scratch = scratchFolder(options.folder);
let folderCount = 0;
const servers = new Map<Contender, Promise<RunningServer>>();
const workshop: Workshop = { extent, folder: newFolder, shared: sharedServer };
const tools = [...new Map(EXPERIMENTS.flatMap((one) => one.tools).map((tool) => [tool.command, tool])).values()];
const facts = describeMachine(scratch, processors, tools);

const runs = chosen.map((experiment): Run => ({ experiment, rounds: [], contest: undefined, remark: '' }));
for (const run of runs) await prepare(run);
for (let round = 0; round < extent.rounds; round += 1) {
  // Neither a row nor a side always comes second.
  const isEven = round % 2 === 0;
  for (const run of isEven ? runs : runs.toReversed()) {
    if (round >= extent.slowRounds && run.experiment.isSlow) continue;
    console.error(`round ${round + 1} of ${extent.rounds}: ${run.experiment.name}`);
    await takeTurns(run, isEven);
  }
}
const isIncomplete = runs.some(({ remark }) => remark.startsWith('failed'));
console.log(report(runs).join('\n'));
// Ends the servers too.
process.exit(isIncomplete ? 1 : 0);

function isNamed(name: string, word: string): boolean {
  return name === word || name.split('-').includes(word);
}

function newFolder(): string {
  folderCount += 1;
  const folder = path.join(scratch, String(folderCount));
  mkdirSync(folder);
  return folder;
}

function sharedServer(contender: Contender): Promise<RunningServer> {
  const known = servers.get(contender) ?? startWithKeys(contender);
  servers.set(contender, known);
  return known;
}

/** A server that answers quickly with the wrong thing would win, so the first answer is read. */
async function startWithKeys(contender: Contender): Promise<RunningServer> {
  const server = await contender.start(newFolder());
  const value = valueOf();
  const keys = Array.from({ length: KEY_COUNT }, (_, index) => keyOf(index));
  await sendEach(server, keys.map((key) => encodeRequest(server, contender.put(key, value))));
  const asked = contender.get(keyOf(0));
  const answer = await fetch(server.url + asked.path, { ...fetchOptions(asked), headers: server.headers });
  const text = await answer.text();
  // One that stores nothing but a file has no GET.
  if (answer.ok && !contender.hasValue(text, value)) throw new Error(`Cannot compare ${contender.name}: it answers ${text}`);
  return server;
}

function fetchOptions({ method, body }: HttpRequest): { method: string; body?: string } {
  return body === undefined ? { method } : { method, body };
}

async function prepare(run: Run): Promise<void> {
  const missing = run.experiment.tools.filter((tool) => !isInstalled(tool)).map(({ packageName }) => packageName);
  if (missing.length > 0) {
    run.remark = `not installed: apt-get install ${missing.join(' ')}`;
    return;
  }
  console.error(`preparing ${run.experiment.name}`);
  await attempt(run, async () => {
    run.contest = await run.experiment.prepare(workshop);
  });
}

async function takeTurns(run: Run, isOursFirst: boolean): Promise<void> {
  const { contest } = run;
  if (contest === undefined) return;
  await attempt(run, async () => {
    const first = isOursFirst ? await contest.ours.measure() : undefined;
    const other = await contest.other.measure();
    run.rounds.push({ ours: first ?? await contest.ours.measure(), other });
  });
}

/** What cannot be measured does not keep the others from it. */
async function attempt(run: Run, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error);
    run.contest = undefined;
    run.rounds.length = 0;
    run.remark = `failed: ${(error as Error).message.split('\n')[0]}`;
  }
}

function report(outcomes: readonly Outcome[]): readonly string[] {
  const { rounds, seconds, slowRounds } = extent;
  return [
    ...(options.quick ? ['Quick form: this shows that everything runs, and the figures mean little.', ''] : []),
    ...facts.map((fact) => `- ${fact}`),
    `- ${rounds} rounds of ${seconds} s each, ${slowRounds} of what takes long; ${KEY_COUNT} keys where no number is given`,
    '', ...tableOf(outcomes, extent), '', ...generatorLines(outcomes),
  ];
}
