import { posix } from "node:path";
import { type SimpleCommand, simpleCommands, TOO_DEEP } from "./simple-commands.ts";

const SHELLS = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"]);
/** Programs that start the one named in their arguments. `takes`: options that are followed by a value. */
const WRAPPERS: Readonly<Record<string, string>> = {
  env: "uCS",
  nice: "n",
  ionice: "cnp",
  nohup: "",
  setsid: "",
  time: "of",
  timeout: "ks",
  stdbuf: "ioe",
  xargs: "IadEnLPs",
  busybox: "",
  toybox: "",
  command: "",
  exec: "a",
  builtin: "",
  chroot: "",
  watch: "n",
  parallel: "j",
  "!": "",
  then: "",
  do: "",
  else: "",
  if: "",
  while: "",
};
const RAISES = new Set(["sudo", "su", "doas", "pkexec", "run0"]);
const ENDS_MACHINE = new Set(["shutdown", "reboot", "halt", "poweroff", "telinit", "kexec"]);
const WIPES_DISK = new Set(["wipefs", "blkdiscard", "fdisk", "sfdisk", "parted", "mke2fs"]);
const RAW_DISK = /^\/dev\/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|dm-|md|loop|mapper|mem$|kmem$|port$)/;
const PROTECTED_BRANCH = /^(?:refs\/heads\/)?(?:main|master)$/;
const NESTED = 8;

/**
 * Why nobody may run this, whatever policy or a person says; null when it is none of these. The floor is against mistakes that cannot be taken back: rights of
 * root, the whole disk or home, the history of the main branch, a script off the network, the machine itself.
 */
export function whyForbidden(argv: readonly string[], depth = 0): string | null {
  if (depth > NESTED) return `it starts programs through more than ${NESTED} others`;
  const words = withoutAssignments(argv);
  if (words[0] === TOO_DEEP) return "its commands stand inside one another too deep to be read";
  const program = posix.basename(words[0] ?? "");
  const args = words.slice(1);
  if (program in WRAPPERS) return whyForbidden(wrapped(program, args), depth + 1);
  if (SHELLS.has(program)) {
    const script = scriptOf(args);
    return script === null ? null : whyScriptForbidden(script, depth + 1);
  }
  if (program === "eval") return whyScriptForbidden(args.join(" "), depth + 1);
  if (program === "find") return whyFindForbidden(args, depth + 1);
  return whyProgramForbidden(program, args);
}

function whyScriptForbidden(script: string, depth: number): string | null {
  for (const command of simpleCommands(script)) {
    const disk = command.writesTo.find((target) => RAW_DISK.test(posix.normalize(target)));
    if (disk !== undefined) return `it writes to the disk ${disk} itself`;
    if (command.isPiped && runsItsInput(command)) return "it pipes into a shell, so nobody can see what is run";
    const why = whyForbidden(command.words, depth);
    if (why !== null) return why;
  }
  return null;
}

/** A shell, or an interpreter, that is given nothing to run but what comes in. */
function runsItsInput({ words }: SimpleCommand): boolean {
  let rest: readonly string[] = withoutAssignments(words);
  for (let depth = 0; depth < NESTED && posix.basename(rest[0] ?? "") in WRAPPERS; depth += 1)
    rest = withoutAssignments(wrapped(posix.basename(rest[0]!), rest.slice(1)));
  if (RAISES.has(posix.basename(rest[0] ?? ""))) return true;
  const isInterpreter = SHELLS.has(posix.basename(rest[0] ?? "")) || /^(?:python|perl|ruby|node)[\d.]*$/.test(posix.basename(rest[0] ?? ""));
  return (
    isInterpreter &&
    rest.slice(1).every((arg) => arg === "-" || arg === "-s" || arg === "/dev/stdin" || /^-[a-z]$/.test(arg)) &&
    !rest.includes("-c") &&
    !rest.includes("-e")
  );
}

function withoutAssignments(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => !/^[A-Za-z_]\w*\+?=/.test(word));
  return at === -1 ? [] : words.slice(at);
}

function wrapped(program: string, args: readonly string[]): readonly string[] {
  const valued = WRAPPERS[program]!;
  let at = 0;
  while (args[at]?.startsWith("-") && args[at] !== "--") at += valued.includes(args[at]!.slice(-1)) && /^-\w+$/.test(args[at]!) ? 2 : 1;
  if (args[at] === "--") at += 1;
  if (program === "env") return args[at - 2] === "-S" ? (simpleCommands(args[at - 1]!)[0]?.words ?? []) : withoutAssignments(args.slice(at));
  return args.slice(at + (program === "timeout" || program === "chroot" ? 1 : 0));
}

