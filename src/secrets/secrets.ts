import type { Clock } from "#src/kernel/clock.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { Environment } from "#src/settings/read.ts";
import { describeSource, parseReference, type SecretSource } from "./reference.ts";
import { createSealedStore, type SealedStore, type SealedStoreOptions } from "./sealed-store.ts";
import { fromCommand, fromEnvironment, fromFile, type RunSecretCommand } from "./sources.ts";
import { unavailable } from "./unavailable.ts";
import { problemOf, teach } from "./value.ts";

export interface SecretsOptions {
  /** What `secret:env:NAME` reads, and what a command may be given parts of. */
  readonly env: Environment;
  /** Taught every value before it is handed out or sealed. */
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly runCommand: RunSecretCommand;
  /** Where the keys of the sealed store lie. Refused as a source whether or not there is a store. */
  readonly keyFile: string;
  /** Absent: there is no sealed store here. */
  readonly sealed?: Omit<SealedStoreOptions, "keyFile">;
  /** Names declared in the workspace; asked at every use, so that a new revision counts at once. They win over the sealed store. */
  readonly sources?: () => Promise<Readonly<Record<string, SecretSource>>>;
}

export interface Secrets extends Omit<SealedStore, "read"> {
  /**
   * The value behind `secret:name`, `secret:env:NAME`, `secret:file:/path`, `secret:command:name` or `secret:command:["program",…]`. Looked up at
   * every call, so a rotated value counts at once; only what a command printed is held, for a minute. For adapters: a value goes nowhere else.
   * @throws LoopError secret_unavailable with name and source | input_invalid for what is no reference
   */
  resolve(reference: string): Promise<string>;
}

const COMMAND_HELD_MS = 60_000; // secrets managers take a second a call and count calls

/** @throws nothing: sources are first used by the methods */
export function createSecrets(options: SecretsOptions): Secrets {
  const { redactor } = options;
  const store = options.sealed ? createSealedStore({ ...options.sealed, keyFile: options.keyFile }) : null;
  const readSource = sourceReader(options);

  const look = async (reference: string): Promise<{ name: string; source: string; value: string }> => {
    const parsed = parseReference(reference);
    if (parsed.kind !== "named" && parsed.kind !== "namedCommand") {
      const name = describeSource(parsed);
      return { name, source: name, value: await readSource(name, parsed) };
    }
    const { name } = parsed;
    const sources = (await options.sources?.()) ?? {};
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (parsed.kind === "namedCommand" && source?.kind !== "command")
      throw unavailable({ name, source: "command", why: "the workspace declares no command of this name." });
    if (source) return { name, source: describeSource(source), value: await readSource(name, source) };
    const value = (await store?.read(name)) ?? null;
    if (value === null)
      throw unavailable({
        name,
        source: "the sealed store",
        why: `it is not there, and the workspace declares no source for it. Run \`loop secrets set ${name}\`.`,
      });
    return { name, source: "the sealed store", value };
  };

  return {
    async resolve(reference) {
      const { name, source, value } = await look(reference);
      const problem = problemOf(value);
      if (problem !== null) throw unavailable({ name, source, why: `the value ${problem}.`, problem });
      teach(redactor, value);
      return value;
    },
    async set(name, value) {
      teachUsable(redactor, value);
      return requireStore(store).set(name, value);
    },
    async rotate(name, value) {
      teachUsable(redactor, value);
      return requireStore(store).rotate(name, value);
    },
    remove: async (name) => requireStore(store).remove(name),
    list: async () => requireStore(store).list(),
    rewrap: async (newKey) => requireStore(store).rewrap(newKey),
  };
}

/** A refused value may be an ordinary word, which must not vanish from every log. */
function teachUsable(redactor: Redactor, value: string): void {
  if (problemOf(value) === null) teach(redactor, value);
}

/** Reads a source; the same command asked for at once, or again within the time it is held, runs once. */
function sourceReader(options: SecretsOptions): (name: string, source: SecretSource) => Promise<string> {
  const held = new Map<string, { readonly value: Promise<string>; readonly sinceMs: number }>();
  return async (name, source) => {
    if (source.kind === "env") return fromEnvironment({ name, source }, options.env);
    if (source.kind === "file") return fromFile({ name, source }, options.keyFile);
    const key = JSON.stringify([source.argv, source.env ?? []]);
    const nowMs = options.clock.nowMs();
    const earlier = held.get(key);
    if (earlier && Math.abs(nowMs - earlier.sinceMs) < COMMAND_HELD_MS) return earlier.value;
    const mine = { value: fromCommand({ name, source }, { env: options.env, run: options.runCommand }), sinceMs: nowMs };
    held.set(key, mine);
    try {
      return await mine.value;
    } catch (error) {
      if (held.get(key) === mine) held.delete(key); // the next one tries again
      throw error;
    }
  };
}

function requireStore(store: SealedStore | null): SealedStore {
  if (store === null)
    throw unavailable({ subject: "The sealed store is", name: "the sealed store", source: "the sealed store", why: "this process has no database." });
  return store;
}
