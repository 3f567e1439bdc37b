import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { AuthProvider, OAuthClientProvider, OAuthDiscoveryState } from "@modelcontextprotocol/client";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type Fetch, guardedFetch, isLoopback, isSafeAddress } from "./guarded-fetch.ts";
import { requireAudience } from "./token-audience.ts";
import { ServerTrouble, troubleOf } from "./trouble.ts";

/** Where logins are kept, sealed. */
export interface LoginVault {
  read(name: string): Promise<string | undefined>;
  keep(name: string, value: string): Promise<void>;
  /** From now on these are kept out of logs and of what goes outside. */
  teach(secrets: readonly string[]): void;
}

type Client = Awaited<ReturnType<OAuthClientProvider["clientInformation"]>>;
type Tokens = Awaited<ReturnType<OAuthClientProvider["tokens"]>>;

/** What is kept of one server, and given to no other: the name of the entry holds the server and its address. */
interface Login {
  readonly client?: Client;
  readonly tokens?: Tokens;
  /** Where the server sent us when the login was begun: its end must come from there. */
  readonly discovery?: OAuthDiscoveryState;
  /** Of a login that a person has begun. */
  readonly begun?: { readonly state: string; readonly verifier: string; readonly link: string };
}

/** Nothing need listen there: the address that the browser ends at is given back by `loop tools login`. */
const REDIRECT = "http://127.0.0.1:4747/tools/login";
const MOST_BYTES = 262_144;

type Server = ToolServerFrom<"mcp">;

export interface LoginOptions {
  readonly vault: LoginVault;
  readonly fetch?: Fetch;
}

const entryOf = ({ name, from }: Server): string =>
  `mcp.${name.slice(0, 40).replaceAll(/[^a-z0-9_-]/g, "-")}.${createHash("sha256").update(String(from.url)).digest("hex").slice(0, 16)}`;

async function readLogin(server: Server, { vault }: LoginOptions): Promise<Login> {
  const text = await vault.read(entryOf(server));
  const login = text === undefined ? {} : (JSON.parse(text) as Login);
  vault.teach(secretsOf(login));
  return login;
}

async function keepLogin(server: Server, { vault }: LoginOptions, login: Login): Promise<void> {
  vault.teach(secretsOf(login));
  await vault.keep(entryOf(server), JSON.stringify(login));
}

const secretsOf = ({ tokens, begun, client }: Login): string[] =>
  [tokens?.access_token, tokens?.refresh_token, begun?.verifier, client && "client_secret" in client ? client.client_secret : undefined].filter(
    (secret) => secret !== undefined,
  );

const fetchOf = (server: Server, options: LoginOptions): Fetch =>
  guardedFetch({ maxBytes: MOST_BYTES, allowLoopback: isLoopback(server.from.url ?? ""), ...(options.fetch ? { fetch: options.fetch } : {}) });

/**
 * Begins a login: finds out where the server sends people, and gives the link for a person to open. No program is started with it.
 * @throws LoopError tool_login_refused | input_invalid for a server that wants none
 */
export async function beginLogin(server: Server, deps: ToolDeps, options: LoginOptions): Promise<string> {
  requireOAuth(server);
  const { auth } = await import("@modelcontextprotocol/client");
  const provider = new NewLogin(server, deps, options);
  await refusing(server, () =>
    auth(provider, { serverUrl: server.from.url!, fetchFn: fetchOf(server, options), forceReauthorization: true, ...scopeOf(server) }),
  );
  const { begun } = await readLogin(server, options);
  if (begun === undefined || begun.link === "") throw refused(server, "it gave no address for a login");
  return begun.link;
}

/**
 * Ends a login with the address that the browser came to: its code is exchanged for tokens, which are sealed.
 * @throws LoopError tool_login_refused | input_invalid
 */
export async function finishLogin(server: Server, deps: ToolDeps, { address, ...options }: LoginOptions & { readonly address: string }): Promise<void> {
  requireOAuth(server);
  const given = URL.parse(address)?.searchParams;
  const { begun } = await readLogin(server, options);
  if (begun === undefined) throw new LoopError("input_invalid", `No login to ${server.name} was begun. \`loop tools login ${server.name}\` begins one.`);
  if (!given || !isSame(given.get("state") ?? "", begun.state))
    throw new LoopError("input_invalid", `That is not the address that the login to ${server.name} ended at. Give the whole address, with its code and state.`);
  const code = given.get("code");
  if (code === null) throw refused(server, `the login was not granted (${/^\w{1,40}$/.exec(given.get("error") ?? "")?.[0] ?? "no code came back"})`);
  const { auth } = await import("@modelcontextprotocol/client");
  const provider = new PersonLogin(server, deps, options);
  const iss = given.get("iss");
  await refusing(server, () =>
    auth(provider, {
      serverUrl: server.from.url!,
      authorizationCode: code,
      fetchFn: fetchOf(server, options),
      ...(iss === null ? {} : { iss }),
      ...scopeOf(server),
    }),
  );
  const { begun: _, ...login } = await readLogin(server, options);
  await keepLogin(server, options, login);
}

const isSame = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const scopesOf = ({ from }: Server): readonly string[] => (from.auth?.type === "oauth" ? from.auth.scopes : []);
const scopeOf = (server: Server): { scope?: string } => (scopesOf(server).length === 0 ? {} : { scope: scopesOf(server).join(" ") });

function requireOAuth({ name, from }: Server): void {
  if (from.auth?.type === "oauth" && from.url !== undefined) return;
  throw new LoopError("input_invalid", `The tool server ${name} wants no login: its file does not say \`auth: { type: oauth }\`.`);
}

