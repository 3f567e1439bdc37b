import assert from "node:assert/strict";
import test from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "./load.ts";
import { type Problem, problemsText } from "./problem.ts";

function workspaceOf(texts: Record<string, string>) {
  const parsed = parseWorkspace(filesOf(texts));
  if (parsed.kind === "problems") assert.fail(problemsText(parsed.problems));
  return parsed.workspace;
}

function problemsOf(changed: Record<string, string>): readonly Problem[] {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...changed }));
  return parsed.kind === "ok" ? [] : parsed.problems;
}

test("a sound workspace becomes a model in which each item knows its file", () => {
  const workspace = workspaceOf(SOUND_FILES);
  assert.deepEqual(
    { name: workspace.manifest.name, zone: workspace.manifest.timeZone, source: workspace.manifest.source },
    { name: "bakery", zone: "UTC", source: "loop.yaml" },
  );
  assert.deepEqual(
    workspace.team.map(({ id, team, source }) => ({ id, team, source })),
    [
      { id: "ana", team: "house", source: "teams/house.yaml" },
      { id: "rui", team: "house", source: "teams/house.yaml" },
    ],
  );
  assert.deepEqual(
    [...workspace.entities].map(([kind, items]) => [kind, items.map((item) => `${item.kind}:${item.id} ${item.source}`)]),
    [
      ["shop", ["shop:lisbon brain/entities/shops.yaml"]],
      ["vendor", ["vendor:forno brain/entities/vendors.json"]],
    ],
  );
  assert.deepEqual(
    workspace.sops.map(({ id, body, source }) => ({ id, body, source })),
    [{ id: "oven", body: "Turn the gas off first.", source: "brain/sops/oven.md" }],
  );
  assert.deepEqual(
    workspace.voice.map(({ id, body }) => ({ id, body })),
    [{ id: "gas", body: "Primeiro o gás." }],
  );
  assert.deepEqual(
    workspace.skills.map(({ name, metadata, files, body }) => ({ name, category: metadata?.category, files, body })),
    [{ name: "fix-oven", category: "oven", files: ["skills/fix-oven/scripts/heat.sh"], body: "Call the firm." }],
  );
  assert.deepEqual(workspace.goals, [
    { id: "stock", title: "Flour for a week", labels: {}, archived: false, source: "goals/stock.md", body: "# Flour for a week\n\nAlways." },
  ]);
  assert.deepEqual(workspace.playbook, { source: "PLAYBOOK.md", body: "# Playbook\n\nBread first." });
  assert.deepEqual(workspace.sensors, [{ name: "heat", source: "sensors/heat.sh", intervalMs: null, timeoutMs: null, network: [], secrets: {} }]);
});

test("the same files give the same workspace, in whatever order they come", () => {
  const reversed = Object.fromEntries(Object.entries(SOUND_FILES).toReversed());
  assert.deepEqual(workspaceOf(reversed), workspaceOf(SOUND_FILES));
});

test("a byte order mark and Windows line ends change nothing", () => {
  const fromWindows = Object.fromEntries(Object.entries(SOUND_FILES).map(([path, text]) => [path, `\ufeff${text.replaceAll("\n", "\r\n")}`]));
  assert.deepEqual(workspaceOf(fromWindows), workspaceOf(SOUND_FILES));
});

test("every problem of a file is told at once, with its place, what was seen, what was expected and what was likely meant", () => {
  const policy = `apiVersion: loopwright.dev/v1
kind: Policy
name: house
rules:
  - name: dear
    whne: { kind: message }
    then: alow
    why: ""
  - name: Big Spend
    when:
      kind: [mesage]
      severity: { atLeast: high }
      cost: { abovUsd: 5 }
    then: ask
    why: x
    expiry: [{ after: 3 days, do: remind }, { after: 1d, do: aprove }]
`;
  assert.deepEqual(
    problemsOf({ "policies/house.yaml": policy }).map(({ line, column, path, seen, expected, hint }) => [line, column, path, seen, expected, hint]),
    [
      [5, 5, "rules[0].when", "nothing", "a group of fields", undefined],
      [
        6,
        5,
        "rules[0].whne",
        "the unknown field whne",
        "one of the fields name, when, then, why, lifts, until, approvers, quorum, separation, expiry",
        "Did you mean when?",
      ],
      [7, 11, "rules[0].then", '"alow"', "one of allow, ask, deny", "Did you mean allow?"],
      [8, 10, "rules[0].why", '""', "a text that is not empty", undefined],
      [9, 11, "rules[1].name", '"Big Spend"', "lower-case letters, digits, - and _, starting with a letter or digit, 64 at most", undefined],
      [11, 14, "rules[1].when.kind[0]", '"mesage"', "one of model, tool, worker, message, shell, push, handoff, check", "Did you mean message?"],
      [12, 28, "rules[1].when.severity.atLeast", '"high"', "a number", undefined],
      [13, 15, "rules[1].when.cost.abovUsd", "the unknown field abovUsd", "one of the fields aboveUsd, upToUsd", "Did you mean aboveUsd?"],
      [16, 23, "rules[1].expiry[0].after", '"3 days"', "a length of time such as 30s, 5m, 2h or 1d", undefined],
      [16, 62, "rules[1].expiry[1].do", '"aprove"', "one of remind, escalate, fail", undefined],
    ],
  );
});

