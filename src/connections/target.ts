import { isIP } from "node:net";

const LONGEST_URL = 8_192;

/** A URL that can only be read in one way, or why it is refused. `why` completes "the address …". */
export type Target = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly why: string };

/**
 * Reads an address the way it will be asked. Refused are spellings that two readers understand differently: control characters, backslashes, a user name, a dot
 * at the end of the host. Host names come out in lower case and as ASCII.
 */
export function readTarget(text: string): Target {
  if (text.length > LONGEST_URL) return refuse(`has ${text.length} characters; ${LONGEST_URL} is the most`);
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return refuse("has a space, a control character or a backslash in it");
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return refuse("is no http or https URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return refuse("carries a user name or password");
  if (url.hostname === "" || url.hostname.endsWith(".")) return refuse("has no host, or one with a dot at its end");
  if (url.hostname.includes("%")) return refuse("has an escaped character in its host");
  url.hash = "";
  return { ok: true, url };
}

const refuse = (why: string): Target => ({ ok: false, why });

/** The port that is asked, also where the URL leaves it out. */
export const portOf = (url: URL): number => (url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port));

/** The address that a URL names without a name; null for a host name. */
export function literalAddress(url: URL): string | null {
  const bare = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) === 0 ? null : bare;
}
