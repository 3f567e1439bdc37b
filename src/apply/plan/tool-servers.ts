import type { ToolServer } from "#src/workspace/model.ts";
import {
  changed,
  compareMembers,
  elsewhere,
  lengthOf,
  limitOf,
  listOf,
  type MemberRules,
  moved,
  named,
  narrower,
  neutral,
  type Said,
  wider,
} from "./change.ts";

type Source = ToolServer["from"];
type SourceOf<By extends Source["by"]> = Extract<Source, { readonly by: By }>;
type Terms = ToolServer["tools"][string];

/** What is said of one source of tools. */
export function toolServerSaid(before: ToolServer | undefined, after: ToolServer | undefined): Said[] {
  if (!after) return [narrower("is gone, and its tools with it")];
  if (!before) return [wider(`is a new source of tools: ${reachWords(after.from)}`)];
  return compareMembers(RULES, before, after);
}

/** What a source reaches, in words. */
function reachWords(from: Source): string {
  switch (from.by) {
    case "mcp":
      return from.command ? `it runs ${from.command.join(" ")}${sandboxWords(from.sandbox)}` : `it speaks to ${from.url ?? "no server"}`;
    case "github":
      return `it reaches ${named(from.repositories)} at ${from.baseUrl}`;
    case "http":
      return `it sends ${named(from.methods, "or")} to ${named(from.hosts)}${from.privateNetwork ? ", within the own network too" : ""}`;
    case "files":
      return `it reads ${named(from.roots.map(rootWords))}`;
    case "shell":
      return `it runs ${from.programs.length === 0 ? "any program" : named(from.programs)}`;
    case "web":
      return `it fetches ${from.hosts ? named(from.hosts) : "any public page"}${from.search ? `, and searches with ${searchWords(from.search)}` : ""}${from.privateNetwork ? ", within the own network too" : ""}`;
    case "code":
      return `it runs the code of ${from.file}`;
  }
}

type Search = NonNullable<SourceOf<"web">["search"]>;
/** With its address where a file names one: the key goes there. */
const searchWords = ({ provider, baseUrl }: Search): string => `${provider}${baseUrl === undefined ? "" : ` at ${baseUrl}`}`;
const searchBefore = (before: Search | undefined, after: Search): string =>
  before === undefined ? "" : `, was ${searchWords(before)}${before.apiKey === after.apiKey ? "" : ", with another key"}`;

const SANDBOX = { on: " in the sandbox", network: " in the sandbox, with the network", off: " without a sandbox" } as const;
const sandboxWords = (sandbox: keyof typeof SANDBOX): string => SANDBOX[sandbox];
const rootWords = ({ path, write }: { readonly path: string; readonly write: boolean }): string => `${path}${write ? " and writes there" : ""}`;

const RULES: MemberRules<ToolServer> = {
  name: elsewhere,
  source: elsewhere,
  description: neutral("description"),
  from: fromSaid,
  tools: termsSaid,
  pins: (before, after) => {
    const gone = moved(Object.keys(before), Object.keys(after)).lost;
    const other = Object.keys(after).filter((tool) => before[tool] !== undefined && before[tool] !== after[tool]);
    const added = moved(Object.keys(before), Object.keys(after)).gained;
    return [
      ...(gone.length > 0 ? [wider(`no longer pins the definition of ${named(gone)}`)] : []),
      ...(other.length > 0 ? [wider(`takes another definition of ${named(other)}`)] : []),
      ...(added.length > 0 ? [narrower(`pins the definition of ${named(added)}`)] : []),
    ];
  },
  limits: (before, after) =>
    compareMembers<typeof after>(
      {
        timeout: (from, to) => [[to > from ? "wider" : "narrower", `gives a tool ${lengthOf(to)}, was ${lengthOf(from)}`]],
        maxResultBytes: limitOf((bytes) => `takes results of ${bytes} bytes`, "takes results of any size"),
        maxTools: limitOf((count) => `may bring ${count} tools`, "may bring any number of tools"),
        concurrency: limitOf((count) => `is called ${count} times at once`, "is called any number of times at once"),
      },
      before,
      after,
    ),
};

function fromSaid(before: Source, after: Source): Said[] {
  if (before.by !== after.by) return [wider(`${reachWords(after)}; before, ${reachWords(before)}`)];
  switch (after.by) {
    case "mcp":
      return compareMembers(MCP, before as SourceOf<"mcp">, after);
    case "github":
      return compareMembers(GITHUB, before as SourceOf<"github">, after);
    case "http":
      return compareMembers(HTTP, before as SourceOf<"http">, after);
    case "files":
      return rootsSaid((before as SourceOf<"files">).roots, after.roots);
    case "shell":
      return compareMembers(SHELL, before as SourceOf<"shell">, after);
    case "web":
      return compareMembers(WEB, before as SourceOf<"web">, after);
    case "code":
      return compareMembers(CODE, before as SourceOf<"code">, after);
  }
}

const STRICTNESS = { on: 0, network: 1, off: 2 } as const;
const credential = (): Said[] => [wider("has another credential")];
const switchOf =
  (on: string, off: string) =>
  (_before: boolean, after: boolean): Said[] => [after ? wider(on) : narrower(off)];

const CODE: MemberRules<SourceOf<"code">> = {
  by: elsewhere,
  file: (before, after) => [wider(`runs the code of ${after}, was ${before}`)],
  digest: elsewhere, // each file of code that changes is said by itself
};

