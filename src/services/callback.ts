import { createHmac } from "node:crypto";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Service } from "#src/workspace/model.ts";
import { callDelivered, endOfCall } from "./end.ts";
import { resultOf } from "./result.ts";
import { findCall, markCalledBack } from "./store/calls.ts";

/** Sends one request to where a caller wants the result. `hosts`: those within the own network that may be asked. @throws LoopError surface_unavailable | surface_refused */
export type SendCallback = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
}) => Promise<void>;

export interface CallbackDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
  readonly secret: (reference: string) => Promise<string | undefined>;
  readonly send: SendCallback;
}

/**
 * Sends the result of a call to its `callback_url`, signed as Standard Webhooks has it (https://www.standardwebhooks.com). A failure is thrown, so that the queue
 * tries again and at last keeps a dead letter. The id is the same on every try: whoever receives it can tell a repeat after a crash.
 */
export async function deliverCallback(deps: CallbackDeps, { callId, signal }: { readonly callId: string; readonly signal: AbortSignal }): Promise<void> {
  const call = await findCall(deps.db, { id: callId });
  if (!call?.callbackUrl || call.callbackState !== "waiting") return;
  const { workspace } = await deps.workspaces.current();
  const service = workspace.services.find(({ name }) => name === call.service);
  const secret = service?.callbackSecret && (await deps.secret(service.callbackSecret));
  if (!service || !secret) {
    throw new LoopError(
      "secret_unavailable",
      `The result of ${call.id} cannot be signed: the service ${call.service} is gone, or its callbackSecret has no value.`,
    );
  }
  const key = signingKey(secret, service);
  const end = await endOfCall(deps.db, call);
  const { state, output, code, error } = resultOf(service, end);
  const body = JSON.stringify({ id: call.id, run_id: call.runId, session_id: call.sessionId, state, output, code, error });
  const timestamp = Math.floor(deps.clock.nowMs() / 1_000);
  const headers = {
    "content-type": "application/json",
    "webhook-id": call.id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${createHmac("sha256", key).update(`${call.id}.${timestamp}.${body}`).digest("base64")}`,
  };
  await deps.send({ url: call.callbackUrl, headers, body, hosts: service.callbackHosts, signal });
  failpoint("callback.sent");
  await inTransaction(deps.db, async (tx) => {
    await markCalledBack(tx, call.id);
    failpoint("callback.marked");
    if (end && state === "done") await callDelivered(tx, call, end.id);
    failpoint("callback.delivered");
  });
  failpoint("callback.committed");
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** The standard advises 24 to 64 bytes; with fewer than these a signature can be guessed. */
const SHORTEST_KEY_BYTES = 16;

/** Secrets that begin with `whsec_` hold base64, as the standard has it; others are taken as they are. What is no base64 would become an empty key, which everybody has. */
function signingKey(secret: string, service: Pick<Service, "name" | "callbackSecret">): Buffer {
  const coded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : undefined;
  const key = coded === undefined ? Buffer.from(secret) : Buffer.from(BASE64.test(coded) ? coded : "", "base64");
  if (key.length >= SHORTEST_KEY_BYTES) return key;
  throw new LoopError(
    "secret_unavailable",
    `The callbackSecret of the service ${service.name} makes a key of ${key.length} bytes to sign with. Expected ${SHORTEST_KEY_BYTES} or more, or whsec_ and base64 of as many.`,
    { facts: { service: service.name } },
  );
}
