// Makes dist/ for npm: type stripping does not work under node_modules. Runs as `prepack`; `npm run check` is what looks at the types. Speaks on stderr, since npm pack --json has stdout.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix, resolve } from "node:path";

const DIST = resolve("dist");
const IMPORTED = /(?<=^(?:import|export)\s(?:[^;"'`]*?\sfrom\s)?"|\bimport\(")[^"\n]+(?=")/gm; // the two ways in which the compiler writes them
const NAMED_SOURCE = /(?<=["'`])[\w./-]*[\w-](?=\.ts["'`])/g;

type Packages = Readonly<Record<string, string>>;
const { dependencies, optionalDependencies }: { dependencies: Packages; optionalDependencies: Packages } = JSON.parse(readFileSync("package.json", "utf8"));
const SHIPPED = new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies)]);

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [join("node_modules", ".bin", "tsc"), "-p", join("scripts", "tsconfig.pack.json")], { stdio: "inherit" });

const files = globSync("**/*.{js,d.ts}", { cwd: DIST });
const problems = files.flatMap((file) => {
  const path = join(DIST, file);
  const text = readFileSync(path, "utf8").replaceAll(IMPORTED, (from) => inDist(file, from));
  writeFileSync(path, text);
  return problemsOf(file, text);
});
if (problems.length > 0) {
  console.error(`dist/ would not work when installed:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  process.exit(1);
}
console.error(`dist/: ${files.filter((file) => file.endsWith(".js")).length} files compiled`);

/** `#src/kernel/ids.ts` imported in runs/run.js is ../kernel/ids.js. */
function inDist(file: string, from: string): string {
  if (!from.endsWith(".ts") || !/^(#src|\.{1,2})\//.test(from)) return from;
  const target = from.startsWith("#") ? posix.relative(posix.dirname(file), from.slice("#src/".length)) : from;
  return `${target.startsWith(".") ? "" : "./"}${target.slice(0, -".ts".length)}.js`;
}

function problemsOf(file: string, text: string): string[] {
  return [
    ...(text.match(IMPORTED) ?? []).filter((from) => !isThere(file, from)).map((from) => `${file} imports ${from}, which an installed package does not have`),
    ...(text.match(NAMED_SOURCE) ?? [])
      .filter((target) => existsSync(join(DIST, dirname(file), `${target}.js`)))
      .map((target) => `${file} names ${target}.ts, which is ${target}.js there: take the ending from import.meta.filename`),
  ];
}

function isThere(file: string, from: string): boolean {
  if (from.startsWith(".")) return existsSync(join(DIST, dirname(file), file.endsWith(".d.ts") ? from.replace(/\.js$/, ".d.ts") : from));
  const name = from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
  return from.startsWith("node:") || builtinModules.includes(name) || SHIPPED.has(name);
}
