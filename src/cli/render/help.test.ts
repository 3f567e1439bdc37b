import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { VERBS } from "../verb-table.ts";
import { spokenVerbs } from "../verbs/completion-script.ts";
import { bashScript, fishScript, zshScript } from "./completion.ts";
import { overview, verbHelp } from "./help.ts";
import { columns } from "./width.ts";

const loaded = await Promise.all(Object.entries(VERBS).map(async ([name, { summary, load }]) => ({ name, summary, verb: await load() })));

for (const { name, summary, verb } of loaded) {
  test(`the help of ${name} has its usage, its flags, an example that begins with it, and the exit codes, in 80 columns`, () => {
    const text = verbHelp({ name, summary, verb });
    assert.ok(verb.examples.length > 0 && verb.examples.some((example) => example.includes(`loop ${name}`)), `no example of loop ${name}`);
    for (const flag of [...Object.keys(verb.flags), "json", "help"]) assert.ok(text.includes(`--${flag}`), flag);
    assert.match(text, /Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no server, 4 no such thing/);
    for (const line of text.split("\n").filter((one) => !verb.examples.includes(one.trim()))) assert.ok(columns(line) <= 80, line);
  });
}

test("the overview lists every verb once and documents every exit code, in 80 columns", () => {
  const text = overview();
  const names = Object.keys(VERBS).toSorted((a, b) => b.length - a.length); // `tools call` is not a line of `tools`
  const listed = text.split("\n").flatMap((line) => names.find((name) => line.startsWith(`  ${name} `)) ?? []);
  assert.deepEqual(listed.toSorted(), names.toSorted());
  for (const code of [0, 1, 2, 3, 4, 70]) assert.match(text, new RegExp(`^  ${code} `, "m"));
  for (const line of text.split("\n")) assert.ok(columns(line) <= 80, line);
});

const SPOKEN = await spokenVerbs();

const A_QUESTION = "ask_0199c0ffee00712a8b6e5d4c3b2a1908";
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const run = (shell: string, program: string, ...flags: string[]): string => execFileSync(shell, [...flags, "-c", program], { encoding: "utf8" });

/** What each shell offers for the last of the words that were typed, with its own machinery and a `loop` that knows one open question. */
const COMPLETED: Readonly<Record<string, (typed: readonly string[]) => string[]>> = {
  bash: (typed) =>
    lines(
      run(
        "bash",
        `loop() { echo '{"id":"${A_QUESTION}"}'; }\n${bashScript(SPOKEN)}\nCOMP_WORDS=(loop ${typed.map(quoted).join(" ")}); COMP_CWORD=${typed.length}; _loop; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ),
    ),
  // compadd and _describe draw on the line editor, which a script has not: these two say what they were given, as the editor would filter it
  zsh: (typed) =>
    lines(
      run(
        "zsh",
        `loop() { echo '{"id":"${A_QUESTION}"}'; }
compdef() { : }
_files() { : }
compadd() { local one; for one in \${(P)2}; do [[ $one == $typed* ]] && print -r -- $one; done }
_describe() { local one; for one in "\${(@P)2}"; do [[ $one == $typed* ]] && print -r -- \${one%%:*}; done }
${zshScript(SPOKEN)}
words=(loop ${typed.map(quoted).join(" ")}); CURRENT=${typed.length + 1}; typed=$words[CURRENT]; _loop || true`,
        "-f",
      ),
    ),
  fish: (typed) =>
    lines(
      run(
        "fish",
        `function loop; echo '{"id":"${A_QUESTION}"}'; end\n${fishScript(SPOKEN)}\ncomplete -C ${quoted(["loop", ...typed].join(" "))}`,
        "--no-config",
      ),
    ).map((line) => line.split("\t")[0]!),
};

const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ["-c", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

for (const [shell, script] of [
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
] as const) {
  const skip = !has(shell) && `${shell} is not installed`;

  test(`the completion script for ${shell} is valid`, { skip }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "loopwright-completion-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "script"); // fish reads no program from a pipe, and looks at none that is given by -c
    await writeFile(file, script(SPOKEN));
    execFileSync(shell, ["-n", file]);
  });

  test(`${shell} completes verbs, their second words, their flags and the questions that are open`, { skip }, () => {
    const completed = (...typed: string[]): string[] => COMPLETED[shell]!(typed).toSorted();
    assert.deepEqual(completed("ap"), ["apply", "approve"]);
    assert.deepEqual(completed("audit", ""), ["export", "key", "verify"]);
    assert.deepEqual(completed("send", "--ext"), ["--external-id"]);
    assert.deepEqual(completed("brain", "search", "--cat"), ["--category"]);
    assert.deepEqual(completed("approve", "ask"), [A_QUESTION]);
    assert.ok(completed("_", "").includes("claim"));
    assert.deepEqual(completed("_", "unclaim", "--ses"), ["--session"]);
  });
}

test("the zsh script works before compinit was run, as from a new .zshrc", { skip: !has("zsh") && "zsh is not installed" }, () => {
  assert.equal(run("zsh", `${zshScript(SPOKEN)}\nprint -r -- $_comps[loop] $_comps[loopwright]`, "-f"), "_loop _loop\n");
});
