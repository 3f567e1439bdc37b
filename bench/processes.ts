import { readdirSync, readFileSync } from "node:fs";

/** What a process costs can be read here: there is a /proc. */
export const canSeeProcesses = process.platform === "linux";

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on

/** Processor time that this process has used so far, its own and the kernel's for it. */
export function processorMs(pid: number): number {
  return timesOf(pid)[0];
}

/** The same of the process and everything that is or was under it: what ended stands with whoever collected it. */
export function familyProcessorMs(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + timesOf(member).reduce((own, ended) => own + ended, 0), 0);
}

/** Its own time, and that of the children that it has collected; nothing when it ended while we looked. */
function timesOf(pid: number): [number, number] {
  const fields = fieldsOf(pid) ?? [];
  const ms = (at: number): number => Number(fields[at] ?? 0) * TICK_MS;
  return [ms(11) + ms(12), ms(13) + ms(14)];
}

/** Megabytes resident: all of it, and with shared pages divided by those that share them. Nothing of a process that has ended. */
export function residentMb(pid: number): { rss: number; pss: number } {
  const text = readText(`/proc/${pid}/smaps_rollup`);
  const megabytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1_024;
  return { rss: megabytes("Rss"), pss: megabytes("Pss") };
}

/** The process and everything under it. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = fieldsOf(Number(name));
    if (fields) parents.set(Number(name), Number(fields[1]));
  }
  const family = [pid];
  for (let index = 0; index < family.length; index += 1) {
    for (const [child, parent] of parents) if (parent === family[index]) family.push(child);
  }
  return family;
}

/** The fields after the name, which may hold anything: state is the first. Undefined: it has ended. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function fieldsOf(pid: number): string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // processes end while we look
  }
}
