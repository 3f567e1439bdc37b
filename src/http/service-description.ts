import type { Json } from "#src/kernel/canonical-json.ts";
import type { Service } from "#src/workspace/model.ts";

type Schema = { readonly [key: string]: unknown };

interface Description {
  readonly paths?: object | undefined;
  readonly components?: { readonly schemas?: object | undefined } | undefined;
}

/** The description of the server with the applied services: each under its name and under the path of its own. */
export function withServices<T extends Description>(document: T, services: readonly Service[]): T {
  const paths = services.flatMap((service) => [
    [`/v1/services/${service.name}`, { post: operation(service, "named") }],
    ...(service.path === undefined ? [] : [[service.path, { post: operation(service, "bare") }]]),
  ]);
  const schemas = services.flatMap((service) => [
    [nameOf(service, "Input"), inputOf(service)],
    [nameOf(service, "Output"), outputOf(service)],
  ]);
  return {
    ...document,
    paths: { ...document.paths, ...Object.fromEntries(paths) },
    components: { ...document.components, schemas: { ...document.components?.schemas, ...Object.fromEntries(schemas), ...COMMON_SCHEMAS } },
  };
}

const nameOf = ({ name }: Service, what: "Input" | "Output"): string => `Service.${name}.${what}`;
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Schema): Schema => ({ "application/json": { schema } });

/** `bare`: at its own path a service answers with its output alone. */
function operation(service: Service, place: "named" | "bare"): Schema {
  const { name, description, limits } = service;
  const output = ref(nameOf(service, "Output"));
  const done =
    place === "bare" ? output : { type: "object", properties: { ...RESULT, state: { const: "done" }, output }, required: ["run_id", "state", "output"] };
  return {
    operationId: `${place === "bare" ? "path" : "service"}_${name}`,
    summary: description === "" ? `Call the service ${name}.` : description,
    tags: [`service ${name}`],
    parameters: [IDEMPOTENCY_KEY],
    requestBody: { required: true, content: json(ref(nameOf(service, "Input"))) },
    responses: {
      200: {
        description: "The answer; with `stream`, as events run, message and result.",
        content: { ...json(done), "text/event-stream": { schema: { type: "string" } } },
      },
      202: failure("A person is asked before it goes on; or, with `callback_url`, the result will be sent there."),
      401: failure("No token that counts."),
      403: failure("The token may not call services."),
      413: failure("The body is larger than 10 MB."),
      422: { description: "The input does not fit: a place, a sentence and a type for each fault.", content: json(ref("ServiceFaults")) },
      429: {
        description: `More than ${limits.callsPerMinute} calls a minute.`,
        headers: { "Retry-After": { description: "In seconds.", schema: { type: "integer" } } },
        content: json(ref("ServiceFailure")),
      },
      502: failure(`No answer that fits, after one repair (\`${service.unusable}\`), or the run failed.`),
      503: failure("No model answers: it is not set up, or its provider does not answer."),
      504: failure(`Nothing after ${limits.timeout / 1_000} seconds. The work goes on: GET /v1/services/${name}/runs/{run_id}.`),
    },
  };
}

const failure = (description: string): Schema => ({ description, content: json(ref("ServiceFailure")) });

const RESULT = {
  run_id: { type: ["string", "null"] },
  session_id: { type: ["string", "null"] },
  state: { enum: ["done", "failed", "waiting", "working", "accepted"] },
};

const COMMON_SCHEMAS = {
  ServiceFaults: {
    type: "object",
    required: ["detail"],
    properties: {
      detail: {
        type: "array",
        items: {
          type: "object",
          required: ["loc", "msg", "type"],
          properties: { loc: { type: "array", items: { type: ["string", "integer"] } }, msg: { type: "string" }, type: { type: "string" } },
        },
      },
    },
  },
  ServiceFailure: { type: "object", properties: { ...RESULT, code: { type: "string" }, error: { type: "string" } } },
};

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  schema: { type: "string", maxLength: 200 },
  description: "The same key is the same call. Without one, the same body in the same session is the same call for ten minutes.",
};

const FILE = {
  anyOf: [
    { type: "string", description: "data:image/png;base64,…" },
    {
      type: "object",
      required: ["mediaType", "data"],
      properties: { name: { type: "string" }, mediaType: { type: "string" }, data: { type: "string", contentEncoding: "base64" } },
      additionalProperties: false,
    },
  ],
};

/** Members that every service takes. */
const COMMON_MEMBERS = {
  session_id: { type: ["string", "null"], description: "Goes on with this session." },
  callback_url: { type: ["string", "null"], format: "uri", description: "Answers 202 at once and sends the result there, signed." },
  conversation: { type: ["boolean", "null"] },
  stream: { type: ["boolean", "null"], description: "Answers with server-sent events." },
  messages: {
    type: ["array", "null"],
    items: { type: "object", required: ["text"], properties: { role: { type: "string" }, text: { type: "string" } } },
  },
  images: { type: ["array", "null"], items: FILE, maxItems: 16 },
  files: { type: ["array", "null"], items: FILE, maxItems: 16 },
};

/** As the file has it, with what every service takes where it leaves room for that. */
function inputOf(service: Service): Schema {
  const own = placed(service.input ?? { type: "object" }, nameOf(service, "Input")) as Schema;
  return own["additionalProperties"] === false ? own : { ...own, properties: { ...COMMON_MEMBERS, ...(own["properties"] as Schema | undefined) } };
}

function outputOf(service: Service): Schema {
  if (service.output) return placed(service.output, nameOf(service, "Output")) as Schema;
  if (service.reply === "messages") {
    const message = { text: { type: "string" }, role: { const: "assistant" }, html: { type: "string" } };
    return { type: "array", items: { type: "object", required: Object.keys(message), properties: message } };
  }
  return { type: "object", required: ["text"], properties: { text: { type: "string" } } };
}

/** References within the schema, as they are written once it stands among those of the document. */
function placed(schema: Json | undefined, name: string): unknown {
  if (Array.isArray(schema)) return schema.map((item: Json) => placed(item, name));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" && value.startsWith("#") ? `#/components/schemas/${name}${value.slice(1)}` : placed(value, name),
    ]),
  );
}
