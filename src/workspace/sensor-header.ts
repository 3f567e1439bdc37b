import { parseReference } from "#src/secrets/reference.ts";
import { hostPattern } from "./manifest/tools.ts";
import { didYouMean } from "./nearest.ts";
import type { Fault } from "./problem.ts";

/** What the comments at the top of a sensor say of it. */
export interface SensorHeader {
  /** Null: as often as the workspace says. */
  readonly intervalMs: number | null;
  /** Null: as long as the settings say. */
  readonly timeoutMs: number | null;
  /** Hosts that it may reach; empty: none. */
  readonly network: readonly string[];
  /** Variables of its environment, each with the reference to its value. */
  readonly secrets: Readonly<Record<string, string>>;
}

const NAMES = ["interval", "timeout", "network", "secret"] as const;
const LONGEST_INTERVAL_SECONDS = 31 * 86_400;
const LONGEST_TIMEOUT_SECONDS = 300;
const MOST_HOSTS = 32;
const MOST_SECRETS = 16;
/** Set by whoever runs a sensor. */
const TAKEN = /^(?:PATH|HOME|TMPDIR|PWD|LOOP_.*|(?:https?|all|no)_proxy|NODE_USE_ENV_PROXY)$/i;

interface Draft {
  intervalMs: number | null;
  timeoutMs: number | null;
  readonly network: string[];
  readonly secrets: Record<string, string>;
  readonly seen: Set<string>;
}

/**
 * Reads lines such as `# loop:interval=300` (or `// loop:interval=300`) from the comments that a program begins with. A line of this kind that says nothing
 * sound, or that stands below the first line of code, is a fault: it would silently not count. Never throws.
 */
export function readSensorHeader(bytes: Uint8Array): { readonly header: SensorHeader; readonly faults: readonly Fault[] } {
  const draft: Draft = { intervalMs: null, timeoutMs: null, network: [], secrets: {}, seen: new Set() };
  const faults: Fault[] = [];
  const lines = bytes.includes(0) ? [] : new TextDecoder().decode(bytes).split(/\r?\n/);
  let isTop = true;
  for (const [index, text] of lines.entries()) {
    isTop &&= /^\s*(?:#|\/\/|$)/.test(text);
    const found = /^(\s*(?:#|\/\/)\s*)(loop|looop):\s*(.*?)\s*$/.exec(text);
    if (!found) continue;
    const [, before = "", word, said = ""] = found;
    const fault =
      word !== "loop" ? wrong(`${word}:`, "loop:") : isTop ? take(draft, said) : wrong(`loop:${said} below the first line of code`, "it at the top");
    if (fault) faults.push({ line: index + 1, column: before.length + 1, path: "", ...fault });
  }
  const { intervalMs, timeoutMs, network, secrets } = draft;
  return { header: { intervalMs, timeoutMs, network, secrets }, faults };
}

type Wrong = Pick<Fault, "seen" | "expected" | "hint">;

const wrong = (seen: string, expected: string): Wrong => ({ seen, expected });

function take(draft: Draft, said: string): Wrong | undefined {
  const [, name = said, value] = /^([^=]*)=(.*)$/.exec(said) ?? [];
  if (!isName(name)) return { ...wrong(`loop:${name}`, `one of ${NAMES.map((known) => `loop:${known}=…`).join(", ")}`), ...didYouMean(name, NAMES) };
  if (value === undefined) return wrong(`loop:${name} without a value`, `loop:${name}=…`);
  if ((name === "interval" || name === "timeout") && draft.seen.size === draft.seen.add(name).size) return wrong(`loop:${name} a second time`, "it once");
  if (name === "interval") return takeSeconds(value, LONGEST_INTERVAL_SECONDS, (ms) => (draft.intervalMs = ms));
  if (name === "timeout") return takeSeconds(value, LONGEST_TIMEOUT_SECONDS, (ms) => (draft.timeoutMs = ms));
  return name === "network" ? takeHosts(draft, value) : takeSecret(draft, value);
}

const isName = (text: string): text is (typeof NAMES)[number] => (NAMES as readonly string[]).includes(text);

function takeSeconds(value: string, most: number, keep: (ms: number) => void): Wrong | undefined {
  const seconds = /^[1-9]\d{0,8}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= most)) return wrong(JSON.stringify(value), `a whole number of seconds from 1 to ${most}`);
  keep(seconds * 1_000);
  return undefined;
}

function takeHosts(draft: Draft, value: string): Wrong | undefined {
  const hosts = value.split(",").map((host) => host.trim());
  const unfit = hosts.find((host) => !hostPattern.safeParse(host).success);
  if (unfit !== undefined) return wrong(JSON.stringify(unfit), "hosts with commas between them, such as api.github.com,*.example.com,127.0.0.1:9090");
  if (draft.network.length + hosts.length > MOST_HOSTS) return wrong(`${draft.network.length + hosts.length} hosts`, `${MOST_HOSTS} at most`);
  draft.network.push(...hosts);
  return undefined;
}

/** What stands after the name may be a value that somebody put where its reference belongs, so it is not repeated. */
function takeSecret(draft: Draft, value: string): Wrong | undefined {
  const [, variable = "", reference = ""] = /^([A-Za-z_]\w{0,127})=(.*)$/.exec(value) ?? [];
  if (variable === "" || !isReference(reference))
    return wrong("a secret of another form (hidden)", "NAME=secret:name, such as GITHUB_TOKEN=secret:github_token");
  if (TAKEN.test(variable)) return wrong(`the variable ${variable}, which the pulse sets`, "another name");
  if (Object.hasOwn(draft.secrets, variable)) return wrong(`the variable ${variable} a second time`, "it once");
  if (Object.keys(draft.secrets).length === MOST_SECRETS) return wrong(`more than ${MOST_SECRETS} secrets`, `${MOST_SECRETS} at most`);
  draft.secrets[variable] = reference;
  return undefined;
}

function isReference(text: string): boolean {
  try {
    return parseReference(text) !== undefined;
  } catch {
    return false; // what it is instead may be a value, and is not said
  }
}
