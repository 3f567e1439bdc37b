import { hostRules } from "./host-rules.ts";
import { readTarget, type Target } from "./target.ts";

/** An address that a result may be sent to: https, or a host that was named. `why` completes "the address …". */
export function readCallbackAddress(text: string, hosts: readonly string[]): Target {
  const target = readTarget(text);
  if (!target.ok || target.url.protocol === "https:" || hostRules(hosts)(target.url)) return target;
  return { ok: false, why: `leads to ${target.url.host}, which is not https and which callbackHosts of the service does not name` };
}
