/**
 * All projects of the server, and a new one.
 */
import { useState } from 'preact/hooks';
import type { CreatedProjectJson, ProjectJson } from '../src/client/index.js';
import { count, size } from './format.js';
import { KeyShown } from './key-shown.js';
import { Action, DialogForm, Empty, Failure, Loading, Time } from './parts.js';
import { fragmentOf, go, projectRoute } from './route.js';
import { admin, isGlobal, may, mayListProjects } from './session.js';
import { StateBadge } from './state-badge.js';
import { useLoad } from './use-load.js';

/** Lists the projects. */
export function ProjectsView() {
  const { data, error, reload } = useLoad(async (signal) => (mayListProjects() ? await admin().projects.list({ signal }) : []), []);
  const [filter, setFilter] = useState('');
  const [isCreating, setIsCreating] = useState(false);
  const [created, setCreated] = useState<CreatedProjectJson | null>(null);
  if (!mayListProjects()) {
    return (
      <Empty icon="projects" title="This API key cannot list projects">
        <p>It lacks the permission “read”.{may('history') && ' The live view of a project can be opened by its link.'}</p>
      </Empty>
    );
  }
  const shown = data?.filter(({ id }) => id.includes(filter.trim().toLowerCase())) ?? [];
  return (
    <div class="page">
      <div class="title">
        <h1>Projects</h1>
        {data !== undefined && data.length > 0 && (
          <input type="search" aria-label="Filter projects" placeholder="Filter" value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)} />
        )}
        {isGlobal() && <Action kind="primary" icon="plus" label="New project" onClick={() => setIsCreating(true)} />}
      </div>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what="projects" />}
      {data?.length === 0 && (
        <Empty icon="projects" title="No project yet">
          <p>A project holds keys and values, and has an API key of its own.</p>
          {isGlobal() && <Action kind="primary" icon="plus" label="New project" onClick={() => setIsCreating(true)} />}
        </Empty>
      )}
      {shown.length > 0 && <ProjectTable projects={shown} />}
      {data !== undefined && data.length > 0 && shown.length === 0 && <p class="muted">No project has “{filter}” in its ID.</p>}
      {isCreating && <NewProject onClose={() => setIsCreating(false)} onCreated={(project) => { setCreated(project); reload(); }} />}
      {created !== null && created.api_key !== null && (
        <KeyShown title={`API key of “${created.id}”`} apiKey={created.api_key} onClose={() => {
          setCreated(null);
          go(projectRoute(created.id));
        }} />
      )}
    </div>
  );
}

function ProjectTable({ projects }: { readonly projects: readonly ProjectJson[] }) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Projects">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Project</th><th scope="col">State</th><th scope="col" class="number">Keys</th>
            <th scope="col" class="number mid">Values</th><th scope="col" class="number wide">Last change</th>
            <th scope="col" class="wide">Storage</th><th scope="col" class="wide">Settings changed</th>
          </tr>
        </thead>
        <tbody>
          {projects.map((project) => (
            <tr key={project.id} onClick={() => go(projectRoute(project.id))}>
              <th scope="row"><a href={fragmentOf(projectRoute(project.id))}>{project.id}</a></th>
              <td><StateBadge state={project.state} /></td>
              <td class="number">{count(project.key_count)}</td>
              <td class="number mid">{size(project.value_bytes)}</td>
              <td class="number wide">#{count(project.seq)}</td>
              <td class="wide">{storageOf(project)}</td>
              <td class="wide"><Time of={project.updated_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function storageOf({ storage }: ProjectJson): string {
  if (!storage.on_disk) return 'memory only';
  return `disk, ${storage.durability}${storage.cache_in_memory ? '' : ', values on disk'}`;
}

function NewProject({ onClose, onCreated }: { readonly onClose: () => void; readonly onCreated: (project: CreatedProjectJson) => void }) {
  const [id, setId] = useState('');
  const [isOnDisk, setIsOnDisk] = useState(true);
  return (
    <DialogForm title="New project" action="Create" isReady={id !== ''} onClose={onClose} onSubmit={async () => {
      const project = await admin().projects.create({ id, ...(isOnDisk ? {} : { storage: { on_disk: false } }) });
      onCreated(project);
      if (project.api_key === null) go(projectRoute(project.id));
    }}>
      <div class="field">
        <label>
          ID
          <input value={id} onInput={(event) => setId(event.currentTarget.value.trim())} placeholder="shop"
            pattern="[a-z0-9][a-z0-9_\-]{0,62}" title="1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit" required
            autocapitalize="off" spellcheck={false} autofocus aria-describedby="id-hint" />
        </label>
        <small id="id-hint">1 to 63 of a–z, 0–9, “_” and “-”. It cannot be changed later.</small>
      </div>
      <label class="tick">
        <input type="checkbox" checked={isOnDisk} onChange={(event) => setIsOnDisk(event.currentTarget.checked)} />
        Keep it on disk
      </label>
      {!isOnDisk && <p class="hint">Its values are gone when the server stops.</p>}
    </DialogForm>
  );
}
