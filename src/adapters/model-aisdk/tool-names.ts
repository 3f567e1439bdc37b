import { sha256 } from "#src/kernel/canonical-json.ts";

const LONGEST = 64;

/** Names of tools as the wire takes them (letters, digits, `_`, `-`, 64 at most), and back. */
export interface ToolNames {
  toWire(name: string): string;
  /** A name that was not offered comes back as it is. */
  fromWire(name: string): string;
}

/** The same names give the same wire names, whatever their order: the earlier turns of a conversation must go on matching. */
export function toolNames(names: Iterable<string>): ToolNames {
  const sorted = [...new Set(names)].sort();
  const plain = sorted.filter((name) => toPlain(name) === name && name.length <= LONGEST);
  const wireOf = new Map<string, string>(plain.map((name) => [name, name]));
  const taken = new Set(plain);
  for (const name of sorted) {
    if (wireOf.has(name)) continue;
    const short = toPlain(name);
    const wire = short.length > LONGEST || taken.has(short) ? `${short.slice(0, LONGEST - 9)}_${sha256(name).slice(0, 8)}` : short;
    taken.add(wire);
    wireOf.set(name, wire);
  }
  const nameOf = new Map([...wireOf].map(([name, wire]) => [wire, name]));
  return { toWire: (name) => wireOf.get(name) ?? toPlain(name), fromWire: (wire) => nameOf.get(wire) ?? wire };
}

const toPlain = (name: string) => name.replace(/[^a-zA-Z0-9_-]/g, "_") || "_";
