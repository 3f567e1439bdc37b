import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseWorkspace, readFolder } from "./load.ts";
import { labels, languageTag, slug, usd } from "./manifest/common.ts";
import type { Workspace } from "./model.ts";
import { problemsText } from "./problem.ts";
import { readYaml } from "./yaml-text.ts";

const ROOT = fileURLToPath(new URL("../../workspaces/", import.meta.url));
const NAMES = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** Those that understand messages by SOPs, and show it by samples. */
const DESKS = NAMES.filter((name) => existsSync(`${ROOT}${name}/brain/sops`));

/** `samples/*.yaml`: a message, and what the rules runner is expected to make of it. */
const sampleFile = z.strictObject({
  sender: z.string().min(1),
  surface: slug,
  language: languageTag.optional(),
  labels,
  externalId: z.string().min(1),
  text: z.string().min(1),
  expect: z.strictObject({
    category: slug,
    severity: z.int().min(1).max(5),
    risks: z.array(slug),
    sop: slug,
    memos: z.array(slug),
    history: z.array(slug),
    skill: slug.nullable(),
    vendor: slug.nullable(),
    assignee: slug,
    costUsd: usd.nullable(),
    outcome: z.enum(["held", "authorised"]),
    rule: slug,
    demands: z.array(z.string().regex(/^(?:sop|skill):/)),
  }),
});
interface Sample extends z.infer<typeof sampleFile> {
  readonly file: string;
}

async function workspaceOf(name: string): Promise<Workspace> {
  const parsed = parseWorkspace(await readFolder(`${ROOT}${name}`));
  if (parsed.kind === "problems") assert.fail(problemsText(parsed.problems));
  return parsed.workspace;
}

function samplesOf(name: string): Sample[] {
  const folder = `${ROOT}${name}/samples/`;
  return readdirSync(folder).map((file) => {
    const read = readYaml(readFileSync(`${folder}${file}`, "utf8"));
    assert.equal(read.kind, "ok", `${file} is YAML`);
    return { file, ...sampleFile.parse(read.kind === "ok" ? read.document.value : undefined) };
  });
}

const vendorsOf = (workspace: Workspace) => workspace.entities.get("vendor") ?? [];
const subjectsOf = (workspace: Workspace) => workspace.entities.get(workspace.manifest.subject) ?? [];
const categoriesOf = (workspace: Workspace) => new Set(workspace.sops.map((sop) => sop.category));
const unknown = (names: readonly string[], known: Iterable<string>) => names.filter((name) => !new Set(known).has(name));

/** Items that a sample may expect: those of its category and subject, or of no particular one. */
const suits = (item: { categories: readonly string[]; labels: Readonly<Record<string, string>> }, sample: Sample, subject: string) =>
  (item.categories.length === 0 || item.categories.includes(sample.expect.category)) &&
  (item.labels[subject] === undefined || item.labels[subject] === sample.labels[subject]);

function casesOf(workspace: Workspace, sample: Sample) {
  const { subject } = workspace.manifest;
  return workspace.history
    .filter((one) => one.category === sample.expect.category && one.labels[subject] === sample.labels[subject])
    .toSorted((a, b) => Date.parse(b.resolvedAt) - Date.parse(a.resolvedAt));
}

for (const name of NAMES) {
  test(`${name}: every file is sound, and every name in it stands for something`, async () => {
    const workspace = await workspaceOf(name);
    const categories = categoriesOf(workspace);
    const people = workspace.team.map((member) => member.id);
    assert.equal(workspace.manifest.name, name);
    assert.deepEqual(
      {
        speakers: unknown(
          workspace.voice.map((memo) => memo.speaker),
          people,
        ),
        voice: unknown(
          workspace.voice.flatMap((memo) => memo.categories),
          categories,
        ),
        history: unknown(
          workspace.history.map((one) => one.category),
          categories,
        ),
        vendors: unknown(
          vendorsOf(workspace).flatMap((vendor) => vendor.categories),
          categories,
        ),
        subjects: unknown(
          subjectsOf(workspace).flatMap((subject) => Object.keys(subject.preferredVendors)),
          categories,
        ),
      },
      { speakers: [], voice: [], history: [], vendors: [], subjects: [] },
    );
  });
}