const refused = (server: Server, why: string, cause?: unknown): LoopError =>
  new LoopError("tool_login_refused", `The login to ${server.name} was refused: ${why}. Nothing was opened, and no token was kept.`, {
    facts: { server: server.name },
    cause,
  });

async function refusing(server: Server, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof LoopError ? error : refused(server, loginTrouble(error), error);
  }
}

/** The library refuses addresses of other kinds by itself, where it reads them. */
const loginTrouble = (error: unknown): string =>
  error instanceof Error && error.name === "ZodError"
    ? "what it says of where to log in cannot be used: an address in it is none, or of a kind that is not opened"
    : troubleOf(error);

/** A login with a person at it. */
class PersonLogin implements OAuthClientProvider {
  readonly #server: Server;
  readonly #deps: ToolDeps;
  readonly #options: LoginOptions;
  readonly redirectUrl = REDIRECT;

  constructor(server: Server, deps: ToolDeps, options: LoginOptions) {
    [this.#server, this.#deps, this.#options] = [server, deps, options];
  }

  get clientMetadata() {
    const { auth } = this.#server.from;
    const isConfidential = auth?.type === "oauth" && auth.clientSecret !== undefined;
    return {
      client_name: "Loopwright",
      redirect_uris: [REDIRECT],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: isConfidential ? "client_secret_basic" : "none",
      application_type: "native",
      ...scopeOf(this.#server),
    };
  }

  async state(): Promise<string> {
    const state = randomBytes(32).toString("base64url");
    await this.#change({ begun: { state, verifier: "", link: "" } });
    return state;
  }

  async clientInformation(): Promise<Client> {
    const { auth } = this.#server.from;
    if (auth?.type === "oauth" && auth.clientId !== undefined)
      return { client_id: auth.clientId, ...(auth.clientSecret === undefined ? {} : { client_secret: await this.#deps.secret(auth.clientSecret) }) };
    return (await readLogin(this.#server, this.#options)).client;
  }

  saveClientInformation(client: NonNullable<Client>): Promise<void> {
    return this.#change({ client });
  }

  async tokens(): Promise<Tokens> {
    return (await readLogin(this.#server, this.#options)).tokens;
  }

  saveTokens(tokens: NonNullable<Tokens>): Promise<void> {
    if (tokens.token_type.toLowerCase() !== "bearer") throw new ServerTrouble("it gave a token of a kind that is not used");
    requireAudience(tokens.access_token, this.#server.from.url!);
    return this.#change({ tokens });
  }

  async redirectToAuthorization(link: URL): Promise<void> {
    if (!isSafeAddress(link, isLoopback(this.#server.from.url!)))
      throw new ServerTrouble("it sends people to an address that is neither https nor http on this machine");
    const { begun } = await readLogin(this.#server, this.#options);
    await this.#change({ begun: { state: begun?.state ?? "", verifier: begun?.verifier ?? "", link: link.href } });
  }

  async saveCodeVerifier(verifier: string): Promise<void> {
    const { begun } = await readLogin(this.#server, this.#options);
    await this.#change({ begun: { state: begun?.state ?? "", link: begun?.link ?? "", verifier } });
  }

  async codeVerifier(): Promise<string> {
    const { begun } = await readLogin(this.#server, this.#options);
    if (!begun?.verifier) throw new ServerTrouble("no login was begun");
    return begun.verifier;
  }

  saveDiscoveryState(discovery: OAuthDiscoveryState): Promise<void> {
    return this.#change({ discovery });
  }

  async discoveryState(): Promise<OAuthDiscoveryState | undefined> {
    return (await readLogin(this.#server, this.#options)).discovery;
  }

  /** What the service no longer takes; a person logs in again. */
  async invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): Promise<void> {
    const gone = { all: ["client", "tokens", "begun", "discovery"], client: ["client"], tokens: ["tokens"], verifier: ["begun"], discovery: ["discovery"] }[
      scope
    ];
    const login = await readLogin(this.#server, this.#options);
    await keepLogin(this.#server, this.#options, Object.fromEntries(Object.entries(login).filter(([name]) => !gone.includes(name))));
  }

  async #change(change: Partial<Login>): Promise<void> {
    await keepLogin(this.#server, this.#options, { ...(await readLogin(this.#server, this.#options)), ...change });
  }
}

/** The begin of one: what the server said at an earlier login, such as one that was refused, is asked anew. */
class NewLogin extends PersonLogin {
  override discoveryState(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

/** A login that nobody is at: it may renew tokens, and begins nothing. */
class QuietLogin extends PersonLogin {
  override redirectToAuthorization(): never {
    throw loginWanted();
  }

  override state(): never {
    throw loginWanted();
  }

  override saveClientInformation(): never {
    throw loginWanted();
  }
}

const loginWanted = (): ServerTrouble => new ServerTrouble("it wants a person to log in: `loop tools login <server>`");

/** Tokens for the way to one server: of that server alone, and meant for it. */
export function quietLogin(server: Server, deps: ToolDeps, options: LoginOptions): AuthProvider {
  const read = async (): Promise<string> => {
    const { tokens } = await readLogin(server, options);
    if (tokens === undefined) throw loginWanted();
    requireAudience(tokens.access_token, server.from.url!);
    return tokens.access_token;
  };
  return {
    token: read,
    async onUnauthorized() {
      const { tokens } = await readLogin(server, options);
      if (tokens?.refresh_token === undefined) throw loginWanted();
      const { auth } = await import("@modelcontextprotocol/client");
      await auth(new QuietLogin(server, deps, options), { serverUrl: server.from.url!, fetchFn: fetchOf(server, options) });
    },
  };
}
