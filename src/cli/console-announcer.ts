/**
 * Shows new API keys to the user at the console. On standard error, because standard output is the server log.
 */
import type { Announcer, FirstRun } from '../config/announcer.js';

const RULE = '='.repeat(78);

function boxed(lines: readonly string[]): string {
  return ['', RULE, ...lines.map((line) => `  ${line}`.trimEnd()), RULE, '', ''].join('\n');
}

/** The text that a first run shows: both API keys, and commands to paste. */
export function formatFirstRun(first: FirstRun): string {
  const value = `${first.url}/api/v1/projects/${first.project}/keys/greeting`;
  return boxed([
    'SimpleKV: first run',
    'These API keys are shown only once and are not stored; save them now.',
    '',
    `global API key              ${first.globalKey}`,
    `API key of "${first.project}"  ${first.projectKey}`,
    '',
    `In a browser, with one of them:  ${first.url}/ui/`,
    '',
    'Store a first value, and read it:',
    '',
    `curl -w '\\n' -X PUT ${value} -H 'Authorization: Bearer ${first.projectKey}' -H 'Content-Type: application/json' -d '"hello"'`,
    '',
    `curl -w '\\n' ${value} -H 'Authorization: Bearer ${first.projectKey}'`,
    '',
    `configuration: ${first.configPath}`,
  ]);
}

/**
 * The text for an API key that was generated later.
 *
 * @param owner `the global API key` or `the API key of the project "…"`
 */
export function formatGeneratedKey(owner: string, key: string): string {
  return boxed([`SimpleKV: ${owner} was generated. It will not be shown again; save it now.`, '', key]);
}

/** Creates an announcer. */
export function createAnnouncer(write: (text: string) => void): Announcer {
  return {
    firstRun: (first) => write(formatFirstRun(first)),
    generatedKey: (scope, key) => {
      const owner = scope.kind === 'global' ? 'the global API key' : `the API key of the project "${scope.project}"`;
      write(formatGeneratedKey(owner, key));
    },
  };
}
