import { z } from "zod";
import type { HeldFolder } from "#src/apply/held-folder.ts";
import type { LiveChange } from "#src/apply/live-files.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { shortDifference } from "#src/kernel/line-difference.ts";
import { proposeSensor } from "#src/learning/propose-sensor.ts";
import { noteAction } from "../store/action-lines.ts";
import { playbookVersions, requireVersion } from "../world/playbook-history.ts";
import { loopName } from "./names.ts";
import { type LoopDeps, loopVerb, type LoopVerb, type Speaker } from "./verb.ts";

const LONGEST_BODY = 262_144;

const body = z
  .string()
  .max(LONGEST_BODY, `expected ${LONGEST_BODY} characters at most`)
  .refine((text) => text.trim() !== "", "expected a text that is not blank");
const journal = z.string().max(2_000).optional().describe("the line of the journal; left out: what was done");
const written = z.object({ file: z.string(), revision: z.int().describe("of the workspace, in force now") });

/** Writes direction, and one line about it. */
async function write(deps: LoopDeps, { caller }: Speaker, { change, line }: { change: LiveChange; line: string }): Promise<number> {
  const { revision } = await folderOf(deps).writeLive(change, caller.id);
  await noteAction(deps.db, deps.clock, { caller, line });
  return revision;
}

function folderOf({ folder }: LoopDeps): Pick<HeldFolder, "writeLive"> {
  if (folder) return folder;
  throw new LoopError("workspace_invalid", "This server does not hold the folder of the workspace. Say it to the host that does.");
}

const asFile = (text: string): string => `${text.trimEnd()}\n`;

const goalWrite = loopVerb({
  name: "goal write",
  summary: "Write a goal, new or in place of what it said. It is in force at once.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ id: loopName, body, journal }),
  output: written,
  async perform(deps, speaker, given) {
    const file = `goals/${given.id}.md`;
    const revision = await write(deps, speaker, { change: () => [{ path: file, text: asFile(given.body) }], line: given.journal ?? `write-goal ${given.id}` });
    return { file, revision };
  },
});

const goalArchive = loopVerb({
  name: "goal archive",
  summary: "Put a goal away. Its text is kept in goals/archive/, beside what was put away there before.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ id: loopName, journal }),
  output: written,
  async perform(deps, speaker, { id, journal: line = `archive-goal ${id}` }) {
    let file = "";
    const change: LiveChange = (inForce) => {
      const text = inForce.get(`goals/${id}.md`);
      if (text === undefined) throw new LoopError("goal_unknown", `There is no goal ${id}. \`loop _ state\` lists those there are.`, { facts: { goal: id } });
      file = freeName(id, (path) => inForce.has(path));
      return [
        { path: file, text: Buffer.from(text).toString("utf8") },
        { path: `goals/${id}.md`, text: null },
      ];
    };
    return { revision: await write(deps, speaker, { change, line }), file };
  },
});

function freeName(id: string, isTaken: (path: string) => boolean): string {
  for (let count = 1; ; count += 1) {
    const path = `goals/archive/${id}${count === 1 ? "" : `-${count}`}.md`;
    if (!isTaken(path)) return path;
  }
}

const playbookWrite = loopVerb({
  name: "playbook write",
  summary: "Write the playbook: judgement, priorities, guardrails. It is in force at once; `loop playbook restore` brings back what it said before.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ body, journal }),
  output: written,
  async perform(deps, speaker, given) {
    const change = () => [{ path: "PLAYBOOK.md", text: asFile(given.body) }];
    return { file: "PLAYBOOK.md", revision: await write(deps, speaker, { change, line: given.journal ?? "write-playbook" }) };
  },
});

const version = z.coerce.number().int().min(1).max(19).describe("how many texts back: 1 is what it said before now");

const playbookDiff = loopVerb({
  name: "playbook diff",
  summary: "What has changed in the playbook since one of its last 20 texts.",
  access: "read",
  reads: true,
  input: z.strictObject({ back: version.default(1) }),
  output: z.object({
    back: z.int(),
    revision: z.int().describe("since which it said that"),
    at: z.string(),
    author: z.string(),
    kept: z.int().describe("how many texts there are to go back to"),
    lines: z.array(z.string()).describe("what is no longer said begins with -, what is new with +"),
  }),
  async perform({ db }, _speaker, { back }) {
    const versions = await playbookVersions(db);
    const { text, number, author, atMs } = requireVersion(versions, back);
    const lines = shortDifference(text, versions[0]?.text ?? "");
    return { back, revision: number, at: new Date(atMs).toISOString(), author, kept: versions.length - 1, lines };
  },
});

const playbookRestore = loopVerb({
  name: "playbook restore",
  summary: "Bring back one of the last 20 texts of the playbook, as a new one.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ back: version, journal }),
  output: written.extend({ restored: z.int().describe("the revision since which it said that") }),
  async perform(deps, speaker, { back, journal: line }) {
    const { text, number } = requireVersion(await playbookVersions(deps.db), back);
    const change = () => [{ path: "PLAYBOOK.md", text }];
    const revision = await write(deps, speaker, { change, line: line ?? `restore-playbook of revision ${number}` });
    return { file: "PLAYBOOK.md", revision, restored: number };
  },
});

const sensorWrite = loopVerb({
  name: "sensor write",
  summary: "Propose a sensor. It is a program, so it runs only after an owner or admin has accepted it.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ name: loopName, script: body, journal }),
  output: z.object({ file: z.string(), proposal: z.string() }),
  async perform(deps, { caller }, { name, script, journal: line = `write-sensor ${name}` }) {
    const { id, files } = await proposeSensor(deps, { name, script, author: caller.id });
    await noteAction(deps.db, deps.clock, { caller, line });
    return { file: files[0]!.path, proposal: id };
  },
});

export const directionVerbs = [goalWrite, goalArchive, playbookWrite, playbookDiff, playbookRestore, sensorWrite] as readonly unknown[] as readonly LoopVerb[];
