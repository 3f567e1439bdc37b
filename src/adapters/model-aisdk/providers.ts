import { LoopError } from "#src/kernel/errors.ts";

export type Wire = "openai" | "openai-compatible" | "anthropic" | "google" | "openrouter" | "ollama" | "bedrock";

/** One entry of `providers` in `loop.yaml`. */
export interface ProviderEntry {
  readonly wire: Wire;
  readonly baseUrl?: string | undefined;
  /** `secret:name`. */
  readonly apiKey?: string | undefined;
  /** AWS only. */
  readonly region?: string | undefined;
}

/** What the usual environment variables say about where providers are. */
export interface ProviderDefaults {
  readonly baseUrls: { readonly [wire in Wire]?: string };
  readonly awsRegion: string | undefined;
}

/** Where models are and how their keys are found. A provider that is not in `providers` but has the name of a wire is that wire at its usual place. */
export interface ProviderSources {
  /** As they are in force now; asked before each request. A function, since a list would stay what it was when somebody copied the sources. */
  readonly providers: () => Readonly<Record<string, ProviderEntry>>;
  /**
   * The value of `secret:name` or `secret:env:NAME`; undefined, or LoopError secret_unavailable, where there is none. Asked before each request, so a
   * rotated key needs no restart.
   * `secret:env:NAME` is asked only for a provider without `apiKey` at its wire's usual place: a vendor's key never goes to an address that a file names.
   */
  readonly secrets: (reference: string) => Promise<string | undefined>;
  readonly defaults?: ProviderDefaults;
  /** Keys that only lie in the environment are not looked for; those that a file names are used all the same. */
  readonly ignoresEnvironment?: boolean;
}

/** A provider ready for one request. */
export interface Provider {
  readonly name: string;
  readonly wire: Wire;
  /** The model in the provider's own words. */
  readonly model: string;
  readonly baseUrl: string;
  /** AWS only; there it is always set. */
  readonly region: string | undefined;
  /** Bedrock: an API key, or `accessKeyId:secretAccessKey` with `:sessionToken` where there is one. */
  readonly key: string | undefined;
}

export type Resolved =
  | { readonly kind: "found"; readonly provider: Provider }
  | { readonly kind: "unusable"; readonly reason: "bad_request" | "not_authorised"; readonly why: string; readonly retryable: boolean };

interface WireFacts {
  /** Undefined: an entry has to say it. */
  readonly baseUrl: string | undefined;
  /** Put after a base URL that has no path of its own. */
  readonly path: string;
  /** Environment variables with a key, the first that is set counts; `+` joins those that belong together, `?` marks one that may be missing. */
  readonly keys: readonly string[];
  readonly keyNeeded: boolean;
}

const WIRES: Record<Wire, WireFacts> = {
  openai: { baseUrl: "https://api.openai.com", path: "/v1", keys: ["OPENAI_API_KEY"], keyNeeded: true },
  "openai-compatible": { baseUrl: undefined, path: "", keys: [], keyNeeded: false },
  anthropic: { baseUrl: "https://api.anthropic.com", path: "/v1", keys: ["ANTHROPIC_API_KEY"], keyNeeded: true },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com",
    path: "/v1beta",
    keys: ["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"],
    keyNeeded: true,
  },
  openrouter: { baseUrl: "https://openrouter.ai", path: "/api/v1", keys: ["OPENROUTER_API_KEY"], keyNeeded: true },
  ollama: { baseUrl: "http://127.0.0.1:11434", path: "", keys: ["OLLAMA_API_KEY"], keyNeeded: false },
  bedrock: {
    baseUrl: undefined,
    path: "",
    keys: ["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID+AWS_SECRET_ACCESS_KEY+AWS_SESSION_TOKEN?"],
    keyNeeded: true,
  },
};

/** Reads the variables that the vendors' own tools read. Pass the environment in: the adapter itself reads none. */
export function defaultsFrom(environment: Readonly<Record<string, string | undefined>>): ProviderDefaults {
  const named = (name: string) => environment[name]?.trim() || undefined;
  const urls: [Wire, string | undefined][] = [
    ["openai", named("OPENAI_BASE_URL")],
    ["anthropic", named("ANTHROPIC_BASE_URL")],
    ["google", named("GOOGLE_GENERATIVE_AI_BASE_URL")],
    ["openrouter", named("OPENROUTER_BASE_URL")],
    ["ollama", named("OLLAMA_BASE_URL")],
    ["bedrock", named("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")],
  ];
  return {
    baseUrls: Object.fromEntries(urls.filter(([, url]) => url !== undefined)),
    awsRegion: named("AWS_REGION") ?? named("AWS_DEFAULT_REGION"),
  };
}

