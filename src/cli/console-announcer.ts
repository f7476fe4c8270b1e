/**
 * Shows keys to the person at the console. On standard error, so that standard output stays the server log, a JSON object
 * a line.
 */
import type { Announcer, FirstRun } from '../server.js';

const RULE = '='.repeat(78);

function boxed(lines: readonly string[]): string {
  return ['', RULE, ...lines.map((line) => `  ${line}`.trimEnd()), RULE, '', ''].join('\n');
}

/** What a first run shows: both keys, and lines to paste. */
export function formatFirstRun(first: FirstRun): string {
  const value = `${first.url}/api/v1/projects/${first.project}/keys/greeting`;
  return boxed([
    'SimpleKV: first run. These keys are shown once and kept nowhere; note them now.',
    '',
    `global key                  ${first.globalKey}`,
    `key of "${first.project}"      ${first.projectKey}`,
    '',
    'Store a first value, and read it:',
    '',
    `curl -X PUT ${value} -H 'Authorization: Bearer ${first.projectKey}' -H 'Content-Type: application/json' -d '"hello"'`,
    '',
    `curl ${value} -H 'Authorization: Bearer ${first.projectKey}'`,
    '',
    `configuration: ${first.configPath}`,
  ]);
}

/**
 * What is shown of a key that was made later.
 *
 * @param owner `the global key` or `the key of project "…"`
 */
export function formatGeneratedKey(owner: string, key: string): string {
  return boxed([`SimpleKV: ${owner} was made. It is shown once; note it now.`, '', key]);
}

/** Makes an announcer. */
export function createAnnouncer(write: (text: string) => void): Announcer {
  return {
    firstRun: (first) => write(formatFirstRun(first)),
    generatedKey: (scope, key) => {
      const owner = scope.kind === 'global' ? 'the global key' : `the key of the project "${scope.project}"`;
      write(formatGeneratedKey(owner, key));
    },
  };
}
