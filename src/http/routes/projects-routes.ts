/**
 * Routes of projects: list, create, details, update, new API key, compact, delete.
 */
import { type Action, PROJECTS_PATH } from '../../api/routes.js';
import { isGuardedChange } from '../../auth/authorize.js';
import { compileSchema } from '../../base/json-schema.js';
import { schemaOf } from '../../base/setting.js';
import { PROJECT_ID_PATTERN } from '../../events/project-id.js';
import { AUTHENTICATION_SETTINGS, STORAGE_SETTINGS, type ProjectSettingsChange } from '../../events/project-settings.js';
import type { NewProject } from '../../projects/projects.js';
import { authorizationOf, commandContext } from '../authorization.js';
import { type Answer, type Exchange, projectIdOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { LongAnswers } from '../long-answers.js';
import type { RouteHandlers } from '../route-handlers.js';
import { checkSettings } from '../settings-check.js';

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

type ProjectsRouteId =
  | 'listProjects' | 'createProject' | 'getProject' | 'updateProject' | 'deleteProject' | 'regenerateKey' | 'compactProject';

/** What the routes are answered with. */
type ProjectsParts = Pick<HttpParts, 'projects' | 'scopes'> & { readonly longAnswers: LongAnswers };

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
    compactProject: { handle: (exchange) => compactProject(exchange, parts) },
  };
}

async function listProjects(exchange: Exchange, { projects, longAnswers }: ProjectsParts): Promise<Answer> {
  await longAnswers.reserve(exchange, projects.count * DETAILS_BYTES);
  return jsonAnswer(OK, { projects: projects.list() });
}

async function createProject(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  const project = checkSettings(exchange.document, checkNewProject);
  exchange.projectId = project.id;
  const { details, apiKey } = await projects.create(project, commandContext(exchange));
  return jsonAnswer(CREATED, { ...details, api_key: apiKey }, ['Location', `${PROJECTS_PATH}/${details.id}`]);
}

async function updateProject(exchange: Exchange, { projects, scopes }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  const change = checkSettings(exchange.document, checkSettingsChange);
  const actionNow = (): Action => (isGuardedChange(change, scopes.isProjectOpen(id)) ? 'project.update_guarded' : 'project.update');
  authorizationOf(exchange).refine(actionNow);
  const { details, apiKey } = await projects.update(id, change, commandContext(exchange));
  return jsonAnswer(OK, apiKey === null ? details : { ...details, api_key: apiKey });
}

async function deleteProject(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  await projects.delete(projectIdOf(exchange), commandContext(exchange));
  return { status: NO_CONTENT, headers: [], body: null };
}

async function regenerateKey(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  checkSettings(exchange.document, checkNothing);
  const apiKey = await projects.regenerateKey(id, commandContext(exchange));
  return jsonAnswer(OK, { id, api_key: apiKey });
}

async function compactProject(exchange: Exchange, { projects }: ProjectsParts): Promise<Answer> {
  const id = projectIdOf(exchange);
  checkSettings(exchange.document, checkNothing);
  // Compacting a large project can exceed the idle timeout of the connection. Node sets the timeout again for the next request.
  exchange.request.setTimeout(0);
  const { seq, key_count, bytes, duration_ms } = await projects.compact(id, commandContext(exchange));
  return jsonAnswer(OK, { seq, key_count, bytes, duration_ms });
}
