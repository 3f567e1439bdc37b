import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { askProgram, askSample, type Question, withQuestions } from "./init-questions.ts";
import { hasWorkers, programOf, writeProgram } from "./worker-program.ts";

/** Somebody who types these lines, one for each question, and then leaves. */
function typing(...lines: string[]): { question: Question; asked: string[] } {
  const asked: string[] = [];
  return { asked, question: (text) => (asked.push(text), Promise.resolve(lines.shift())) };
}

const SAMPLES = {
  samples: [
    { name: "personal", line: "personal  One person" },
    { name: "team", line: "team  A team" },
  ],
  usual: "team",
};

test("a sample is chosen by number, name or Enter; what is neither is asked again", async () => {
  assert.equal(await askSample(typing("1").question, SAMPLES), "personal");
  assert.equal(await askSample(typing("team").question, SAMPLES), "team");
  assert.equal(await askSample(typing("").question, SAMPLES), "team");
  const unsure = typing("9", "nothing", "personal");
  assert.equal(await askSample(unsure.question, SAMPLES), "personal");
  assert.equal(unsure.asked.length, 3);
  assert.equal(await askSample(typing().question, SAMPLES), undefined);
});

test("a program is one that is known, or has its own command line with the place of the task in it", async () => {
  assert.deepEqual(await askProgram(typing("claude").question), { preset: "claude", run: undefined });
  assert.deepEqual(await askProgram(typing("3").question), { preset: "pi", run: undefined });
  assert.equal(await askProgram(typing("").question), "later");
  const custom = typing("nothing", "custom", "my-agent", "my-agent {{prompt_file}}");
  assert.deepEqual(await askProgram(custom.question), { preset: "custom", run: "my-agent {{prompt_file}}" });
  assert.match(custom.asked.at(-1)!, /\{\{prompt_file\}\}/);
  assert.equal(await askProgram(typing("custom").question), undefined);
});

test("flags say the same, and what is wrong with them", () => {
  assert.equal(programOf(undefined, undefined), undefined);
  assert.deepEqual(programOf("codex", undefined), { preset: "codex", run: undefined });
  assert.deepEqual(programOf(undefined, "x {{prompt_file}}"), { preset: "custom", run: "x {{prompt_file}}" });
  assert.throws(() => programOf("claud", undefined), /Did you mean claude\?/);
  assert.throws(() => programOf("custom", undefined), /needs its command line[^]*\{\{prompt_file\}\}/);
  assert.throws(() => programOf("custom", "my-agent"), /got "my-agent": expected a command with \{\{prompt_file\}\}/);
});

test("the choice stands in the file of the agent, whatever is in the command line", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-init-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(import.meta.dirname, "..", "..", "..", "workspaces", "personal"), folder, { recursive: true });
  assert.ok(hasWorkers(folder));
  const text = () => readFile(join(folder, "agents", "worker.yaml"), "utf8");
  writeProgram(folder, { preset: "custom", run: `sh -c 'echo "a: b" # {{prompt_file}}'` });
  assert.match(await text(), /^runner: command$[^]*^command:\n {2}preset: custom\n {2}run: "sh -c 'echo \\"a: b\\" # \{\{prompt_file\}\}'"\n$/m);
  writeProgram(folder, { preset: "claude", run: undefined });
  assert.match(await text(), /^command:\n {2}preset: claude\n$/m);
});

test("whoever closes the terminal is asked no more", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const asked = withQuestions({ input, output }, (question) => question("? "));
  input.end();
  assert.equal(await asked, undefined);
});
