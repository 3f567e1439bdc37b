import { canonicalJson } from "#src/kernel/canonical-json.ts";
import { GATEWAY_AGENT } from "./manifest/workspace.ts";
import type { Part, Parts } from "./parts.ts";
import { fileProblem, type Path, pathText, type Problem } from "./problem.ts";

interface Named {
  readonly part: Part<unknown>;
  readonly path: Path;
  readonly name: string;
}

/** What policy answers when no rule of the workspace does; a rule of that name could not be told from it. */
const RESERVED_RULES = new Set(["default", "egress", "tools"]);

/** Names given twice, names that are taken, and skills whose folder and text disagree. */
export function nameProblems(parts: Parts): Problem[] {
  const items = <T extends { id: string }>(part: Part<unknown>, list: readonly T[], member: string): Named[] =>
    list.map((item, index) => ({ part, path: [member, index, "id"], name: item.id }));
  const byName = (list: readonly Part<{ readonly name: string }>[]): Named[] => list.map((part) => ({ part, path: ["name"], name: part.data.name }));
  const rules = parts.of("policy").flatMap((part) => part.data.rules.map((rule, index) => ({ part, path: ["rules", index, "name"], name: rule.name })));
  return [
    ...twice("agent", byName(parts.of("agent"))),
    ...gatewayTaken(parts),
    ...twice("team", byName(parts.of("team"))),
    ...twice("policy", byName(parts.of("policy"))),
    ...twice("budget", byName(parts.of("budget"))),
    ...twice("tool server", byName(parts.of("toolServer"))),
    ...twice("service", byName(parts.of("service"))),
    ...byName(parts.of("toolServer"))
      .filter(({ name }) => name === "handoff" || name === "delegate")
      .map((server) => problem(server, `the tool server name ${server.name}, which handing over uses`, "another name")),
    ...twice("trigger", byName(parts.of("trigger"))),
    ...twice("provider", [...providerEntries(parts), ...byName(parts.of("modelProvider"))]),
    ...twice("rule", rules),
    ...rules
      .filter(({ name }) => RESERVED_RULES.has(name))
      .map((rule) => problem(rule, `the rule name ${rule.name}, which policy itself uses`, "another name")),
    ...twice(
      "person",
      parts.of("team").flatMap((part) => items(part, part.data.members, "members")),
    ),
    ...twice(
      "SOP",
      parts.of("sop").map((part) => ({ part, path: ["id"], name: part.data.id })),
    ),
    ...secondSops(parts),
    ...twice(
      "voice",
      parts.of("voice").map((part) => ({ part, path: [], name: voiceId(part.file) })),
    ),
    ...twice(
      "case",
      parts.of("history").flatMap((part) => items(part, part.data.items, "items")),
    ),
    ...entityKinds(parts).flatMap((kind) => {
      const files = parts.of("entities").filter(({ data }) => data.entity === kind);
      return twice(
        kind,
        files.flatMap((part) => items(part, part.data.items, "items")),
      );
    }),
    ...skillProblems(parts),
  ];
}

/** Two SOPs for the same tickets: the thresholds of only one of them would count. */
function secondSops(parts: Parts): Problem[] {
  const first = new Map<string, { readonly file: string; readonly id: string }>();
  return parts.of("sop").flatMap((part) => {
    const { id, category, labels } = part.data;
    const subject = canonicalJson({ category, labels });
    const earlier = first.get(subject);
    if (earlier === undefined) {
      first.set(subject, { file: part.file, id });
      return [];
    }
    if (earlier.id === id) return []; // said already
    const named = { part, path: ["category"], name: category };
    return [problem(named, `a second SOP for the category ${category} with the same labels`, `one SOP, or other labels; the first is ${earlier.file}`)];
  });
}

const providerEntries = (parts: Parts): Named[] =>
  parts.of("workspace").flatMap((part) => Object.keys(part.data.providers).map((name) => ({ part, path: ["providers", name], name })));

function gatewayTaken(parts: Parts): Problem[] {
  if (!parts.of("workspace").some(({ data }) => data.gateway)) return [];
  const taken = parts.of("agent").filter(({ data }) => data.name === GATEWAY_AGENT);
  return taken.map((part) =>
    problem({ part, path: ["name"], name: GATEWAY_AGENT }, `the name ${GATEWAY_AGENT}, which the gateway of loop.yaml has`, "another name"),
  );
}

const entityKinds = (parts: Parts): string[] => [...new Set(parts.of("entities").map(({ data }) => data.entity))];

export const voiceId = (file: string): string => file.split("/").at(-1)!.replace(/\.md$/, "");

const problem = ({ part, path }: Named, seen: string, expected: string): Problem => ({
  file: part.file,
  ...part.locate(path),
  path: pathText(path),
  seen,
  expected,
});

function twice(what: string, all: readonly Named[]): Problem[] {
  const first = new Map<string, Named>();
  return all.flatMap((named) => {
    const earlier = first.get(named.name);
    if (earlier === undefined) {
      first.set(named.name, named);
      return [];
    }
    const { line } = earlier.part.locate(earlier.path);
    return [problem(named, `the ${what} ${named.name} a second time`, `another name; the first stands in ${earlier.part.file}:${line}`)];
  });
}

function skillProblems(parts: Parts): Problem[] {
  const texts = new Set(parts.of("skill").map(({ file }) => folderOf(file)));
  const misnamed = parts.of("skill").filter(({ file, data }) => data.name !== folderOf(file));
  const textless = parts.broken.has("skill") ? [] : parts.of("skillMetadata").filter(({ file }) => !texts.has(folderOf(file)));
  return [
    ...misnamed.map((part) =>
      problem({ part, path: ["name"], name: part.data.name }, `the name ${part.data.name}`, `the name of its folder, ${folderOf(part.file)}`),
    ),
    ...textless.map(({ file }) => fileProblem(file, "a skill.yaml alone", `a file skills/${folderOf(file)}/SKILL.md beside it`)),
  ];
}

export const folderOf = (file: string): string => file.split("/")[1]!;
