/** Profiles, and which server, project and API key a command uses. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { withWorkbench, type Workbench } from '../../e2e/server-under-test.js';
import { suite } from '../../suite.js';
import { run } from '../program.js';
import { runFed, withServedShop } from './served-shop.js';

const test = suite('cli/online/profiles');
const TIMEOUT = { timeoutMs: 120_000 };

function fileOf(bench: Workbench): string {
  return bench.path('settings', 'simplekv', 'profiles.json');
}

test('a profile names server, project and API key; only its user can read it, and no command prints the key', () => (
  withServedShop(async ({ bench, server }) => {
    const key = server.key('shop');
    const add = ['profile', 'add', 'mine', '--url', `${server.url}/`, '--project', 'shop', '--key-file', '-'];
    const added = await runFed(bench, add, `${key}\n`);
    assert.equal(added.stdout, `mine: ${server.url}, used by commands that name no server\n`, added.stderr);
    assert.equal(statSync(fileOf(bench)).mode & 0o777, 0o600);
    assert.equal((await run(bench, 'set', 'a', '1')).code, EXIT_CODES.ok);
    assert.equal((await run(bench, 'list')).stdout, 'a\n');
    writeFileSync(bench.path('key'), key);
    const other = await run(bench, 'profile', 'add', 'other', '--url', 'http://127.0.0.1:2', '--key-file', 'key', '--json');
    const shown = { name: 'other', url: 'http://127.0.0.1:2', project: null, key: bench.path('key'), default: false };
    assert.deepEqual(JSON.parse(other.stdout), shown);
    assert.equal((await run(bench, 'list', '--profile', 'other')).code, EXIT_CODES.unavailable);
    const listed = await run(bench, 'profile', 'list');
    assert.equal(listed.stdout, `mine\t${server.url}\tshop\tin the profile\tyes\nother\thttp://127.0.0.1:2\t-\t${bench.path('key')}\t\n`);
    for (const form of ['--json', '--jsonl']) assert.ok(!(await run(bench, 'profile', 'list', form)).stdout.includes('skv_'));
    assert.equal((await run(bench, 'profile', 'use', 'other')).code, EXIT_CODES.ok);
    assert.equal((await run(bench, 'list')).code, EXIT_CODES.unavailable);
    assert.equal((await run(bench, 'profile', 'use', '--none')).code, EXIT_CODES.ok);
    assert.match((await run(bench, 'set', 'a', '2')).stderr, /without a server/);
    assert.equal((await run(bench, 'profile', 'remove', 'other')).stdout, 'other: removed\n');
    assert.match((await run(bench, 'list', '--profile', 'other')).stderr, /has no such profile; known profiles: mine\n$/);
  })
), TIMEOUT);

test('options win over the environment, and the environment over a profile', () => withServedShop(async ({ bench, server, env }) => {
  await runFed(bench, ['profile', 'add', 'p', '--url', 'http://127.0.0.1:2', '--key-file', '-'], 'skv_p_of-the-profile');
  writeFileSync(bench.path('wrong'), 'skv_p_wrong');
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['list'], env, EXIT_CODES.ok, /^$/],
    [['list', '--url', 'http://127.0.0.1:2'], env, EXIT_CODES.unavailable, /at http:\/\/127\.0\.0\.1:2,/],
    [['list', '--key-file', 'wrong'], env, EXIT_CODES.noPermission, /\(401 unauthorized\)/],
    [['list', '--project', 'none'], env, EXIT_CODES.noPermission, /\(403 forbidden\)/],
    [['list'], { SIMPLEKV_URL: '', SIMPLEKV_PROFILE: '' }, EXIT_CODES.unavailable, /127\.0\.0\.1:2,/],
    [['list'], { SIMPLEKV_PROFILE: 'q' }, EXIT_CODES.usage, /no such profile/],
    [['list', '--profile', 'p'], env, EXIT_CODES.usage, /Cannot use --profile with SIMPLEKV_URL/],
    [['list', '--profile', 'p', '--url', server.url], {}, EXIT_CODES.usage, /Cannot use --profile with --url/],
    // The API key of a profile goes to no other server.
    [['list', '--url', server.url, '--project', 'shop'], {}, EXIT_CODES.noPermission, /401 unauthorized\)\. Give the API key/],
    [['list', '--url', server.url], {}, EXIT_CODES.usage, /Cannot tell which project: name it with --project/],
    // That of the API key.
    [['list', '--url', server.url], { SIMPLEKV_KEY: env['SIMPLEKV_KEY'] ?? '' }, EXIT_CODES.ok, /^$/],
    [['list', '--url', server.url], { SIMPLEKV_KEY: server.key('global') }, EXIT_CODES.usage, /the API key opens all projects/],
  ];
  await Promise.all(cases.map(async ([args, variables, code, said]) => {
    const ran = await runFed(bench, args, '', { env: variables });
    assert.match(ran.stderr, said, `${args.join(' ')}: ${ran.stderr}`);
    assert.equal(ran.code, code, args.join(' '));
  }));
  const fed = await runFed(bench, ['list', '--url', server.url, '--key-file', '-'], `${server.key('shop')}\n`);
  assert.equal(fed.code, EXIT_CODES.ok, fed.stderr);
}), TIMEOUT);

test('profiles that others may read, or that are not as the program writes them, are refused without quoting them', () => (
  withWorkbench(async (bench) => {
    mkdirSync(bench.path('settings', 'simplekv'), { recursive: true });
    const whole = '{"version":1,"default":"p","profiles":{"p":{"url":"http://127.0.0.1:9","key":"skv_p_secret"}}}';
    const cases: [string, number, RegExp][] = [
      [whole, 0o640, /other users have access to it \(mode 0640\)\. Run: chmod 600 "/], [whole, 0o604, /other users have access/],
      [whole.slice(0, -1), 0o600, /it is not JSON: line 1, column \d+: expected/], ['[]', 0o600, /it is not an object/],
      [whole.replace('1', '2'), 0o600, /its version is 2, and this program knows version 1/],
      [whole.replace('"default":"p"', '"default":"q"'), 0o600, /its default "q" is no profile in it/],
      [whole.replace('"url"', '"uri"'), 0o600, /the profile "p" has no "url"/],
      [whole.replace('"key":', '"kee":'), 0o600, /a member "kee" that is unknown/],
      [whole.replace('"key":', '"key_file":"f","key":'), 0o600, /both "key" and "key_file"/],
    ];
    for (const [text, mode, said] of cases) {
      writeFileSync(fileOf(bench), text);
      chmodSync(fileOf(bench), mode);
      const { code, stderr } = await run(bench, 'profile', 'list');
      assert.match(stderr, said);
      assert.equal(code, EXIT_CODES.configuration, stderr);
      assert.ok(!stderr.includes('skv_p'), stderr);
    }
    writeFileSync(fileOf(bench), whole);
    chmodSync(fileOf(bench), 0o600);
    for (const [args, said] of [
      [['add', 'p', '--url', 'http://h'], /there is one\. Choose another name, or add --replace/],
      [['add', 'a/b', '--url', 'http://h'], /as the name/],
      [['add', 'q', '--url', 'ftp://h'], /as the URL of a server/], [['use'], /give its name, or --none/],
      [['remove', 'q'], /Cannot find the profile "q"/],
      [['add', 'q'], /required option '--url <url>' not specified/],
    ] as const) {
      const { code, stderr } = await run(bench, 'profile', ...args);
      assert.match(stderr, said);
      assert.equal(code, EXIT_CODES.usage);
    }
    assert.equal(readFileSync(fileOf(bench), 'utf8'), whole);
  })
), TIMEOUT);

test.run();
