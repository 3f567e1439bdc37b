import { z } from "zod";
import type { IncomingFile } from "#src/intake/incoming-file.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Service } from "#src/workspace/model.ts";

/** What is wrong with one member of a body. `loc`: where it stands, `body` first. */
export interface InputFault {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** The input of a service does not fit. */
export class InputError extends LoopError {
  readonly faults: readonly InputFault[];
  constructor(faults: readonly InputFault[]) {
    super("input_invalid", `The input cannot be taken. ${faults.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ")}.`, {
      facts: { problems: faults.length },
    });
    this.faults = faults;
  }
}

const MOST_FILES = 16;
const DATA_URI = /^data:([a-z]+\/[a-z0-9.+-]{1,100});base64,([A-Za-z0-9+/=\s]*)$/;

/** `data:image/png;base64,…`, or the parts of it. Addresses are not fetched: whoever calls has the file. */
const file = z
  .union([
    z.string().regex(DATA_URI, "expected a data: URI with the bytes in base64; addresses are not fetched"),
    z.strictObject({ name: z.string().max(200).optional(), mediaType: z.string().regex(/^[a-z]+\/[a-z0-9.+-]{1,100}$/), data: z.base64() }),
  ])
  .transform((given) => {
    if (typeof given !== "string") return given;
    const [, mediaType = "", data = ""] = DATA_URI.exec(given) ?? [];
    return { mediaType, data, name: undefined };
  });

const message = z.object({ role: z.string().max(40).default("user"), text: z.string().max(100_000) });

/** Members that mean the same for every service; a service's own schema may ask more of them. */
const common = z.looseObject({
  session_id: z.string().min(1).max(256).nullish(),
  callback_url: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .nullish(),
  conversation: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  messages: z.array(message).max(1_000).nullish(),
  images: z.array(file).max(MOST_FILES).nullish(),
  files: z.array(file).max(MOST_FILES).nullish(),
});

export interface ServiceInput {
  readonly sessionId: string | undefined;
  readonly callbackUrl: string | undefined;
  readonly conversation: boolean;
  readonly stream: boolean;
  readonly messages: readonly { readonly role: string; readonly text: string }[];
  readonly files: readonly IncomingFile[];
  /** Everything that was sent, as JSON. */
  readonly body: Readonly<Record<string, Json>>;
  /** What the service asks for, without what is common and what files are. */
  readonly rest: Readonly<Record<string, Json>>;
}

const COMMON = new Set(["session_id", "callback_url", "conversation", "stream", "messages", "images", "files"]);
const schemas = new WeakMap<object, z.ZodType>();

/** The body of a call, by what is common to all services and by the schema of this one. @throws InputError with everything that is wrong */
export function readInput(service: Service, given: unknown): ServiceInput {
  const read = common.safeParse(given ?? {});
  const own = service.input && schemaOf(service.input).safeParse(given ?? {});
  const faults = [...(read.error?.issues ?? []), ...(own?.error?.issues ?? [])].flatMap(faultsOf);
  if (!read.success || faults.length > 0) throw new InputError(distinct(faults));
  const { session_id, callback_url, conversation, stream, messages, images, files } = read.data;
  const body = given as Readonly<Record<string, Json>>;
  const rest = Object.fromEntries(Object.entries(body).filter(([key]) => !COMMON.has(key)));
  requireShort([rest, messages ?? []]);
  return {
    sessionId: session_id ?? undefined,
    callbackUrl: callback_url ?? undefined,
    conversation: conversation ?? service.conversation,
    stream: stream ?? false,
    messages: messages ?? [],
    files: [...(images ?? []).map(named("image")), ...(files ?? []).map(named("file"))],
    body,
    rest,
  };
}

/** More than any model reads at once, and far more than a call should cost. Files do not count: they have a limit of their own. */
const LONGEST_TEXT = 1_000_000;

function requireShort(said: Json): void {
  const { length } = JSON.stringify(said);
  if (length > LONGEST_TEXT)
    throw new InputError([{ loc: ["body"], msg: `expected ${LONGEST_TEXT} characters of JSON at most beside files; these are ${length}`, type: "too_big" }]);
}

/** A JSON Schema as something that reads; made once. */
function schemaOf(schema: object): z.ZodType {
  let known = schemas.get(schema);
  if (known === undefined) schemas.set(schema, (known = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])));
  return known;
}

const named =
  (kind: string) =>
  ({ name, mediaType, data }: { readonly name?: string | undefined; readonly mediaType: string; readonly data: string }, index: number): IncomingFile => ({
    name: name ?? `${kind}-${index + 1}`,
    mediaType,
    content: Buffer.from(data, "base64"),
  });

type Issue = z.core.$ZodIssue;

function faultsOf(issue: Issue): InputFault[] {
  const loc = ["body", ...issue.path.map((part) => (typeof part === "number" ? part : String(part).slice(0, 80)))];
  const isMissing = isForMissing(issue);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ loc: [...loc, key.slice(0, 80)], msg: "there is no such member", type: "extra_forbidden" }));
  return [{ loc, msg: isMissing ? "it is required" : wordsOf(issue), type: isMissing ? "missing" : issue.code }];
}

/** Of a member with several forms each says that it is missing. */
const isForMissing = (issue: Issue): boolean =>
  issue.code === "invalid_union"
    ? issue.errors.length > 0 && issue.errors.every((form) => form.some((one) => one.path.length === 0 && isForMissing(one)))
    : issue.code === "invalid_type" && issue.message.endsWith("received undefined");

/** Of a member with several forms: what each expects. */
function wordsOf(issue: Issue): string {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue.message;
  const forms = issue.errors.map((form) =>
    form.map((one) => [one.path.join("."), wordsOf(one).replace(/^Invalid \w+: /, "")].filter(Boolean).join(": ")).join(" and "),
  );
  return forms.join(", or ").slice(0, LONGEST_WORDS);
}

const LONGEST_WORDS = 500;

const distinct = (faults: readonly InputFault[]): InputFault[] => [...new Map(faults.map((fault) => [fault.loc.join("."), fault])).values()];
