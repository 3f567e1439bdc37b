interface ErrorKind {
  readonly httpStatus: number;
  /** Whether the same call may succeed later without a change. */
  readonly retry: "never" | "later";
}

/** Every named failure. Its row in docs/errors.md says what a person does about it. */
export const ERRORS = {
  act_unknown: { httpStatus: 404, retry: "never" },
  address_unusable: { httpStatus: 500, retry: "never" },
  agent_unknown: { httpStatus: 422, retry: "never" },
  apply_stale: { httpStatus: 409, retry: "never" },
  ask_not_open: { httpStatus: 409, retry: "never" },
  ask_not_yours: { httpStatus: 403, retry: "never" },
  ask_option_unknown: { httpStatus: 422, retry: "never" },
  ask_unknown: { httpStatus: 404, retry: "never" },
  backup_invalid: { httpStatus: 422, retry: "never" },
  backup_locked: { httpStatus: 422, retry: "never" },
  backup_newer: { httpStatus: 422, retry: "never" },
  body_too_large: { httpStatus: 413, retry: "never" },
  budget_busy: { httpStatus: 429, retry: "later" },
  budget_reached: { httpStatus: 402, retry: "never" },
  budget_unknown: { httpStatus: 404, retry: "never" },
  call_refused: { httpStatus: 400, retry: "never" },
  claim_held: { httpStatus: 409, retry: "later" },
  credential_invalid: { httpStatus: 401, retry: "never" },
  database_newer: { httpStatus: 500, retry: "never" },
  database_unavailable: { httpStatus: 503, retry: "later" },
  database_version_unsupported: { httpStatus: 500, retry: "never" },
  dead_letter_unknown: { httpStatus: 404, retry: "never" },
  delivery_conflict: { httpStatus: 409, retry: "never" },
  embedder_unavailable: { httpStatus: 503, retry: "later" },
  goal_unknown: { httpStatus: 404, retry: "never" },
  handle_taken: { httpStatus: 409, retry: "never" },
  home_in_use: { httpStatus: 409, retry: "later" },
  home_not_usable: { httpStatus: 500, retry: "never" },
  idempotency_key_reused: { httpStatus: 422, retry: "never" },
  identity_taken: { httpStatus: 409, retry: "never" },
  input_invalid: { httpStatus: 422, retry: "never" },
  internal_error: { httpStatus: 500, retry: "never" },
  journal_broken: { httpStatus: 500, retry: "never" },
  json_malformed: { httpStatus: 400, retry: "never" },
  media_type_unsupported: { httpStatus: 415, retry: "never" },
  memory_unknown: { httpStatus: 404, retry: "never" },
  method_not_allowed: { httpStatus: 405, retry: "never" },
  model_denied: { httpStatus: 403, retry: "never" },
  model_missing: { httpStatus: 422, retry: "never" },
  model_unknown: { httpStatus: 404, retry: "never" },
  origin_refused: { httpStatus: 403, retry: "never" },
  permission_missing: { httpStatus: 403, retry: "never" },
  port_in_use: { httpStatus: 500, retry: "later" },
  postgres_missing: { httpStatus: 500, retry: "never" },
  principal_unknown: { httpStatus: 404, retry: "never" },
  proposal_not_open: { httpStatus: 409, retry: "never" },
  proposal_stale: { httpStatus: 409, retry: "never" },
  proposal_unknown: { httpStatus: 404, retry: "never" },
  proposal_untested: { httpStatus: 409, retry: "never" },
  provider_failed: { httpStatus: 502, retry: "later" },
  provider_limited: { httpStatus: 429, retry: "later" },
  rate_exceeded: { httpStatus: 429, retry: "later" },
  receipt_invalid: { httpStatus: 422, retry: "never" },
  receipt_unknown: { httpStatus: 404, retry: "never" },
  report_unknown: { httpStatus: 404, retry: "never" },
  request_malformed: { httpStatus: 400, retry: "never" },
  restore_target_taken: { httpStatus: 409, retry: "never" },
  revision_unknown: { httpStatus: 404, retry: "never" },
  route_unknown: { httpStatus: 404, retry: "never" },
  run_not_open: { httpStatus: 409, retry: "never" },
  run_unknown: { httpStatus: 404, retry: "never" },
  sandbox_unavailable: { httpStatus: 503, retry: "never" },
  schedule_unknown: { httpStatus: 404, retry: "never" },
  secret_unavailable: { httpStatus: 503, retry: "never" },
  secret_unknown: { httpStatus: 404, retry: "never" },
  server_not_running: { httpStatus: 503, retry: "later" },
  service_unknown: { httpStatus: 404, retry: "never" },
  settings_invalid: { httpStatus: 500, retry: "never" },
  signing_key_unusable: { httpStatus: 500, retry: "never" },
  storage_full: { httpStatus: 507, retry: "later" },
  surface_refused: { httpStatus: 502, retry: "never" },
  surface_unavailable: { httpStatus: 503, retry: "later" },
  thread_unknown: { httpStatus: 404, retry: "never" },
  ticket_not_open: { httpStatus: 409, retry: "never" },
  telemetry_unavailable: { httpStatus: 503, retry: "later" },
  ticket_unknown: { httpStatus: 404, retry: "never" },
  token_missing: { httpStatus: 500, retry: "never" },
  token_unknown: { httpStatus: 404, retry: "never" },
  tool_failed: { httpStatus: 502, retry: "never" },
  tool_login_refused: { httpStatus: 502, retry: "never" },
  tool_not_changed: { httpStatus: 409, retry: "never" },
  tool_unknown: { httpStatus: 404, retry: "never" },
  tool_unavailable: { httpStatus: 503, retry: "later" },
  worker_exists: { httpStatus: 409, retry: "never" },
  worker_unavailable: { httpStatus: 503, retry: "later" },
  worker_unknown: { httpStatus: 404, retry: "never" },
  workspace_invalid: { httpStatus: 422, retry: "never" },
  workspace_moving: { httpStatus: 409, retry: "later" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** Ids, sizes, states. Never secrets, never bodies. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

/** A named failure. The message is for a person: what was seen, what was expected, what to do. */
export class LoopError extends Error {
  override readonly name = "LoopError";
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, more: { facts?: ErrorFacts; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.code = code;
    this.facts = more.facts ?? {};
  }

  get httpStatus(): number {
    return ERRORS[this.code].httpStatus;
  }

  get retry(): "never" | "later" {
    return ERRORS[this.code].retry;
  }
}