/** Finds the provider of `provider:model` and its key. What cannot be used is an answer, with words for a person. */
export async function resolveProvider(sources: ProviderSources, modelName: string): Promise<Resolved> {
  const colon = modelName.indexOf(":");
  const name = modelName.slice(0, Math.max(colon, 0));
  const model = modelName.slice(colon + 1);
  if (name === "" || model === "") return badRequest(`"${modelName}" names no model. Expected provider:model, such as anthropic:claude-haiku-4-5.`);
  const providers = sources.providers();
  const listed = Object.hasOwn(providers, name) ? providers[name] : undefined;
  const entry = listed ?? (Object.hasOwn(WIRES, name) ? { wire: name as Wire } : undefined);
  if (!entry) return badRequest(`There is no provider "${name}". Add it to providers in loop.yaml, or use one of ${Object.keys(WIRES).join(", ")}.`);

  const region = entry.wire === "bedrock" ? (entry.region ?? sources.defaults?.awsRegion) : undefined;
  if (entry.wire === "bedrock" && region === undefined) return badRequest(`Provider "${name}" needs a region in loop.yaml, or AWS_REGION.`);
  const baseUrl = baseUrlOf(entry, region, sources.defaults);
  if (baseUrl === undefined) return badRequest(`Provider "${name}" needs a baseUrl in loop.yaml: its wire ${entry.wire} has no usual address.`);
  const found = await keyOf(sources, entry);
  if (found.kind === "unusable") return found;
  if (found.key === undefined && WIRES[entry.wire].keyNeeded) return notAuthorised(whyNoKey(name, entry));
  return { kind: "found", provider: { name, wire: entry.wire, model, baseUrl, region, key: found.key } };
}

/** What no message may show. A key of AWS has parts, and each is a secret. */
export function secretsOf(provider: Provider | undefined): readonly string[] {
  if (provider?.key === undefined) return [];
  return provider.wire === "bedrock" ? [provider.key, ...provider.key.split(":")] : [provider.key];
}

const badRequest = (why: string): Resolved => ({ kind: "unusable", reason: "bad_request", why, retryable: false });
const notAuthorised = (why: string, retryable = false) => ({ kind: "unusable", reason: "not_authorised", why, retryable }) as const;

function baseUrlOf(entry: ProviderEntry, region: string | undefined, defaults: ProviderDefaults | undefined): string | undefined {
  const aws = region && `https://bedrock-runtime.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  const usual = aws ?? WIRES[entry.wire].baseUrl;
  const url = (entry.baseUrl ?? defaults?.baseUrls[entry.wire] ?? usual)?.replace(/(?<!\/)\/+$/, "");
  if (url === undefined) return undefined;
  // ANTHROPIC_BASE_URL by its vendor's convention ends before /v1, whatever path it has.
  const lacksPath = entry.wire === "anthropic" ? !/\/v\d+$/.test(url) : /^https?:\/\/[^/]*$/.test(url);
  return lacksPath ? url + WIRES[entry.wire].path : url;
}

type FoundKey = { readonly kind: "key"; readonly key: string | undefined } | ReturnType<typeof notAuthorised>;

async function keyOf(sources: ProviderSources, entry: ProviderEntry): Promise<FoundKey> {
  try {
    if (entry.apiKey !== undefined) return { kind: "key", key: await valueOf(sources, entry.apiKey) };
    if (entry.baseUrl !== undefined || sources.ignoresEnvironment) return { kind: "key", key: undefined };
    for (const names of WIRES[entry.wire].keys) {
      const key = await fromEnvironment(sources, names);
      if (key !== undefined) return { kind: "key", key };
    }
    return { kind: "key", key: undefined };
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    return notAuthorised(error.message, error.retry === "later");
  }
}

async function fromEnvironment(sources: ProviderSources, names: string): Promise<string | undefined> {
  const parts: string[] = [];
  for (const name of names.split("+")) {
    const value = await environmentValue(sources, name.replace("?", ""));
    if (value !== undefined) parts.push(value);
    else if (!name.endsWith("?")) return undefined;
  }
  return parts.join(":");
}

async function environmentValue(sources: ProviderSources, variable: string): Promise<string | undefined> {
  try {
    return await valueOf(sources, `secret:env:${variable}`);
  } catch (error) {
    const isSet = error instanceof LoopError && typeof error.facts["problem"] === "string" && error.facts["problem"] !== "is blank";
    if (error instanceof LoopError && error.code === "secret_unavailable" && !isSet) return undefined; // another variable may be set
    throw error;
  }
}

const valueOf = async (sources: ProviderSources, reference: string) => (await sources.secrets(reference))?.trim() || undefined;

function whyNoKey(name: string, entry: ProviderEntry): string {
  if (entry.apiKey !== undefined) return `Provider "${name}" has no key: ${entry.apiKey} has no value. Set it with \`loop secrets set\`.`;
  if (entry.baseUrl !== undefined) return `Provider "${name}" has no key. Add apiKey: secret:name to it in loop.yaml.`;
  const file = `providers: { ${name}: { wire: ${entry.wire}, apiKey: "secret:${name}" } }`;
  return `Provider "${name}" has no key. Start the server with ${WIRES[entry.wire].keys[0]} and LOOP_MODEL=on in its environment; or run \`loop secrets set ${name}\` and write ${file} into loop.yaml.`;
}
