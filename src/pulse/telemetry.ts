import { setTimeout as sleep } from "node:timers/promises";
import type { EventRecord, Measure, Span, TelemetryBatch, TelemetryPort } from "#src/acts/ports/telemetry-port.ts";
import { type HeldLock, tryLock } from "#src/database/lock.ts";
import type { Db } from "#src/database/open.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import type { Log } from "#src/kernel/log.ts";
import { type FeedEvent, readFeed } from "#src/journal/store/feed.ts";
import { agentSpan, modelIdentity, modelSpan, OPERATION_DURATION, SCHEMA_URL, TOKEN_USAGE, tokenType, toolSpan } from "./gen-ai.ts";
import { cursorOf, type EndedAct, endedActs, type EndedRun, endedRuns, moveCursor } from "./store/export.ts";

export interface TelemetryOptions {
  readonly db: Db;
  /** Of the database, without a pooler: one process at a time exports, by a lock on it. */
  readonly url: string;
  readonly log: Log;
  readonly port: TelemetryPort;
  /** Send what events say, not only that they happened. */
  readonly content: boolean;
}

const CURSOR = "telemetry";
const PAGE = 500;
const LOOK_EVERY_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Follows the journal and sends what happened: a span per act and run, a record per event, measurements of model calls. It reads the record, so the work waits for
 * nothing, and a place that is away misses nothing: the cursor stays. The trace of a run is its id, so every event of a run names its trace.
 */
export function startTelemetry(options: TelemetryOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    let lock: HeldLock | undefined;
    let pauseMs = LOOK_EVERY_MS;
    while (!stopping.signal.aborted) {
      try {
        if (lock?.lost.aborted) lock = undefined;
        lock ??= await tryLock(options.url, CURSOR, options.log);
        while (lock && !stopping.signal.aborted && (await exportPage(options))) pauseMs = LOOK_EVERY_MS;
      } catch (error) {
        if (pauseMs === LOOK_EVERY_MS) options.log.warn("telemetry could not be sent; it is tried again, and nothing is left out", { error });
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    await lock?.release();
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Sends the next events; false when there are no more. A crash before the cursor moved sends them again, under the same ids. */
export async function exportPage({ db, port, content }: Pick<TelemetryOptions, "db" | "port" | "content">): Promise<boolean> {
  const after = await cursorOf(db, CURSOR);
  const events = await readFeed(db, { after, limit: PAGE });
  if (events.length === 0) return false;
  await port.send(await batchOf(db, events, content));
  await moveCursor(db, CURSOR, events.at(-1)!.position);
  return events.length === PAGE;
}

const ACT_ENDS = new Set(["act.done", "act.failed", "act.denied", "act.unknown"]);
const RUN_ENDS = new Set(["run.done", "run.failed", "run.cancelled", "run.interrupted"]);

async function batchOf(db: Db, events: readonly FeedEvent[], content: boolean): Promise<TelemetryBatch> {
  const actIds = events.filter(({ kind }) => ACT_ENDS.has(kind)).flatMap((event) => actOf(event) ?? []);
  const runIds = events.filter(({ kind }) => RUN_ENDS.has(kind)).flatMap(({ runId }) => runId ?? []);
  const [acts, runs] = await Promise.all([endedActs(db, actIds), endedRuns(db, runIds)]);
  return {
    schemaUrl: SCHEMA_URL,
    spans: [...acts.flatMap(spanOfAct), ...runs.flatMap(spanOfRun)],
    records: events.map((event) => recordOf(event, content)),
    measures: acts.flatMap(measuresOf),
  };
}

function actOf({ payload }: FeedEvent): string | undefined {
  const act = (payload as { act?: unknown } | undefined)?.act;
  return typeof act === "string" ? act : undefined;
}

/** The hexadecimal part of an id: 32 digits, as a trace has. */
const traceOf = (runId: string): string => runId.slice(runId.indexOf("_") + 1);
/** Of an act the digits that differ most. */
const spanIdOf = (id: string): string => traceOf(id).slice(-16);

function spanOfAct(act: EndedAct): Span[] {
  const { startedAt, endedAt } = act;
  if (!startedAt || !endedAt) return []; // denied before it began: the record of the event says so
  const { name, attributes } = named(act);
  return [
    {
      traceId: traceOf(act.runId),
      spanId: spanIdOf(act.id),
      parentSpanId: spanIdOf(act.runId),
      name,
      kind: act.kind === "model" ? "client" : "internal",
      startMs: startedAt.getTime(),
      endMs: endedAt.getTime(),
      attributes: {
        ...attributes,
        "loop.act.id": act.id,
        "loop.act.kind": act.kind,
        "loop.run.id": act.runId,
        "loop.cost.usd": act.costNanos === null ? undefined : act.costNanos / 1e9,
        "error.type": act.state === "done" ? undefined : (act.error?.code ?? act.state),
      },
      ...(act.state === "done" ? {} : { failure: act.error?.message ?? act.state }),
    },
  ];
}

function named(act: EndedAct) {
  if (act.kind === "model") return modelSpan({ ...act, model: act.model ?? "unknown", responseModel: act.result?.model, finish: act.result?.finish });
  if (act.kind === "tool") return toolSpan(act.name, act.callId ?? undefined);
  return { name: `${act.kind} ${act.name}`, attributes: {} };
}

function spanOfRun(run: EndedRun): Span[] {
  if (!run.endedAt) return [];
  const { name, attributes } = agentSpan(run.agent, run.threadId ?? run.ticketId);
  const labels = Object.fromEntries(Object.entries(run.labels).map(([key, value]) => [`loop.label.${key}`, value]));
  return [
    {
      traceId: traceOf(run.id),
      spanId: spanIdOf(run.id),
      name,
      kind: "internal",
      startMs: run.createdAt.getTime(),
      endMs: run.endedAt.getTime(),
      attributes: {
        ...attributes,
        ...labels,
        "loop.run.id": run.id,
        "loop.ticket.id": run.ticketId ?? undefined,
        "loop.run.state": run.state,
        "loop.revision": run.revision,
      },
      ...(run.state === "done" ? {} : { failure: run.reason ?? run.state }),
    },
  ];
}

function recordOf({ kind, at, actor, position, runId, ticketId, payload }: FeedEvent, content: boolean): EventRecord {
  return {
    atMs: Date.parse(at),
    name: `loop.${kind}`,
    body: content && payload !== undefined ? canonicalJson(payload as Json) : kind,
    ...(runId === null ? {} : { traceId: traceOf(runId), spanId: spanIdOf(runId) }),
    attributes: { "loop.position": position, "loop.actor": actor, "loop.run.id": runId ?? undefined, "loop.ticket.id": ticketId ?? undefined },
  };
}

function measuresOf(act: EndedAct): Measure[] {
  if (act.kind !== "model" || !act.model || !act.startedAt || !act.endedAt) return [];
  const atMs = act.endedAt.getTime();
  const identity = { ...modelIdentity({ model: act.model }), "gen_ai.agent.name": act.agent };
  const tokens = (type: "input" | "output", value: number | null): Measure[] =>
    value === null ? [] : [{ name: TOKEN_USAGE, unit: "{token}", atMs, value, attributes: { ...identity, ...tokenType(type) } }];
  const failed = act.state === "done" ? {} : { "error.type": act.error?.code ?? act.state };
  const duration = { name: OPERATION_DURATION, unit: "s", atMs, value: (atMs - act.startedAt.getTime()) / 1_000, attributes: { ...identity, ...failed } };
  return [duration, ...tokens("input", act.inputTokens), ...tokens("output", act.outputTokens)];
}
