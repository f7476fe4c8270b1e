/**
 * The bodies of the project routes.
 */
import { compileSchema } from '../../../base/json-schema.js';
import { PROJECT_ID_PATTERN } from '../../../events/project-id.js';
import { AUTHENTICATION_PROPERTIES, STORAGE_PROPERTIES, type ProjectSettingsChange } from '../../../events/project-settings.js';
import type { NewProject } from '../../../projects/projects.js';

/** An object that says something: one without members is a mistake of its sender. */
const SETTINGS = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  description: 'an object with at least one setting',
} as const;
const { compaction, retention, ...plainStorage } = STORAGE_PROPERTIES;
const SETTINGS_PROPERTIES = {
  storage: {
    ...SETTINGS,
    properties: {
      ...plainStorage,
      compaction: { ...SETTINGS, properties: compaction.properties },
      retention: { ...SETTINGS, properties: retention.properties },
    },
  },
  authentication: { ...SETTINGS, properties: AUTHENTICATION_PROPERTIES },
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
