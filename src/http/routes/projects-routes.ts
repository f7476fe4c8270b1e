/**
 * Routes of projects: list, create, details, update, new API key, compact, delete.
 */
import { isGuardedChange, type Action } from '../../auth/authorize.js';
import { compileSchema } from '../../base/json-schema.js';
import { schemaOf } from '../../base/setting.js';
import { PROJECT_ID_PATTERN } from '../../events/project-id.js';
import { AUTHENTICATION_SETTINGS, STORAGE_SETTINGS, type ProjectSettingsChange } from '../../events/project-settings.js';
import type { NewProject, ProjectDetails } from '../../projects/projects.js';
import { requireAccess } from '../access.js';
import { authorizationOf, commandContext } from '../authorization.js';
import type { AppContext, AppMiddleware, AppRouter, RouteParts } from '../context.js';
import { sendJson } from '../json-answer.js';
import { refusePreconditions } from '../precondition.js';
import { refuseQuery } from '../query.js';
import { announcesBody } from '../request-body.js';
import { readSettings } from '../settings-body.js';
import { PROJECTS_PATH } from '../target.js';
import { inProject, requireProjectId } from './project-id.js';

const PROJECT_PATH = `${PROJECTS_PATH}/:id`;
const REGENERATE_PATH = `${PROJECT_PATH}/api-key/regenerate`;
const COMPACT_PATH = `${PROJECT_PATH}/compact`;
const CREATED = 201;
const NO_CONTENT = 204;
const OK = 200;
/** Approximate size of the details of one project, in bytes. */
const DETAILS_BYTES = 600;

/** A group without members is a mistake of the client. */
const AT_LEAST_ONE = { minProperties: 1, description: 'an object with at least one setting' } as const;
const SETTINGS_PROPERTIES = {
  storage: schemaOf(STORAGE_SETTINGS, AT_LEAST_ONE),
  authentication: schemaOf(AUTHENTICATION_SETTINGS, AT_LEAST_ONE),
} as const;

const checkNewProject = compileSchema<NewProject>({
  type: 'object',
  properties: {
    id: {
      type: 'string',
      pattern: PROJECT_ID_PATTERN,
      description: '1 to 63 of a-z, 0-9, "_" and "-", beginning with a letter or digit',
    },
    ...SETTINGS_PROPERTIES,
  },
  required: ['id'],
  additionalProperties: false,
});

const checkSettingsChange = compileSchema<ProjectSettingsChange>({
  type: 'object',
  properties: SETTINGS_PROPERTIES,
  additionalProperties: false,
  minProperties: 1,
  description: 'an object with "storage", "authentication" or both',
});

const checkNothing = compileSchema<Record<string, never>>({ type: 'object', additionalProperties: false });

/** Adds the routes. */
export function addProjectsRoutes(router: AppRouter, parts: RouteParts): void {
  const access = (action: Action): AppMiddleware => requireAccess(action, parts);
  router.get(PROJECTS_PATH, access('projects.list'), (ctx) => listProjects(ctx, parts));
  router.post(PROJECTS_PATH, access('projects.create'), (ctx) => createProject(ctx, parts));
  router.get(PROJECT_PATH, inProject, access('project.read'), (ctx) => showProject(ctx, parts));
  router.put(PROJECT_PATH, inProject, access('project.update'), (ctx) => updateProject(ctx, parts));
  router.delete(PROJECT_PATH, inProject, access('project.delete'), (ctx) => deleteProject(ctx, parts));
  router.post(REGENERATE_PATH, inProject, access('project.regenerate_key'), (ctx) => regenerateKey(ctx, parts));
  router.post(COMPACT_PATH, inProject, access('project.compact'), (ctx) => compactProject(ctx, parts));
}

async function listProjects(ctx: AppContext, { projects, longAnswers }: RouteParts): Promise<void> {
  checkPlain(ctx);
  await longAnswers.reserve(ctx, projects.count * DETAILS_BYTES);
  sendJson(ctx, OK, { projects: projects.list() });
}

async function createProject(ctx: AppContext, { projects }: RouteParts): Promise<void> {
  checkPlain(ctx);
  const project = await readSettings(ctx, checkNewProject);
  ctx.state.projectId = project.id;
  const { details, apiKey } = await projects.create(project, commandContext(ctx));
  ctx.set('Location', `${PROJECTS_PATH}/${details.id}`);
  sendJson(ctx, CREATED, { ...details, api_key: apiKey });
}

function showProject(ctx: AppContext, parts: RouteParts): void {
  sendJson(ctx, OK, findProject(ctx, parts));
}

async function updateProject(ctx: AppContext, parts: RouteParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  const change = await readSettings(ctx, checkSettingsChange);
  const actionNow = (): Action => (isGuardedChange(change, parts.scopes.isProjectOpen(id)) ? 'project.update_guarded' : 'project.update');
  authorizationOf(ctx).refine(actionNow);
  const { details, apiKey } = await parts.projects.update(id, change, commandContext(ctx));
  sendJson(ctx, OK, apiKey === null ? details : { ...details, api_key: apiKey });
}

async function deleteProject(ctx: AppContext, { projects }: RouteParts): Promise<void> {
  const id = requireProjectId(ctx);
  checkPlain(ctx);
  await projects.delete(id, commandContext(ctx));
  ctx.status = NO_CONTENT;
}

async function regenerateKey(ctx: AppContext, parts: RouteParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  await readNothing(ctx);
  const apiKey = await parts.projects.regenerateKey(id, commandContext(ctx));
  sendJson(ctx, OK, { id, api_key: apiKey });
}

async function compactProject(ctx: AppContext, parts: RouteParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  await readNothing(ctx);
  // Compacting a large project can exceed the idle timeout of the connection. Node sets the timeout again for the next request.
  ctx.req.setTimeout(0);
  const { seq, key_count, bytes, duration_ms } = await parts.projects.compact(id, commandContext(ctx));
  sendJson(ctx, OK, { seq, key_count, bytes, duration_ms });
}

/** These routes take no body; an empty object is accepted from clients that cannot omit it. */
async function readNothing(ctx: AppContext): Promise<void> {
  if (announcesBody(ctx.req)) await readSettings(ctx, checkNothing);
}

/** Checks id, query, existence and headers, in this order. */
function findProject(ctx: AppContext, { projects }: RouteParts): ProjectDetails {
  const id = requireProjectId(ctx);
  refuseQuery(ctx.state.target.query);
  const details = projects.details(id);
  refusePreconditions(ctx.req.headers);
  return details;
}

function checkPlain(ctx: AppContext): void {
  refuseQuery(ctx.state.target.query);
  refusePreconditions(ctx.req.headers);
}
