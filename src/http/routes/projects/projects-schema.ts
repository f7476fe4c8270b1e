/**
 * The bodies of the project routes.
 */
import { compileSchema } from '../../../base/json-schema.js';
import { schemaOf } from '../../../base/setting.js';
import { PROJECT_ID_PATTERN } from '../../../events/project-id.js';
import { AUTHENTICATION_SETTINGS, STORAGE_SETTINGS, type ProjectSettingsChange } from '../../../events/project-settings.js';
import type { NewProject } from '../../../projects/projects.js';

/** An object without members is a mistake of its sender. */
const AT_LEAST_ONE = { minProperties: 1, description: 'an object with at least one setting' } as const;
const SETTINGS_PROPERTIES = {
  storage: schemaOf(STORAGE_SETTINGS, AT_LEAST_ONE),
  authentication: schemaOf(AUTHENTICATION_SETTINGS, AT_LEAST_ONE),
} as const;

/** `POST /projects`. */
export const checkNewProject = compileSchema<NewProject>({
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

/** `PUT /projects/{id}`. */
export const checkSettingsChange = compileSchema<ProjectSettingsChange>({
  type: 'object',
  properties: SETTINGS_PROPERTIES,
  additionalProperties: false,
  minProperties: 1,
  description: 'an object with "storage", "authentication" or both',
});

/** Bodies of routes that take nothing. */
export const checkNothing = compileSchema<Record<string, never>>({
  type: 'object',
  additionalProperties: false,
});
