import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planBetweenFolders } from "#src/apply/folders.ts";
import { boundedMedian, type Line, processorProbe, steadily } from "./measure.ts";
import { summaryOf } from "./statistics.ts";
import type { World } from "./world.ts";

const AGENTS = 120;
const POLICIES = 40;
const BUDGETS = 40;

/** `loop plan` without its process: 200 manifests read from disk on either side, every one of them changed, and the difference in words. */
export async function plan(_world: World, rounds: number): Promise<Line[]> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-bench-plan-"));
  const [before, after] = [join(folder, "before"), join(folder, "after")];
  try {
    await writeWorkspace(before, 0);
    await writeWorkspace(after, 1);
    return await steadily(processorProbe, async () => {
      const samples: number[][] = [];
      for (let round = 0; round < rounds; round += 1) samples.push([await timed(before, after)]);
      return [
        boundedMedian("plan, 200 manifests", {
          samples: samples.flat(),
          unit: "ms",
          goal: { at: "most", value: 1_000 },
          more: { ...summaryOf(samples.flat()), manifests: AGENTS + POLICIES + BUDGETS },
        }),
      ];
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(before: string, after: string): Promise<number> {
  const startMs = performance.now();
  const planned = await planBetweenFolders(before, after);
  const tookMs = performance.now() - startMs;
  if (planned.kind !== "plan" || planned.power.length < AGENTS + POLICIES + BUDGETS) throw new Error("the plan did not see every change");
  return tookMs;
}

const HEAD = "apiVersion: loopwright.dev/v1\n";

async function writeWorkspace(folder: string, step: number): Promise<void> {
  for (const part of ["agents", "policies", "budgets"]) await mkdir(join(folder, part), { recursive: true });
  const write = (path: string, text: string) => writeFile(join(folder, path), HEAD + text);
  await write("loop.yaml", "kind: Workspace\nname: bench\n");
  for (let at = 0; at < AGENTS; at += 1) await write(`agents/a${at}.yaml`, agent(at, step));
  for (let at = 0; at < POLICIES; at += 1) await write(`policies/p${at}.yaml`, policy(at, step));
  for (let at = 0; at < BUDGETS; at += 1)
    await write(`budgets/b${at}.yaml`, `kind: Budget\nname: b${at}\nscope: { agent: a${at} }\nperiod: month\ncapUsd: ${10 + step}\n`);
}

const agent = (at: number, step: number): string => `kind: Agent
name: a${at}
runner: model
procedure: chat
instructions: |
  You are agent ${at}. Do what you are asked, and nothing else.
tools: [brain.search, github.issues.read${step === 0 ? "" : ", github.issues.write"}]
approvals: { requireFor: [github.issues.write], approvers: { roles: [approver] } }
models: { default: "anthropic:claude-haiku-4-5" }
budget: { monthlyUsd: ${20 + step} }
memory: { scope: channel }
`;

const policy = (at: number, step: number): string => `kind: Policy
name: p${at}
rules:
${Array.from({ length: 10 }, (_, rule) => `  - { name: r${at}-${rule}, when: { kind: message, agent: a${at}, cost: { aboveUsd: ${100 + rule + step} } }, then: ask, why: dear }`).join("\n")}
`;
