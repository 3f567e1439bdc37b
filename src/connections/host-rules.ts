import { portOf, readTarget } from "./target.ts";

/** Whether a URL leads to one of the hosts that were named. */
export type HostRules = (url: URL) => boolean;

interface HostRule {
  /** With a dot in front: every name below it. */
  readonly host: string;
  readonly port: number | null;
}

/** What a pattern means: `example.com`, `*.example.com` (the names below it, not itself), either with `:port`. Null when it means nothing. */
function readHostRule(pattern: string): HostRule | null {
  const below = pattern.startsWith("*.");
  const name = below ? pattern.slice(2) : pattern;
  const target = readTarget(`http://${name}/`);
  if (!target.ok || name.includes("*") || target.url.pathname !== "/" || target.url.search !== "" || /[/?#@]/.test(name)) return null;
  const port = /:\d+$/.test(name) ? portOf(target.url) : null;
  return { host: (below ? "." : "") + target.url.hostname, port };
}

/** Exact comparison of canonical names, so no spelling of another host passes. A rule without a port means the usual one of the scheme. */
export function hostRules(patterns: readonly string[]): HostRules {
  const rules = patterns.map(readHostRule).filter((rule) => rule !== null);
  return (url) => {
    const usual = url.protocol === "https:" ? 443 : 80;
    return rules.some(({ host, port }) => portOf(url) === (port ?? usual) && (host.startsWith(".") ? url.hostname.endsWith(host) : url.hostname === host));
  };
}
