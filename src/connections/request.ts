import type { LookupAddress } from "node:dns";
import { lookup as lookUp } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { type Reach, reachOf } from "./address.ts";
import { type Body, readBody } from "./body.ts";
import { RequestFailed } from "./failure.ts";
import { literalAddress, portOf, readTarget } from "./target.ts";

/** All addresses of a name. Throws when there is none. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface Outgoing {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent only to the host and port of `url`, never after a redirect to another one. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Bounds {
  /** Asked for the first URL and for every redirect. */
  readonly mayReach: (url: URL) => boolean;
  /** Hosts of the own network may be asked too; those that are never asked stay so. */
  readonly privateNetwork: boolean | ((url: URL) => boolean);
  /** `same`: a redirect to another host, port or to plain http is refused; `allowed`: it is followed wherever `mayReach` lets it. Only GET and HEAD follow. */
  readonly redirects: "same" | "allowed";
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Which end of a long answer is kept; left out: the start. */
  readonly keeps?: "start" | "end";
  readonly signal: AbortSignal;
  readonly resolve?: Resolve;
}

export interface Answer extends Body {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

const MOST_REDIRECTS = 5;

/**
 * One request to a host that may be asked. The name is resolved once; every address it has is looked at, and the connection goes to what was looked at, so that
 * no second answer of a name server counts. @throws RequestFailed
 */
export async function request(outgoing: Outgoing, bounds: Bounds): Promise<Answer> {
  const time = AbortSignal.timeout(bounds.timeoutMs);
  const within = { ...bounds, signal: AbortSignal.any([bounds.signal, time]) };
  let next = outgoing;
  for (let hops = 0; ; hops += 1) {
    const answer = await once(next, within, time);
    const to = redirectOf(answer, next);
    if (to === null) return answer;
    if (hops === MOST_REDIRECTS) throw new RequestFailed("refused", `${outgoing.url.host} redirected more than ${MOST_REDIRECTS} times`);
    next = follow(next, to, bounds);
  }
}

function redirectOf({ status, headers }: Answer, { method }: Outgoing): string | null {
  const isRedirect = [301, 302, 303, 307, 308].includes(status);
  return isRedirect && (method === "GET" || method === "HEAD") ? (headers["location"] ?? null) : null;
}

function follow(from: Outgoing, location: string, { redirects }: Bounds): Outgoing {
  const target = URL.canParse(location, from.url.href) ? readTarget(new URL(location, from.url).href) : ({ ok: false, why: "is no URL" } as const);
  if (!target.ok) throw new RequestFailed("refused", `${from.url.host} redirected, and the address ${target.why}`);
  const { url } = target;
  const isSame = url.hostname === from.url.hostname && portOf(url) === portOf(from.url) && url.protocol === from.url.protocol;
  if (!isSame && redirects === "same") throw new RequestFailed("refused", `${from.url.host} redirected to ${url.origin}, and another host is not followed`);
  if (from.url.protocol === "https:" && url.protocol === "http:")
    throw new RequestFailed("refused", `${from.url.host} redirected to ${url.origin}, which is not encrypted`);
  const { secretHeaders, ...rest } = from;
  return { ...rest, url, ...(isSame && secretHeaders ? { secretHeaders } : {}) };
}

async function once(outgoing: Outgoing, bounds: Bounds, time: AbortSignal): Promise<Answer> {
  const { url } = outgoing;
  if (!bounds.mayReach(url)) throw new RequestFailed("refused", `${url.host} is not one of the hosts that may be asked`);
  const addresses = await checkedAddresses(url, bounds);
  try {
    const response = await send(outgoing, addresses, bounds.signal);
    const body = await readBody(response, { method: outgoing.method, ...bounds });
    return { ...body, status: response.statusCode ?? 0, headers: plainHeaders(response), url };
  } catch (error) {
    if (error instanceof RequestFailed) throw error;
    if (time.aborted) throw new RequestFailed("broken", `${url.host} did not answer within ${bounds.timeoutMs} ms`, error);
    const code = String((error as NodeJS.ErrnoException).code ?? (error as Error).name);
    const isBefore = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"].includes(code) || /^(CERT_|DEPTH_|SELF_|UNABLE_|ERR_TLS_)/.test(code);
    throw new RequestFailed(isBefore ? "unreachable" : "broken", `${url.host} could not be asked (${code})`, error);
  }
}

/** The addresses of a URL, all of them such that they may be asked. `ownNeeds`: what would open the own network, for whoever is refused. @throws RequestFailed */
export async function checkedAddresses(
  url: URL,
  bounds: Pick<Bounds, "privateNetwork" | "resolve"> & { readonly ownNeeds?: string },
): Promise<readonly LookupAddress[]> {
  const literal = literalAddress(url);
  const addresses = literal === null ? await resolved(url, bounds) : [{ address: literal, family: literal.includes(":") ? 6 : 4 }];
  const wrong = addresses.map(({ address }) => ({ address, reach: reachOf(address) })).find(({ reach }) => !isOpen(reach, url, bounds));
  if (wrong === undefined) return addresses;
  const why = wrong.reach === "own" ? `is in the own network, which needs ${bounds.ownNeeds ?? "privateNetwork: true"}` : "is never asked";
  throw new RequestFailed("refused", `${url.hostname} leads to ${wrong.address}, which ${why}`);
}

const isOpen = (reach: Reach, url: URL, { privateNetwork }: Pick<Bounds, "privateNetwork">): boolean =>
  reach === "public" || (reach === "own" && (typeof privateNetwork === "boolean" ? privateNetwork : privateNetwork(url)));

async function resolved(url: URL, { resolve = (name) => lookUp(name, { all: true }) }: Pick<Bounds, "resolve">): Promise<readonly LookupAddress[]> {
  try {
    const found = await resolve(url.hostname);
    if (found.length > 0) return found;
  } catch (error) {
    throw new RequestFailed("unreachable", `${url.hostname} has no address (${String((error as NodeJS.ErrnoException).code ?? "unknown")})`, error);
  }
  throw new RequestFailed("unreachable", `${url.hostname} has no address`);
}

/** The connection goes to what was looked at. */
export const pinned =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_name, options, callback) =>
    options.all ? callback(null, [...addresses]) : callback(null, addresses[0]!.address, addresses[0]!.family);

function send({ url, method, headers, secretHeaders, body }: Outgoing, addresses: readonly LookupAddress[], signal: AbortSignal): Promise<IncomingMessage> {
  const answered = Promise.withResolvers<IncomingMessage>();
  const options: RequestOptions = {
    method,
    headers: {
      "user-agent": "loopwright",
      "accept-encoding": "gzip, deflate, br",
      ...headers,
      ...secretHeaders,
      ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
    },
    lookup: pinned(addresses),
    signal,
    agent: false,
  };
  const sent = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
  sent.once("response", answered.resolve);
  sent.once("error", answered.reject);
  sent.end(body);
  return answered.promise;
}

const plainHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]])),
  );
