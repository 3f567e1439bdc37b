import type { Account } from "./kinds.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the home is when LOOP_HOME does not say so. Undefined: the account has no folder of its own. */
export function usualHomeFolder({ account, env }: { readonly account: Account; readonly env: Environment }): string | undefined {
  if (account.isRoot) return "/var/lib/loopwright"; // the database runs as another account, which cannot look into /root
  const state = env["XDG_STATE_HOME"];
  if (state?.startsWith("/")) return `${state}/loopwright`; // the XDG specification: relative values are to be ignored
  return account.osHome === undefined ? undefined : `${account.osHome}/.local/state/loopwright`;
}