const MCP: MemberRules<SourceOf<"mcp">> = {
  command: (before, after) => [wider(`runs ${changed("", before?.join(" "), after?.join(" ")).trim()}`)],
  url: (before, after) => [wider(`speaks to ${changed("", before, after).trim()}`)],
  env: (before, after) => [wider(`gives its program another environment: ${named(changedKeys(before, after))}`)],
  auth: credential,
  folder: (before, after) => [wider(`starts in ${after ?? "the workspace"}, was ${before ?? "the workspace"}`)],
  writable: listOf("may now write in", "may no longer write in"),
  sandbox: (before, after) => [[STRICTNESS[after] > STRICTNESS[before] ? "wider" : "narrower", `runs${sandboxWords(after)}, was${sandboxWords(before)}`]],
};
const changedKeys = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);

const PRIVATE = switchOf("reaches addresses within the own network", "no longer reaches addresses within the own network");
const GITHUB: MemberRules<SourceOf<"github">> = {
  baseUrl: (before, after) => [wider(`speaks to ${after}, was ${before}`)],
  auth: credential,
  repositories: listOf("now reaches", "no longer reaches"),
};
const HTTP: MemberRules<SourceOf<"http">> = {
  hosts: listOf("now reaches", "no longer reaches"),
  methods: listOf("now sends", "no longer sends"),
  headers: (before, after) => [wider(`sends other headers: ${named(changedKeys(before, after))}`)],
  privateNetwork: PRIVATE,
};
const SHELL: MemberRules<SourceOf<"shell">> = {
  programs: (before, after) =>
    after.length === 0
      ? [wider("now runs any program")]
      : before.length === 0
        ? [narrower(`runs ${named(after)} only`)]
        : listOf("now runs", "no longer runs")(before, after),
  folder: (before, after) => [wider(`runs in ${after ?? "the folder of the workspace"}, was ${before ?? "the folder of the workspace"}`)],
  timeout: (before, after) => [[after > before ? "wider" : "narrower", `gives a program ${lengthOf(after)}, was ${lengthOf(before)}`]],
};
const WEB: MemberRules<SourceOf<"web">> = {
  search: (before, after) => (after ? [wider(`searches with ${searchWords(after)}${searchBefore(before, after)}`)] : [narrower("no longer searches")]),
  hosts: (before, after) =>
    after === undefined
      ? [wider("now fetches any public page")]
      : before === undefined
        ? [narrower(`fetches ${named(after)} only`)]
        : listOf("now fetches", "no longer fetches")(before, after),
  privateNetwork: PRIVATE,
};

function rootsSaid(before: SourceOf<"files">["roots"], after: SourceOf<"files">["roots"]): Said[] {
  const read = moved(
    before.map(({ path }) => path),
    after.map(({ path }) => path),
  );
  const writable = (roots: typeof after) => roots.filter(({ write }) => write).map(({ path }) => path);
  const write = moved(writable(before), writable(after));
  const said = [
    ...(read.gained.length > 0 ? [wider(`now reads ${named(read.gained)}`)] : []),
    ...(write.gained.length > 0 ? [wider(`now writes in ${named(write.gained)}`)] : []),
    ...(write.lost.length > 0 ? [narrower(`no longer writes in ${named(write.lost)}`)] : []),
    ...(read.lost.length > 0 ? [narrower(`no longer reads ${named(read.lost)}`)] : []),
  ];
  return said.length > 0 ? said : [["same", "names its folders otherwise"]];
}

const EFFECTS = ["read", "idempotent", "findable", "once"] as const;
const RISKS = ["low", "medium", "high"] as const;
interface FullTerms {
  readonly effect: (typeof EFFECTS)[number];
  readonly risk: (typeof RISKS)[number];
  readonly private: boolean;
  readonly outbound: boolean;
}
const WORST: FullTerms = { effect: "once", risk: "high", private: true, outbound: true };

/** What is left out is the worst, so to say more of a tool is to trust it more. */
function termsSaid(before: ToolServer["tools"], after: ToolServer["tools"]): Said[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((tool) => {
    const [old, now] = [filled(before[tool]), filled(after[tool])];
    const less = [
      ...(EFFECTS.indexOf(now.effect) < EFFECTS.indexOf(old.effect) ? [`has the effect ${now.effect}, was ${old.effect}`] : []),
      ...(RISKS.indexOf(now.risk) < RISKS.indexOf(old.risk) ? [`is of ${now.risk} risk, was ${old.risk}`] : []),
      ...(old.private && !now.private ? ["no longer holds what must not leave"] : []),
      ...(old.outbound && !now.outbound ? ["no longer sends anything outside"] : []),
    ];
    const more = [
      ...(EFFECTS.indexOf(now.effect) > EFFECTS.indexOf(old.effect) ? [`has the effect ${now.effect}, was ${old.effect}`] : []),
      ...(RISKS.indexOf(now.risk) > RISKS.indexOf(old.risk) ? [`is of ${now.risk} risk, was ${old.risk}`] : []),
      ...(!old.private && now.private ? ["holds what must not leave"] : []),
      ...(!old.outbound && now.outbound ? ["sends outside"] : []),
    ];
    return [
      ...(less.length > 0 ? [wider(`is trusted to say that ${tool} ${named(less)}`)] : []),
      ...(more.length > 0 ? [narrower(`says that ${tool} ${named(more)}`)] : []),
    ];
  });
}

function filled(terms: Terms | undefined): FullTerms {
  const { effect = WORST.effect, risk = WORST.risk, private: holds = WORST.private, outbound = WORST.outbound } = terms ?? {};
  return { effect, risk, private: holds, outbound };
}
