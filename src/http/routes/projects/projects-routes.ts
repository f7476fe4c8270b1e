/**
 * Projects over HTTP: list, create, details, update, another key, a snapshot, delete.
 */
import type Router from '@koa/router';
import { isGuardedChange, type Action } from '../../../auth/authorize.js';
import type { Access } from '../../access.js';
import type { AnswerRooms } from '../../answer-rooms.js';
import { authorizationOf } from '../../authorization.js';
import { announcesBody } from '../../body-headers.js';
import type { AppContext, OpenScopes, RequestState, RouterExtras } from '../../context.js';
import { sendJson } from '../../json-answer.js';
import { refusePreconditions } from '../../precondition.js';
import type { ProjectDetails, Projects } from '../../../projects/projects.js';
import { refuseQuery } from '../../query.js';
import { readSettings } from '../../settings-body.js';
import { PROJECTS_PATH } from '../../target.js';
import { commandContext, inProject, requireProjectId } from './project-id.js';
import { checkNewProject, checkNothing, checkSettingsChange } from './projects-schema.js';

const PROJECT_PATH = `${PROJECTS_PATH}/:id`;
const REGENERATE_PATH = `${PROJECT_PATH}/api-key/regenerate`;
const COMPACT_PATH = `${PROJECT_PATH}/compact`;
const CREATED = 201;
const NO_CONTENT = 204;
const OK = 200;
/** What the details of one project take as text, about. */
const DETAILS_BYTES = 600;

/** What the project routes need. */
export interface ProjectsRoutesParts {
  readonly projects: Projects;
  readonly scopes: OpenScopes;
  readonly access: Access;
  readonly rooms: AnswerRooms;
}

/** Adds the routes. */
export function addProjectsRoutes(router: Router<RequestState, RouterExtras>, parts: ProjectsRoutesParts): void {
  const { access } = parts;
  router.get(PROJECTS_PATH, access.require('projects.list'), (ctx) => listProjects(ctx, parts));
  router.post(PROJECTS_PATH, access.require('projects.create'), (ctx) => createProject(ctx, parts));
  router.get(PROJECT_PATH, inProject, access.require('project.read'), (ctx) => showProject(ctx, parts));
  router.put(PROJECT_PATH, inProject, access.require('project.update'), (ctx) => updateProject(ctx, parts));
  router.delete(PROJECT_PATH, inProject, access.require('project.delete'), (ctx) => deleteProject(ctx, parts));
  router.post(REGENERATE_PATH, inProject, access.require('project.regenerate_key'), (ctx) => regenerateKey(ctx, parts));
  router.post(COMPACT_PATH, inProject, access.require('project.compact'), (ctx) => compactProject(ctx, parts));
}

async function listProjects(ctx: AppContext, { projects, rooms }: ProjectsRoutesParts): Promise<void> {
  checkPlain(ctx);
  await rooms.take(ctx, projects.count * DETAILS_BYTES);
  sendJson(ctx, OK, { projects: projects.list() });
}

async function createProject(ctx: AppContext, { projects }: ProjectsRoutesParts): Promise<void> {
  checkPlain(ctx);
  const project = await readSettings(ctx, checkNewProject);
  ctx.state.projectId = project.id;
  const { details, apiKey } = await projects.create(project, commandContext(ctx));
  ctx.set('Location', `${PROJECTS_PATH}/${details.id}`);
  sendJson(ctx, CREATED, { ...details, api_key: apiKey });
}

function showProject(ctx: AppContext, parts: ProjectsRoutesParts): void {
  sendJson(ctx, OK, findProject(ctx, parts));
}

async function updateProject(ctx: AppContext, parts: ProjectsRoutesParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  const change = await readSettings(ctx, checkSettingsChange);
  const actionNow = (): Action => (isGuardedChange(change, parts.scopes.isProjectOpen(id)) ? 'project.update_guarded' : 'project.update');
  authorizationOf(ctx).refine(actionNow);
  const { details, apiKey } = await parts.projects.update(id, change, commandContext(ctx));
  sendJson(ctx, OK, apiKey === null ? details : { ...details, api_key: apiKey });
}

async function deleteProject(ctx: AppContext, { projects }: ProjectsRoutesParts): Promise<void> {
  const id = requireProjectId(ctx);
  checkPlain(ctx);
  await projects.delete(id, commandContext(ctx));
  ctx.status = NO_CONTENT;
}

async function regenerateKey(ctx: AppContext, parts: ProjectsRoutesParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  await readNothing(ctx);
  const apiKey = await parts.projects.regenerateKey(id, commandContext(ctx));
  sendJson(ctx, OK, { id, api_key: apiKey });
}

async function compactProject(ctx: AppContext, parts: ProjectsRoutesParts): Promise<void> {
  const { id } = findProject(ctx, parts);
  await readNothing(ctx);
  // A large project takes longer than a connection on which nothing moves may stay open; it has its limit again afterwards.
  ctx.req.setTimeout(0);
  const { seq, key_count, bytes, duration_ms } = await parts.projects.compact(id, commandContext(ctx));
  sendJson(ctx, OK, { seq, key_count, bytes, duration_ms });
}

/** There is nothing to say: no body, or an empty object from clients that cannot send none. */
async function readNothing(ctx: AppContext): Promise<void> {
  if (announcesBody(ctx.req)) await readSettings(ctx, checkNothing);
}

/** Checks id, query, existence and headers, in this order. */
function findProject(ctx: AppContext, { projects }: ProjectsRoutesParts): ProjectDetails {
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
