import { readCallbackAddress } from "#src/connections/callback-address.ts";
import { RequestFailed } from "#src/connections/failure.ts";
import { hostRules } from "#src/connections/host-rules.ts";
import { request } from "#src/connections/request.ts";
import { LoopError } from "#src/kernel/errors.ts";

interface Callback {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Hosts that may be asked by plain http, and within the own network. */
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 20_000;
const ANSWER_BYTES = 65_536;

/** Posts once, to a public https address or to a host that was named; never through a redirect. @throws LoopError surface_refused | surface_unavailable */
export async function sendCallback({ url: text, headers, body, hosts, signal }: Callback): Promise<void> {
  const target = readCallbackAddress(text, hosts);
  if (!target.ok) throw new LoopError("surface_refused", `The callback address ${target.why}.`);
  const isNamed = hostRules(hosts);
  try {
    const bounds = { mayReach: () => true, privateNetwork: isNamed, redirects: "same", timeoutMs: TIMEOUT_MS, maxBytes: ANSWER_BYTES, signal } as const;
    const { status } = await request({ url: target.url, method: "POST", headers, body }, bounds);
    if (status < 200 || status > 299) throw new LoopError("surface_unavailable", `${target.url.host} answered a callback with ${status}; expected 2xx.`);
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    throw new LoopError("surface_unavailable", `The callback to ${target.url.host} did not arrive: ${error.message}`, { cause: error });
  }
}
