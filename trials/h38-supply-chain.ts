import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { globSync } from "node:fs";
import { type Case, judged } from "./harness/case.ts";

const ROOT = join(import.meta.dirname, "..");

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}
type Lockfile = Readonly<Record<string, Locked>>;

/** What was looked at by a person: packages that want to run a program when they are installed, and entries whose content npm cannot check. */
interface Known {
  readonly installScripts: readonly string[];
  readonly withoutIntegrity: readonly string[];
}

/** An installed package and what it would run at its installation. */
interface Installed {
  readonly path: string;
  readonly runs: readonly string[];
}

const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"] as const;

/** Everything that is not as it was looked at; each a sentence. */
function suspects(locked: Lockfile, installed: readonly Installed[], known: Known): string[] {
  const entries = Object.entries(locked).filter(([path]) => path !== "");
  const scripts = entries.flatMap(([path, { hasInstallScript }]) => (hasInstallScript ? [path] : []));
  const weak = entries.flatMap(([path, { integrity }]) => (integrity?.startsWith("sha512-") ? [] : [path]));
  const fromElsewhere = entries.flatMap(([path, { resolved }]) => (resolved === undefined ? [] : [path]));
  return [
    ...scripts.filter((path) => !known.installScripts.includes(path)).map((path) => `${path} has an install script that nobody looked at`),
    ...installed
      .filter(({ path, runs }) => runs.length > 0 && !known.installScripts.includes(path))
      .map(({ path, runs }) => `${path} would run ${runs.join()}`),
    ...weak.filter((path) => !known.withoutIntegrity.includes(path)).map((path) => `${path} has no integrity`),
    ...known.withoutIntegrity
      .filter((path) => locked[path]?.integrity !== undefined || !(path in locked))
      .map((path) => `${path} need not be excused any more`),
    ...fromElsewhere.map((path) => `${path} comes from ${locked[path]!.resolved}`),
    ...installed.filter(({ path }) => !(path in locked)).map(({ path }) => `${path} is installed and not in the lockfile`),
  ];
}

async function installedPackages(): Promise<Installed[]> {
  const files = globSync("node_modules/{,@*/}*/package.json", { cwd: ROOT }).concat(
    globSync("node_modules/**/node_modules/{,@*/}*/package.json", { cwd: ROOT }),
  );
  return Promise.all(
    [...new Set(files)].map(async (file) => {
      const { scripts = {} } = JSON.parse(await readFile(join(ROOT, file), "utf8")) as { scripts?: Record<string, string> };
      return { path: file.slice(0, -"/package.json".length), runs: INSTALL_SCRIPTS.filter((name) => name in scripts) };
    }),
  );
}

/** Changes that a hostile or careless hand might make, each of which must be seen. */
function changed(locked: Lockfile, installed: readonly Installed[]): readonly (readonly [string, Lockfile, readonly Installed[]])[] {
  const zod = "node_modules/zod";
  const with_ = (more: Locked): Lockfile => ({ ...locked, [zod]: { ...locked[zod], ...more } });
  const { integrity: _, ...bare } = locked[zod]!;
  return [
    ["an entry without integrity", { ...locked, [zod]: bare }, installed],
    ["a weaker integrity", with_({ integrity: "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }), installed],
    ["an install script in the lockfile", with_({ hasInstallScript: true }), installed],
    ["an install script that the lockfile hides", locked, [...installed, { path: zod, runs: ["postinstall"] }]],
    ["a package from somewhere else", with_({ resolved: "git+ssh://git@example.org/zod.git#main" }), installed],
    ["a package beside the lockfile", locked, [...installed, { path: "node_modules/left", runs: [] }]],
  ];
}

/** Every start installs with `--ignore-scripts`, so what is tried here is that nothing new would run where somebody installs without it. */
export const supplyChain: Case = {
  id: "H-38",
  title: "dependencies: every entry of the lockfile has its integrity and comes from the registry, and no package has an install script that nobody looked at",
  short: true,
  limitMs: { short: 10_000, full: 10_000 },
  async run() {
    const { packages } = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as { packages: Lockfile };
    const known = JSON.parse(await readFile(join(import.meta.dirname, "fixtures", "supply-chain.json"), "utf8")) as Known;
    const installed = await installedPackages();
    const found = suspects(packages, installed, known);
    const unseen = changed(packages, installed).filter(([, locked, tree]) => suspects(locked, tree, known).length === found.length);
    const setup = await readFile(join(ROOT, "scripts", "setup", "install.mjs"), "utf8");
    return judged({
      reached: installed.length,
      wanted: 150,
      figure: `${Object.keys(packages).length - 1} entries, ${installed.length} installed, ${known.installScripts.length} with a known install script, ${known.withoutIntegrity.length} of other platforms without integrity; how old a package is cannot be known offline${found.length > 0 ? `: ${found.slice(0, 5).join("; ")}` : ""}`,
      conditions: {
        "nothing that nobody looked at": found.length === 0,
        [`seen: ${unseen.map(([name]) => name).join(", ") || "every change that was made on trial"}`]: unseen.length === 0,
        "scripts are ignored by npm start and npm test": setup.includes('"--ignore-scripts"'),
      },
    });
  },
};
