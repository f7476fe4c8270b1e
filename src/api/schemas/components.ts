/**
 * The schemas that the document of the API shows under a name of their own, wherever they are used.
 */
import type { JsonSchema } from '../../base/setting.js';
import {
  API_KEY_CHANGE, API_KEY_ENTRY, API_KEY_LIST, CREATED_API_KEY, NEW_API_KEY, NEW_GLOBAL_KEY, NEW_PROJECT_KEY, OVERLAP, OWN_API_KEY,
  ROTATED_API_KEY,
} from './access.js';
import { CHECKPOINT, EVENT, EVENTS_PAGE, FOUND_RECEIPT } from './events.js';
import { CLEAR_RECEIPT, KEY_RECEIPT, LISTING, VALUE } from './keys.js';
import { LIMITS } from './limits.js';
import { PROBLEM } from './problem.js';
import {
  AUTHENTICATION_CHANGE, AUTHENTICATION_VALUES, CHANGED_PROJECT, COMPACTION, CREATED_PROJECT, NEW_PROJECT, PROJECT_DETAILS,
  PROJECT_ID, PROJECT_LIST, PROJECT_STATE, QUOTA_CHANGE, QUOTA_VALUES, SETTINGS_CHANGE, STORAGE_CHANGE, STORAGE_VALUES,
} from './projects.js';
import { LIVENESS, NOT_READY, READY, ROOT } from './server.js';

/** By name. */
export const COMPONENT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Value: VALUE,
  KeyReceipt: KEY_RECEIPT,
  ClearReceipt: CLEAR_RECEIPT,
  Listing: LISTING,
  Event: EVENT,
  EventsPage: EVENTS_PAGE,
  Checkpoint: CHECKPOINT,
  FoundReceipt: FOUND_RECEIPT,
  ProjectId: PROJECT_ID,
  ProjectState: PROJECT_STATE,
  ProjectDetails: PROJECT_DETAILS,
  ProjectList: PROJECT_LIST,
  NewProject: NEW_PROJECT,
  CreatedProject: CREATED_PROJECT,
  SettingsChange: SETTINGS_CHANGE,
  ChangedProject: CHANGED_PROJECT,
  StorageChange: STORAGE_CHANGE,
  StorageSettings: STORAGE_VALUES,
  AuthenticationChange: AUTHENTICATION_CHANGE,
  AuthenticationSettings: AUTHENTICATION_VALUES,
  QuotaChange: QUOTA_CHANGE,
  QuotaSettings: QUOTA_VALUES,
  Limits: LIMITS,
  NewApiKey: NEW_API_KEY,
  ApiKeyEntry: API_KEY_ENTRY,
  ApiKeyList: API_KEY_LIST,
  ApiKeyChange: API_KEY_CHANGE,
  NewProjectKey: NEW_PROJECT_KEY,
  NewGlobalKey: NEW_GLOBAL_KEY,
  CreatedApiKey: CREATED_API_KEY,
  RotatedApiKey: ROTATED_API_KEY,
  OwnApiKey: OWN_API_KEY,
  Overlap: OVERLAP,
  Compaction: COMPACTION,
  Liveness: LIVENESS,
  Ready: READY,
  NotReady: NOT_READY,
  Root: ROOT,
  Problem: PROBLEM,
};
