import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "./load.ts";
import { readSensorHeader } from "./sensor-header.ts";

const read = (...lines: readonly string[]) => readSensorHeader(Buffer.from(lines.join("\n")));
const NOTHING = { intervalMs: null, timeoutMs: null, network: [], secrets: {} };

test("the comments that a sensor begins with say how often it runs, how long, what it reaches and which secrets it gets", () => {
  const { header, faults } = read(
    "#!/bin/sh",
    "# What is open.",
    "",
    "# loop:interval=300",
    "#loop:timeout=300",
    "# loop:network=api.github.com, *.example.com",
    "# loop:network=127.0.0.1:9090",
    "# loop:secret=GITHUB_TOKEN=secret:github_token",
    "# loop:secret=OTHER=secret:env:OTHER",
    "curl x",
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(header, {
    intervalMs: 300_000,
    timeoutMs: 300_000,
    network: ["api.github.com", "*.example.com", "127.0.0.1:9090"],
    secrets: { GITHUB_TOKEN: "secret:github_token", OTHER: "secret:env:OTHER" },
  });
  assert.deepEqual(read("// loop:interval=1", "console.log(1)").header, { ...NOTHING, intervalMs: 1_000 });
  assert.deepEqual(read("echo 1"), { header: NOTHING, faults: [] });
  assert.deepEqual(readSensorHeader(Buffer.from("\x7fELF\0\0\n# loop:nothing\n")), { header: NOTHING, faults: [] });
});

const WRONG: readonly (readonly [line: string, seen: RegExp, expected: RegExp])[] = [
  ["# loop:interval=0", /"0"/, /whole number of seconds from 1 to/],
  ["# loop:interval=1m", /"1m"/, /seconds/],
  ["# loop:interval=1e3", /"1e3"/, /seconds/],
  ["# loop:interval=99999999", /"99999999"/, /2678400/],
  ["# loop:interval=", /""/, /seconds/],
  ["# loop:interval", /without a value/, /loop:interval=…/],
  ["# loop:timeout=301", /"301"/, /to 300/],
  ["# loop:intervall=5", /loop:intervall/, /one of loop:interval=…/],
  ["# loop: interval = 5", /loop:interval /, /one of/],
  ["# looop:interval=5", /looop:/, /loop:/],
  ["# loop:network=https://example.com/", /https/, /hosts/],
  ["# loop:network=a.com,,b.com", /""/, /hosts/],
  ["# loop:network=*", /"\*"/, /hosts/],
  ["# loop:secret=TOKEN=ghp_abcdef", /hidden/, /NAME=secret:name/],
  ["# loop:secret=secret:token", /hidden/, /NAME=secret:name/],
  ["# loop:secret=PATH=secret:path", /PATH/, /another name/],
  ["# loop:secret=HTTPS_PROXY=secret:path", /HTTPS_PROXY/, /another name/],
];

for (const [line, seen, expected] of WRONG)
  test(`it is said what is wrong with ${line}`, () => {
    const { faults } = read("#!/bin/sh", `  ${line}`);
    assert.equal(faults.length, 1, JSON.stringify(faults));
    assert.deepEqual([faults[0]!.line, faults[0]!.column], [2, 5]);
    assert.match(faults[0]!.seen, seen);
    assert.match(faults[0]!.expected, expected);
    assert.doesNotMatch(JSON.stringify(faults), /ghp_/);
  });

test("what stands twice, and what stands below the first line of code, would silently not count", () => {
  assert.match(read("# loop:timeout=1", "# loop:timeout=2").faults[0]!.seen, /a second time/);
  assert.match(read("# loop:secret=A=secret:a", "# loop:secret=A=secret:b").faults[0]!.seen, /the variable A a second time/);
  assert.deepEqual(read("echo 1", "# loop:timeout=2").faults, [
    { line: 2, column: 3, path: "", seen: "loop:timeout=2 below the first line of code", expected: "it at the top" },
  ]);
});

test("a workspace with such a sensor, with two of a name or with a name that no file can have is not sound", () => {
  const parsed = parseWorkspace(
    filesOf({
      ...SOUND_FILES,
      "sensors/one.sh": "# loop:intervall=5\n",
      "sensors/two.sh": "",
      "sensors/two.py": "",
      "sensors/a b.sh": "",
      "sensors/lib/a b.txt": "",
    }),
  );
  assert.deepEqual(parsed.kind === "problems" ? parsed.problems.map(({ file, line, seen, hint }) => [file, line, seen, hint]) : [], [
    ["sensors/a b.sh", 1, 'the sensor name "a b"', undefined],
    ["sensors/one.sh", 1, "loop:intervall", "Did you mean interval?"],
    ["sensors/two.sh", 1, "the sensor two a second time", undefined],
  ]);
});