test("problems of several files come together, in order of file and line", () => {
  const problems = problemsOf({
    "agents/desk.yaml": "kind: Agent\n",
    "brain/sops/oven.md": "no front matter",
    "loop.yaml": "{",
    "goals/x.md": "---\ntitle: open",
  });
  assert.deepEqual([...new Set(problems.map(({ file }) => file))], ["agents/desk.yaml", "brain/sops/oven.md", "goals/x.md", "loop.yaml"]);
});

test("front matter is counted in lines of its file", () => {
  const [problem] = problemsOf({ "brain/voice/gas.md": "---\ntitle: Gas\nspeaker: ana\nlanguage: pt\nrecordedAt: yesterday\n---\nx\n" });
  assert.deepEqual(problem, {
    file: "brain/voice/gas.md",
    line: 5,
    column: 13,
    path: "recordedAt",
    seen: '"yesterday"',
    expected: "a time such as 2026-01-31T09:00:00Z",
  });
});

test("a secret that was written where its name belongs is not shown", () => {
  const loop = `${SOUND_FILES["loop.yaml"]}providers:\n  acme: { wire: openai, apiKey: sk-live-12345678 }\n`;
  const text = problemsText(problemsOf({ "loop.yaml": loop }));
  assert.match(text, /loop\.yaml:7:33: providers\.acme\.apiKey: seen a value \(hidden\)\. Expected a reference such as secret:anthropic-key/);
  assert.doesNotMatch(text, /sk-live/);
  assert.deepEqual(problemsOf({ "loop.yaml": loop.replace("sk-live-12345678", "secret:env:ACME_KEY") }), []);
});

test("time zones and languages in daily use are known", () => {
  const loop = (zone: string) => `${SOUND_FILES["loop.yaml"]}timeZone: ${zone}\nlocale: zh-TW\n`;
  for (const zone of ["Asia/Kolkata", "Europe/Kyiv", "America/Sao_Paulo", "UTC"]) assert.deepEqual(problemsOf({ "loop.yaml": loop(zone) }), [], zone);
  for (const zone of ["Mars/Base", "'+08:00'", "''"]) assert.equal(problemsOf({ "loop.yaml": loop(zone) }).length, 1, zone);
});

test("a file where no part reads it is a problem, since its rules would silently not apply", () => {
  const seen = (path: string) => problemsOf({ [path]: "x: 1\n" }).map(({ file, seen: what, expected }) => `${file}: ${what}; ${expected}`);
  assert.deepEqual(seen("policies/strict/deny.yaml"), [
    "policies/strict/deny.yaml: a file that would not be read; it at policies/<name>.yaml, or elsewhere if it is not meant to be read",
  ]);
  assert.equal(seen("policies/deny.json").length, 1);
  assert.equal(seen("brain/sop/x.md").length, 1);
  assert.equal(seen("../etc/passwd").length, 1);
});

test("files that are no text, too large, or missing are told", () => {
  const soundBut = (path: string, bytes: Uint8Array) => {
    const parsed = parseWorkspace(new Map([...filesOf(SOUND_FILES), [path, bytes]]));
    return parsed.kind === "ok" ? [] : parsed.problems.map(({ file, seen }) => `${file}: ${seen}`);
  };
  assert.deepEqual(soundBut("PLAYBOOK.md", Buffer.from([0xff, 0xfe, 0x41, 0x00])), ["PLAYBOOK.md: bytes that are not UTF-8"]);
  assert.deepEqual(soundBut("PLAYBOOK.md", Buffer.from("a\0b")), ["PLAYBOOK.md: a NUL character"]);
  assert.deepEqual(soundBut("PLAYBOOK.md", Buffer.alloc(1_048_577, "a")), ["PLAYBOOK.md: a file of 1048577 bytes"]);
  const { "loop.yaml": _, ...rest } = SOUND_FILES;
  const parsed = parseWorkspace(filesOf(rest));
  assert.deepEqual(parsed.kind === "problems" && parsed.problems.map(({ file, seen }) => `${file}: ${seen}`), ["loop.yaml: no such file"]);
});

test("a file that is wrong from end to end is cut short", () => {
  const rules = `apiVersion: loopwright.dev/v1\nkind: Policy\nname: x\nrules: [${"1,".repeat(20_000)}]\n`;
  const fields = `apiVersion: loopwright.dev/v1\nkind: Policy\nname: y\n${Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join("")}`;
  const problems = problemsOf({ "policies/x.yaml": rules, "policies/y.yaml": fields });
  assert.deepEqual(
    [problems.filter(({ file }) => file === "policies/x.yaml").length, problems.filter(({ file }) => file === "policies/y.yaml").length],
    [51, 51],
  );
});
