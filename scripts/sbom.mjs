/**
 * `node scripts/sbom.mjs FILE`: writes the packages that are inside of the bundled program and its web UI into a file, as CycloneDX. npm
 * knows the packages of the lock; which of them are shipped, the bundler knows.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundledList, prepare, root, runSteps } from './setup.mjs';

const OUTPUT_BYTES_MAX = 67_108_864;
/** npm calls them development packages: they are not installed with the program, since they are inside. */
const DEVELOPMENT = 'cdx:npm:package:development';

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('simplekv: name the file for the list of packages');
  process.exit(1);
}
runSteps(prepare);
const options = { cwd: root, encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX };
const all = JSON.parse(execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx'], options));
const { name: title } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const bundled = new Set(JSON.parse(readFileSync(bundledList, 'utf8')).map(({ name, version }) => `${name}@${version}`));
const components = all.components.filter(({ name, version }) => bundled.has(`${name}@${version}`));
const unknown = [...bundled].filter((one) => !components.some(({ name, version }) => one === `${name}@${version}`));
if (unknown.length > 0) {
  console.error(`simplekv: npm does not know packages that are in the bundle: ${unknown.join(', ')}`);
  process.exit(1);
}
const { component } = all.metadata;
const kept = new Set([component['bom-ref'], ...components.map((one) => one['bom-ref'])]);
writeFileSync(file, `${JSON.stringify({
  ...all,
  metadata: { ...all.metadata, component: { ...component, name: title } },
  components: components.map((one) => ({ ...one, properties: one.properties.filter(({ name }) => name !== DEVELOPMENT) })),
  dependencies: all.dependencies.filter(({ ref }) => kept.has(ref)).map(({ ref, dependsOn }) => (
    { ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }
  )),
}, null, 2)}\n`);
