import type { Attributes, EventRecord, Measure, Span, TelemetryBatch, TelemetryPort } from "#src/acts/ports/telemetry-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { histogramsOf } from "./histogram.ts";

export interface OtlpOptions {
  /** Where OTLP over HTTP is taken, such as `http://127.0.0.1:4318`; `/v1/traces`, `/v1/logs` and `/v1/metrics` are put behind it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Attributes;
  /** Takes known secrets out of whatever leaves. */
  readonly redact: (text: string) => string;
}

const TIMEOUT_MS = 10_000;
const SCOPE = { name: "loopwright" };
const KIND = { internal: 1, client: 3 } as const;
const ERROR_STATUS = 2;

/** OTLP 1.x as JSON over HTTP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). What is empty is not sent. */
export function otlpTelemetry(options: OtlpOptions): TelemetryPort {
  const resource = { attributes: attributesOf(options.resource) };
  const post = async (path: string, body: object): Promise<void> => {
    const url = `${options.url.replace(/\/$/, "")}${path}`;
    const headers = { "content-type": "application/json", ...options.headers };
    const request = {
      method: "POST",
      headers,
      body: options.redact(JSON.stringify(body)),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: "error",
    } as const;
    const answer = await fetch(url, request).catch((cause: unknown) => unavailable(url, String((cause as Error).message), cause));
    await answer.arrayBuffer();
    if (!answer.ok) unavailable(url, `it answered ${answer.status}`);
  };
  return {
    async send({ schemaUrl, spans, records, measures }: TelemetryBatch) {
      if (spans.length > 0) await post("/v1/traces", { resourceSpans: [{ resource, scopeSpans: [{ scope: SCOPE, schemaUrl, spans: spans.map(spanOf) }] }] });
      if (records.length > 0)
        await post("/v1/logs", { resourceLogs: [{ resource, scopeLogs: [{ scope: SCOPE, schemaUrl, logRecords: records.map(recordOf) }] }] });
      if (measures.length > 0)
        await post("/v1/metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ scope: SCOPE, schemaUrl, metrics: metricsOf(measures) }] }] });
    },
  };
}

function unavailable(url: string, why: string, cause?: unknown): never {
  const shown = new URL(url);
  throw new LoopError("telemetry_unavailable", `Telemetry could not be sent to ${shown.origin}${shown.pathname}: ${why}. It is tried again; nothing is lost.`, {
    cause,
  });
}

const nanos = (ms: number): string => `${Math.round(ms)}000000`;

function attributesOf(attributes: Attributes): { key: string; value: object }[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]));
}

function valueOf(value: NonNullable<Attributes[string]>): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}

function spanOf({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, failure }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: KIND[kind],
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes),
    ...(failure === undefined ? {} : { status: { code: ERROR_STATUS, message: failure } }),
  };
}

const INFO = { severityNumber: 9, severityText: "INFO" };

function recordOf({ atMs, name, body, traceId, spanId, attributes }: EventRecord): object {
  return {
    timeUnixNano: nanos(atMs),
    ...INFO,
    eventName: name,
    body: { stringValue: body },
    attributes: attributesOf(attributes),
    ...(traceId === undefined ? {} : { traceId }),
    ...(spanId === undefined ? {} : { spanId }),
  };
}

const DELTA = 1;

function metricsOf(measures: readonly Measure[]): object[] {
  return histogramsOf(measures).map(({ name, unit, points }) => ({
    name,
    unit,
    histogram: {
      aggregationTemporality: DELTA,
      dataPoints: points.map(({ attributes, fromMs, toMs, count, sum, bounds, counts }) => ({
        attributes: attributesOf(attributes),
        startTimeUnixNano: nanos(fromMs),
        timeUnixNano: nanos(toMs),
        count: String(count),
        sum,
        explicitBounds: bounds,
        bucketCounts: counts.map(String),
      })),
    },
  }));
}
