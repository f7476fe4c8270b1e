/**
 * The stable codes of everything that can be refused or fail. Clients match on them, so a code is never renamed.
 * Which HTTP status a code gets is the HTTP room's business.
 */

/** Every code, in the order in which the README's table lists them. */
export const ERROR_CODES = [
  'bad_request',
  'invalid_target',
  'key_in_url',
  'ambiguous_credentials',
  'ambiguous_host',
  'too_many_headers',
  'headers_too_large',
  'http_version_not_supported',
  'misdirected_request',
  'request_timeout',
  'expectation_failed',
  'not_found',
  'method_not_allowed',
  'unauthorized',
  'forbidden',
  'cross_site_request',
  'too_many_failed_keys',
  'invalid_project_id',
  'invalid_key',
  'invalid_query',
  'invalid_settings',
  'invalid_precondition',
  'project_not_found',
  'key_not_found',
  'project_exists',
  'project_files_exist',
  'project_not_served',
  'not_on_disk',
  'precondition_failed',
  'unsupported_media_type',
  'unsupported_content_encoding',
  'body_too_large',
  'line_too_large',
  'empty_body',
  'invalid_utf8',
  'invalid_json',
  'incomplete_body',
  'queue_full',
  'disk_full',
  'log_failed',
  'outcome_unknown',
  'project_corrupt',
  'server_log_corrupt',
  'config_write_failed',
  'compaction_failed',
  'starting',
  'shutting_down',
  'internal_error',
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];
