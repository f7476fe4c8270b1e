/** Starts: of an empty server, and of one with very many projects. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killProgram, startProgram, statusOf, waitFor } from '../child-process.js';
import type { Contest, Experiment, Workshop } from '../experiment.js';
import { median } from '../numbers.js';
import { openDescriptors, residentKib } from '../process-cost.js';
import { BENCH_PROJECT, configOf, freePort, startConfigured, startSimpleKv } from '../server-process.js';

const MS_PER_SECOND = 1000;
const KIB_PER_MIB = 1024;
/** Starts of one turn: a start is short, and varies more than a load. */
const STARTS = 3;
const IDLE_MS = 2000;
const SECOND_LOOK_MS = 500;
const START_LIMIT_MS = 600_000;
const SHUTDOWN_SECONDS = 600;

interface StartFigures {
  readonly seconds: number;
}

interface ProjectsFigures extends StartFigures {
  readonly residentKib: number;
  /** Of files in the data folder. */
  readonly heldFiles: number;
  /** Those of sockets, threads and outputs too. */
  readonly descriptors: number;
}

/** From the start of the process to the first answer. */
export const EMPTY_START: Experiment<StartFigures> = {
  name: 'empty-start',
  tools: [],
  isSlow: false,
  rows: () => [{
    work: 'start of an empty server, until it answers', against: '`node -e` with a server that listens',
    wanted: { atMost: 0.35 }, unit: ' s',
    value: (ours) => ours.seconds,
    show: ({ seconds }) => `${seconds.toFixed(3)} s`,
  }],
  prepare: prepareEmptyStart,
};

/** Nothing is asked of the projects: what counts is what they cost by being there. */
export const MANY_PROJECTS: Experiment<ProjectsFigures> = {
  name: 'projects',
  tools: [],
  isSlow: true,
  rows: ({ projects }) => [
    {
      work: `start with ${projects.toLocaleString('en')} projects`, against: 'one project', unit: ' ms a project',
      value: (ours, one) => ((ours.seconds - one.seconds) * MS_PER_SECOND) / projects,
      show: ({ seconds }) => `${seconds.toFixed(2)} s`,
    },
    {
      work: 'their memory', against: 'one project', unit: ' KiB a project',
      value: (ours, one) => (ours.residentKib - one.residentKib) / projects,
      show: (figures) => `${(figures.residentKib / KIB_PER_MIB).toFixed(0)} MiB`,
    },
    {
      work: 'files that they hold open while idle', against: 'one project', unit: ' more', wanted: { atMost: 0 },
      value: (ours, one) => ours.heldFiles - one.heldFiles,
      show: ({ heldFiles, descriptors }) => `${heldFiles} of files, ${descriptors} in all`,
    },
  ],
  prepare: prepareManyProjects,
};

async function prepareEmptyStart(workshop: Workshop): Promise<Contest<StartFigures>> {
  const folder = workshop.folder();
  const first = await startSimpleKv(folder);
  await first.stop();
  const measureOurs = async (): Promise<number> => {
    const beganMs = performance.now();
    const server = await startConfigured(configOf(folder), first.port);
    const readyMs = performance.now() - beganMs;
    await server.kill();
    return readyMs;
  };
  const output = path.join(folder, 'bare.output');
  const measureBare = async (): Promise<number> => {
    const port = await freePort();
    const script = `require('node:http').createServer((request, response) => response.end('ready')).listen(${port}, '127.0.0.1')`;
    const beganMs = performance.now();
    const child = startProgram({ command: process.execPath, args: ['-e', script], output });
    await waitFor(child, { output, limitMs: START_LIMIT_MS, look: async () => String(await statusOf(port, '/')) });
    const readyMs = performance.now() - beganMs;
    await killProgram(child);
    return readyMs;
  };
  return { ours: { measure: () => medianStart(measureOurs) }, other: { measure: () => medianStart(measureBare) } };
}

async function medianStart(measure: () => Promise<number>): Promise<StartFigures> {
  const timesMs: number[] = [];
  for (let index = 0; index < STARTS; index += 1) timesMs.push(await measure());
  return { seconds: median(timesMs) / MS_PER_SECOND };
}

async function prepareManyProjects(workshop: Workshop): Promise<Contest<ProjectsFigures>> {
  return {
    ours: await projectsSide(workshop.folder(), workshop.extent.projects),
    other: await projectsSide(workshop.folder(), 1),
  };
}

/** The first start makes API keys and logs, and is not measured. */
async function projectsSide(folder: string, count: number): Promise<{ measure(): Promise<ProjectsFigures> }> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const projects = Array.from({ length: count }, (_, index) => ({ id: `${BENCH_PROJECT}-${index}` }));
  writeFileSync(configOf(folder), JSON.stringify({
    version: 1, server_port: port, print_api_keys: false, timeouts: { shutdown_seconds: SHUTDOWN_SECONDS }, projects,
  }), { mode: 0o600 });
  await (await startConfigured(configOf(folder), port, START_LIMIT_MS)).stop();
  return {
    measure: async () => {
      const beganMs = performance.now();
      const server = await startConfigured(configOf(folder), port, START_LIMIT_MS);
      const seconds = (performance.now() - beganMs) / MS_PER_SECOND;
      // What opening the projects needed is closed and collected by then.
      await sleep(IDLE_MS);
      const figures = { seconds, residentKib: residentKib(server.pid), ...await heldDescriptors(server.pid) };
      await server.kill();
      return figures;
    },
  };
}

/** A file that is being read, as each is once after a start, is not held: it is gone at a second look. */
async function heldDescriptors(pid: number): Promise<{ readonly heldFiles: number; readonly descriptors: number }> {
  const before = new Set(openDescriptors(pid));
  await sleep(SECOND_LOOK_MS);
  const held = openDescriptors(pid).filter((descriptor) => before.has(descriptor));
  return { heldFiles: held.filter((descriptor) => descriptor.endsWith('.jsonl')).length, descriptors: held.length };
}