for (const name of DESKS) {
  test(`${name}: every subject has somebody who looks after it, and everybody and every vendor can be reached`, async () => {
    const workspace = await workspaceOf(name);
    const { subject } = workspace.manifest;
    const cared = workspace.team.flatMap((member) => member.looksAfter[subject] ?? []);
    assert.deepEqual(
      cared.toSorted(),
      subjectsOf(workspace)
        .map((one) => one.id)
        .toSorted(),
    );
    assert.deepEqual(
      [...workspace.team, ...vendorsOf(workspace)].filter((one) => one.contact?.surface !== "outbox"),
      [],
    );
  });

  test(`${name}: whoever is asked for by role is somebody of the team`, async () => {
    const workspace = await workspaceOf(name);
    const asked = [
      ...workspace.policies.flatMap((policy) =>
        policy.rules.flatMap((rule) => [rule.approvers, ...rule.expiry.map((step) => (step.do === "escalate" ? step.to : undefined))]),
      ),
      ...workspace.sops.map((sop) => sop.escalation?.approvers),
      ...workspace.skills.map((skill) => skill.metadata?.approval?.approvers),
    ].flatMap((who) => who?.roles ?? []);
    assert.deepEqual(
      unknown(
        asked,
        workspace.team.flatMap((member) => member.roles),
      ),
      [],
    );
  });

  test(`${name}: a vendor is preferred only for what it does`, async () => {
    const workspace = await workspaceOf(name);
    const does = new Map(vendorsOf(workspace).map((vendor) => [vendor.id, vendor.categories]));
    const wrong = subjectsOf(workspace).flatMap((subject) =>
      Object.entries(subject.preferredVendors).flatMap(([category, vendors]) => vendors.filter((vendor) => !does.get(vendor)?.includes(category))),
    );
    assert.deepEqual(wrong, []);
  });

  test(`${name}: exactly one SOP has no trigger, for whatever matches none; each file bears the id of its SOP`, async () => {
    const { sops } = await workspaceOf(name);
    assert.equal(sops.filter((sop) => sop.triggers.length === 0).length, 1);
    assert.deepEqual(
      sops.map((sop) => sop.source),
      sops.map((sop) => `brain/sops/${sop.id}.md`),
    );
  });

  test(`${name}: a skill names the cases and texts that it came from`, async () => {
    const workspace = await workspaceOf(name);
    const cases = workspace.history.map((one) => one.id);
    const layers = [...workspace.voice.map(({ id }) => `voice:${id}`), ...workspace.sops.map(({ id }) => `sop:${id}`), ...cases.map((id) => `history:${id}`)];
    const sources = workspace.skills.flatMap((skill) => (skill.metadata ? [skill.metadata.sources] : []));
    assert.deepEqual(
      unknown(
        sources.flatMap((source) => source.tickets),
        cases,
      ),
      [],
    );
    assert.deepEqual(
      unknown(
        sources.flatMap((source) => source.layers),
        layers,
      ),
      [],
    );
    assert.deepEqual(
      unknown(
        sources.map((source) => source.by),
        workspace.team.map((member) => member.id),
      ),
      [],
    );
  });

  test(`${name}: each sample expects things that exist and suit its category and subject`, async () => {
    const workspace = await workspaceOf(name);
    const { subject } = workspace.manifest;
    for (const sample of samplesOf(name)) {
      const { expect } = sample;
      const sop = workspace.sops.find((one) => one.id === expect.sop);
      const skill = workspace.skills.find((one) => one.name === expect.skill);
      const vendor = vendorsOf(workspace).find((one) => one.id === expect.vendor);
      assert.ok(
        subjectsOf(workspace).some((one) => one.id === sample.labels[subject]),
        `${sample.file}: subject`,
      );
      assert.equal(sop?.category, expect.category, `${sample.file}: SOP`);
      assert.deepEqual(unknown(expect.risks, sop?.raise.flatMap((raise) => raise.risk ?? []) ?? []), [], `${sample.file}: risks`);
      assert.deepEqual(
        unknown(
          expect.memos,
          workspace.voice.filter((memo) => suits(memo, sample, subject)).map((memo) => memo.id),
        ),
        [],
        `${sample.file}: memos`,
      );
      assert.deepEqual(
        unknown(
          expect.history,
          casesOf(workspace, sample).map((one) => one.id),
        ),
        [],
        `${sample.file}: history`,
      );
      assert.equal(skill?.metadata?.category ?? null, expect.skill === null ? null : expect.category, `${sample.file}: skill`);
      assert.equal(vendor?.categories.includes(expect.category) ?? null, expect.vendor === null ? null : true, `${sample.file}: vendor`);
      const assignee = workspace.team.find((member) => member.id === expect.assignee);
      assert.ok(assignee?.looksAfter[subject]?.includes(sample.labels[subject]!), `${sample.file}: assignee`);
    }
  });

  test(`${name}: what a sample expects of the gate follows from its rule, its demands and what the last such case cost`, async () => {
    const workspace = await workspaceOf(name);
    const rules = new Map(workspace.policies.flatMap((policy) => policy.rules.map((rule) => [rule.name, rule.then] as const)));
    for (const sample of samplesOf(name)) {
      const { expect } = sample;
      const sop = workspace.sops.find((one) => one.id === expect.sop);
      const held = rules.get(expect.rule) === "ask" || expect.demands.length > 0;
      assert.ok(rules.has(expect.rule), `${sample.file}: rule`);
      assert.equal(expect.outcome, held ? "held" : "authorised", sample.file);
      assert.deepEqual(unknown(expect.demands, [`sop:${expect.sop}`, `skill:${expect.skill}`]), [], `${sample.file}: demands`);
      assert.equal(casesOf(workspace, sample)[0]?.costUsd ?? sop?.costEstimateUsd ?? null, expect.costUsd, `${sample.file}: cost`);
    }
  });

  test(`${name}: no two samples are the same delivery`, () => {
    const ids = samplesOf(name).map((sample) => sample.externalId);
    assert.equal(new Set(ids).size, ids.length);
  });
}

