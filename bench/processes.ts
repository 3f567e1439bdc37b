import { readdirSync, readFileSync } from "node:fs";

/** What a process costs can be read here: there is a /proc. */
export const canSeeProcesses = process.platform === "linux";

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on

/** Processor time that this process has used so far, its own and the kernel's for it. */
export function processorMs(pid: number): number {
  const fields = fieldsOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Megabytes resident: all of it, and with shared pages divided by those that share them. */
export function residentMb(pid: number): { rss: number; pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1_024;
  return { rss: megabytes("Rss"), pss: megabytes("Pss") };
}

/** The process and everything under it. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const family = [pid];
  for (let index = 0; index < family.length; index += 1) {
    for (const [child, parent] of parents) if (parent === family[index]) family.push(child);
  }
  return family;
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(fieldsOf(pid)[1]);
  } catch {
    return undefined; // it ended while we looked
  }
}

/** The fields after the name, which may hold anything: state is the first. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function fieldsOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
