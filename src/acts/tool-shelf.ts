import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createTurns } from "#src/kernel/turns.ts";
import type { ToolServer, Workspace } from "#src/workspace/model.ts";
import type { ToolBox, ToolPort, ToolState } from "./ports/tool-port.ts";
import type { LiveTools, ToolDeps, ToolFactories, ToolFactory } from "./ports/tool-source.ts";

/** All tools of a process: those that are built in, and those of the servers that the revision in force names. */
export interface ToolShelf extends ToolBox {
  close(): Promise<void>;
}

export interface ShelfOptions {
  readonly builtIn: readonly ToolPort[];
  readonly factories: ToolFactories;
  readonly deps: ToolDeps;
}

interface Standing {
  readonly digest: string;
  readonly tools: LiveTools;
}

/** How old what was read of the record may be before it is read again. */
const REFRESH_MS = 1_000;

/**
 * A server whose file did not change keeps standing from revision to revision, with its connections. Names cannot meet: every tool of a file is named
 * `<server>.<tool>`, a server's name is there once and has no dot, and what is built in comes first.
 */
export function createToolShelf({ builtIn, factories, deps }: ShelfOptions): ToolShelf {
  const own = new Map(builtIn.map((tool) => [tool.name, tool]));
  const standing = new Map<string, Standing>();
  let followed = 0;
  let refreshedMs = -Infinity;

  const follow = (revision: number, workspace: Workspace): void => {
    if (revision <= followed) return; // a reconcile that began earlier must not bring an older revision back
    followed = revision;
    const named = new Map(workspace.toolServers.map((server) => [server.name, { server, digest: digestOf(contentOf(server)) }]));
    for (const [name, { digest, tools }] of standing) {
      if (named.get(name)?.digest === digest) continue;
      standing.delete(name);
      void tools.close().catch((error: unknown) => deps.log.warn("a tool server did not close", { server: name, error }));
    }
    for (const [name, { server, digest }] of named) if (!standing.has(name)) standing.set(name, { digest, tools: standUp(server, factories, deps) });
  };
  const refresh = async (): Promise<void> => {
    refreshedMs = performance.now();
    await Promise.all([...standing.values()].map(({ tools }) => tools.refresh()));
  };
  const foreign = (): ToolPort[] => [...standing.values()].flatMap(({ tools }) => tools.list()).filter((tool) => !own.has(tool.name));
  return {
    async follow({ revision, workspace }) {
      const before = followed;
      follow(revision, workspace);
      if (before !== followed || performance.now() - refreshedMs > REFRESH_MS) await refresh();
    },
    get: (name) =>
      own.get(name) ??
      standing
        .get(name.split(".", 1)[0]!)
        ?.tools.list()
        .find((tool) => tool.name === name),
    list: () => [...own.values(), ...foreign()].toSorted(byName),
    states() {
      const ofOwn = [...own.keys()].map((name): ToolState => ({ name, state: "on", why: null }));
      return [...ofOwn, ...[...standing.values()].flatMap(({ tools }) => tools.states().map(notShadowing(own)))].toSorted(byName);
    },
    refresh,
    async close() {
      await Promise.all([...standing.values()].map(({ tools }) => tools.close()));
    },
  };
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** Where the file lies says nothing of what it makes. */
const contentOf = (server: ToolServer): Json => ({ ...server, source: "" }) as unknown as Json;

function standUp(server: ToolServer, factories: ToolFactories, deps: ToolDeps): LiveTools {
  const make = factories[server.from.by] as ToolFactory<ToolServer["from"]["by"]> | undefined;
  if (!make) return unusable(server, `nothing here reaches servers of kind ${server.from.by}`);
  try {
    const made = make(server, deps);
    return "list" in made ? made : unchanging(inTurns(made, server.limits.concurrency));
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    return unusable(server, error.message);
  }
}

/** So many calls of one server at once; who makes its tools live sees to that itself. */
function inTurns(tools: readonly ToolPort[], most: number): ToolPort[] {
  const turns = createTurns(most);
  return tools.map((tool) => ({
    ...tool,
    async invoke(args, use) {
      const leave = await turns.take(use.signal);
      try {
        return await tool.invoke(args, use);
      } finally {
        leave();
      }
    },
  }));
}

function unchanging(tools: readonly ToolPort[]): LiveTools {
  const states = tools.map(({ name }): ToolState => ({ name, state: "on", why: null }));
  return { list: () => tools, states: () => states, refresh: nothing, close: nothing };
}

function unusable(server: ToolServer, why: string): LiveTools {
  return { list: () => [], states: () => [{ name: `${server.name}.*`, state: "off", why }], refresh: nothing, close: nothing };
}

const nothing = (): Promise<void> => Promise.resolve();

const notShadowing =
  (own: ReadonlyMap<string, ToolPort>) =>
  (state: ToolState): ToolState =>
    own.has(state.name) ? { ...state, state: "off", why: `${state.name} is built in, and no server can take its place` } : state;