test("warm-stays: every SOP with triggers can be found in every script that the team and the guests write", async () => {
  const { sops } = await workspaceOf("warm-stays");
  const scripts = [/\p{Script=Latin}/u, /\p{Script=Han}/u, /[\p{Script=Hiragana}\p{Script=Katakana}]/u, /\p{Script=Thai}/u];
  const lacking = sops.filter((sop) => sop.triggers.length > 0 && !scripts.every((script) => sop.triggers.some((phrase) => script.test(phrase))));
  assert.deepEqual(
    lacking.map((sop) => sop.id),
    [],
  );
});

test("warm-stays: there is a check of each kind that needs no sensor, and an SOP that only a person may close", async () => {
  const { sops } = await workspaceOf("warm-stays");
  assert.deepEqual(new Set(sops.map((sop) => sop.check?.by ?? "none")), new Set(["command", "reporter", "none"]));
});

test("warm-stays: the linen check passes over full shelves, and fails over a low one or a file without shelves", async () => {
  const check = (await workspaceOf("warm-stays")).sops.find((sop) => sop.id === "linen_request")?.check;
  assert.equal(check?.by, "command");
  const [program, ...args] = check.command as [string, ...string[]];
  const shelves = readFileSync(`${ROOT}warm-stays/${args.at(-1)}`, "utf8");
  const exitCode = (input: string) => spawnSync(program, args.slice(0, -1), { input }).status;
  assert.deepEqual([shelves, shelves.replace(/"\d+"/, '"1"'), "items: []\n"].map(exitCode), [check.expectExitCode, 1, 1]);
});
