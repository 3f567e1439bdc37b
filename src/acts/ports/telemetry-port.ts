/** What happened, for systems that watch many programs. Each call may be repeated with the same ids after a crash. @throws LoopError telemetry_unavailable */
export interface TelemetryPort {
  send(batch: TelemetryBatch): Promise<void>;
}

export interface TelemetryBatch {
  /** The conventions that the names follow. */
  readonly schemaUrl: string;
  readonly spans: readonly Span[];
  readonly records: readonly EventRecord[];
  readonly measures: readonly Measure[];
}

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Times in milliseconds since 1970. Ids in lower-case hexadecimal: 32 digits for a trace, 16 for a span. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: "internal" | "client";
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Why it failed; left out: it did not. */
  readonly failure?: string;
}

/** One event of the journal. */
export interface EventRecord {
  readonly atMs: number;
  readonly name: string;
  readonly body: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes: Attributes;
}

/** One value of a measurement, such as a duration or a number of tokens. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly atMs: number;
  readonly value: number;
  readonly attributes: Attributes;
}
