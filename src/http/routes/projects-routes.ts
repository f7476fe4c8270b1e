/**
 * Routes of projects: list, create, details, update, new API key, compact, delete.
 */
import type { Action } from '../../api/actions.js';
import { PROJECTS_PATH } from '../../api/paths.js';
import { isGuardedChange } from '../../auth/authorize.js';
import { ANY_ORIGIN } from '../../base/origin.js';
import type { ProjectSettingsChange } from '../../events/project-settings.js';
import type { NewProject } from '../../projects/projects.js';
import { authorizationOf, commandContext } from '../authorization.js';
import { type Answer, type Exchange, projectIdOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { LongAnswers } from '../long-answers.js';
import type { RouteHandlers } from '../route-handlers.js';
import { invalidSettings } from '../settings-check.js';
import { redactLines } from './redact-lines.js';

const CREATED = 201;
const NO_CONTENT = 204;
const OK = 200;
const MS_PER_SECOND = 1000;
/** Approximate size of the details of one project, in bytes. */
const DETAILS_BYTES = 600;

type ProjectsRouteId =
  | 'listProjects' | 'createProject' | 'getProject' | 'updateProject' | 'deleteProject' | 'regenerateKey' | 'compactProject'
  | 'redactLines';

/** What the routes are answered with. */
type ProjectsParts = Pick<HttpParts, 'projects' | 'scopes' | 'options'> & { readonly longAnswers: LongAnswers };

/** Returns the handlers. */
export function projectsRoutes(parts: ProjectsParts): RouteHandlers<ProjectsRouteId> {
  const { projects } = parts;
  return {
    listProjects: { handle: (exchange) => listProjects(exchange, parts) },
    createProject: { handle: (exchange) => createProject(exchange, parts) },
    getProject: { handle: (exchange) => jsonAnswer(OK, projects.details(projectIdOf(exchange))) },
    updateProject: { handle: (exchange) => updateProject(exchange, parts) },
    deleteProject: { handle: (exchange) => deleteProject(exchange, parts) },
    regenerateKey: { handle: (exchange) => regenerateKey(exchange, parts) },
    redactLines: redactLines(projects),
    compactProject: { handle: (exchange) => compactProject(exchange, parts) },
  };
}

async function listProjects(exchange: Exchange, { projects, longAnswers }: ProjectsParts): Promise<Answer> {
  await longAnswers.reserve(exchange, projects.count * DETAILS_BYTES);
  return jsonAnswer(OK, { projects: projects.list() });
}

async function createProject(exchange: Exchange, { projects, options }: ProjectsParts): Promise<Answer> {
  const project = exchange.document as NewProject;
  refuseOpening(project, options);
  exchange.projectId = project.id;
  const { details, apiKey } = await projects.create(project, commandContext(exchange));
  return jsonAnswer(CREATED, { ...details, api_key: apiKey }, ['Location', `${PROJECTS_PATH}/${details.id}`]);
}

/** Refuses to open a scope that pages of every site could use through the browsers of their visitors. */
function refuseOpening({ authentication }: ProjectSettingsChange, { allowedOrigins }: ProjectsParts['options']): void {
  if (authentication?.enabled !== false || !allowedOrigins.includes(ANY_ORIGIN)) return;
  const expected = 'true while "allowed_origins" has "*": every web page could read and change an open project';
  throw invalidSettings({ pointer: '/authentication/enabled', expected });
}

async function updateProject(exchange: Exchange, { projects, scopes, options }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  const change = exchange.document as ProjectSettingsChange;
  const actionNow = (): Action => actionOf(change, scopes.isProjectOpen(id));
  authorizationOf(exchange).refine(actionNow);
  refuseOpening(change, options);
  const { details, apiKey } = await projects.update(id, change, commandContext(exchange));
  return jsonAnswer(OK, apiKey === null ? details : { ...details, api_key: apiKey });
}

function actionOf(change: ProjectSettingsChange, isOpen: boolean): Action {
  if (isGuardedChange(change, isOpen)) return 'project.update_guarded';
  return change.authentication?.enabled === false ? 'project.open' : 'project.update';
}

async function deleteProject(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  await projects.delete(projectIdOf(exchange), commandContext(exchange));
  return { status: NO_CONTENT, headers: [], body: null };
}

async function regenerateKey(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  const { overlap_seconds: seconds = 0 } = exchange.document as { readonly overlap_seconds?: number };
  const { apiKey, otherKeys } = await projects.regenerateKey(id, commandContext(exchange), seconds * MS_PER_SECOND);
  return jsonAnswer(OK, { id, api_key: apiKey, other_keys: otherKeys });
}

async function compactProject(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  // Compacting a large project can exceed the idle timeout of the connection. Node sets the timeout again for the next request.
  exchange.nodeRequest.setTimeout(0);
  const { seq, key_count, bytes, duration_ms } = await projects.compact(id, commandContext(exchange));
  return jsonAnswer(OK, { seq, key_count, bytes, duration_ms });
}