/** What `sh -c` is given; null where a file is run. */
function scriptOf(args: readonly string[]): string | null {
  const at = args.findIndex((arg) => /^-[a-z]*c[a-z]*$/i.test(arg));
  return at === -1 ? null : (args.slice(at + 1).find((arg) => !arg.startsWith("-")) ?? null);
}

function whyFindForbidden(args: readonly string[], depth: number): string | null {
  const where = args.filter((arg) => !arg.startsWith("-"));
  if (args.includes("-delete") && where.some(isEverything)) return "it deletes everything";
  const at = args.findIndex((arg) => /^-(?:exec|execdir|ok|okdir)$/.test(arg));
  return at === -1
    ? null
    : whyForbidden(
        args.slice(at + 1).map((arg) => (arg === "{}" && where.some(isEverything) ? "/" : arg)),
        depth,
      );
}

function whyProgramForbidden(program: string, args: readonly string[]): string | null {
  if (RAISES.has(program)) return `${program} takes the rights of another account`;
  if (ENDS_MACHINE.has(program) || (program === "init" && /^[06]$/.test(args[0] ?? ""))) return `${program} stops the machine`;
  if (program === "systemctl" && args.some((arg) => /^(?:reboot|poweroff|halt|kexec|rescue|emergency)$/.test(arg))) return "systemctl stops the machine";
  if (program.startsWith("mkfs") || WIPES_DISK.has(program)) return `${program} erases a disk`;
  if (program === "dd" && args.some((arg) => /^of=\/+dev\/(?!null$|stdout$|stderr$|zero$)/.test(arg))) return "dd writes to a device";
  if (["tee", "cp", "mv", "shred", "install"].includes(program) && args.some((arg) => RAW_DISK.test(posix.normalize(arg))))
    return `${program} writes to a disk itself`;
  if (program === "rm") return whyRemovalForbidden(args);
  if ((program === "chmod" || program === "chown") && isRecursive(args) && args.some(isEverything)) return `${program} changes everything`;
  return program === "git" ? whyGitForbidden(args) : null;
}

const isRecursive = (args: readonly string[]): boolean => args.some((arg) => /^-[a-zA-Z]*[rR]/.test(arg) || arg === "--recursive");

function whyRemovalForbidden(args: readonly string[]): string | null {
  if (args.includes("--no-preserve-root")) return "rm removes the root of the machine";
  return isRecursive(args) && args.some(isEverything) ? "rm removes the machine or a whole home folder" : null;
}

/** The root, a folder right below it, or a home: with or without what stands for all that is in it. */
function isEverything(path: string): boolean {
  const bare = path.replace(/(?<!\/)\/+(?:\*|\.\*|\.)?$/, "").replace(/^\/+/, "/");
  if (path.startsWith("/") && (bare === "" || posix.normalize(`${bare}/`) === "/")) return true;
  if (/^(?:~\w*|\$\{?HOME\}?)$/.test(bare)) return true;
  const normal = bare.startsWith("/") ? posix.normalize(bare) : bare;
  return (
    /^\/(?:\*|bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|srv|sys|usr|var|Users|System|Library|Applications)$/.test(normal) ||
    /^\/(?:home|Users)\/[^/]+$/.test(normal)
  );
}

function whyGitForbidden(args: readonly string[]): string | null {
  let at = 0;
  while (args[at]?.startsWith("-")) at += args[at] === "-C" || args[at] === "-c" || args[at] === "--git-dir" || args[at] === "--work-tree" ? 2 : 1;
  if (args[at] !== "push") return null;
  const given = args.slice(at + 1);
  const forces = given.some((arg) => /^-[a-zA-Z]*f/.test(arg) || arg.startsWith("--force"));
  if (given.some((arg) => arg === "--mirror")) return "git push --mirror replaces every branch there is";
  const refs = given.filter((arg) => !arg.startsWith("-")).slice(1);
  const onto = refs.map((ref) => ({ name: ref.replace(/^\+/, "").split(":").at(-1)!, isForced: ref.startsWith("+"), deletes: ref.startsWith(":") }));
  const deletes = given.some((arg) => arg === "--delete" || arg === "-d");
  const hit = onto.find(({ name, isForced, deletes: isDeleted }) => PROTECTED_BRANCH.test(name) && (forces || isForced || deletes || isDeleted));
  if (hit !== undefined) return `git push rewrites or removes ${hit.name}`;
  return forces && (onto.length === 0 || given.includes("--all")) ? "git push by force names no branch, so it may be the main one" : null;
}
