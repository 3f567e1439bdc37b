import { BlockList, isIPv4 } from "node:net";

/**
 * How far an address is: `public`; `own`: this machine or its network, which takes a declared permission; `never`: nothing that a tool has to ask, such as the
 * metadata service of a cloud, whose answers are credentials.
 */
export type Reach = "public" | "own" | "never";

const listOf = (family: "ipv4" | "ipv6", subnets: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address, bits] = subnet.split("/") as [string, string];
    list.addSubnet(address, Number(bits), family);
  }
  return list;
};

// https://www.iana.org/assignments/iana-ipv4-special-registry and the metadata addresses of Azure (168.63.129.16) and Alibaba (100.100.100.200)
const NEVER_4 = listOf("ipv4", ["0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"]);
const OWN_4 = listOf("ipv4", [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
]);

// https://www.iana.org/assignments/iana-ipv6-special-registry; fd00:ec2::254 and fd20:ce::254 are metadata services
const NEVER_6 = listOf("ipv6", ["::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32"]);
const OWN_6 = listOf("ipv6", ["::1/128", "fc00::/7"]);
const GLOBAL_6 = listOf("ipv6", ["2000::/3"]);
const NOT_GLOBAL_6 = listOf("ipv6", ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]); // Teredo, documentation, 6to4: tunnels hide another address

/** Where this address leads. What is no address, and what wraps an address that cannot be seen, is `never`. */
export function reachOf(address: string): Reach {
  if (isIPv4(address)) return reachOf4(address);
  const groups = groupsOf(address);
  if (groups === null) return "never";
  const embedded = embedded4(groups);
  if (embedded !== null) return reachOf4(embedded);
  if (NEVER_6.check(address, "ipv6")) return "never";
  if (OWN_6.check(address, "ipv6")) return "own";
  return GLOBAL_6.check(address, "ipv6") && !NOT_GLOBAL_6.check(address, "ipv6") ? "public" : "never";
}

function reachOf4(address: string): Reach {
  if (NEVER_4.check(address, "ipv4")) return "never";
  return OWN_4.check(address, "ipv4") ? "own" : "public";
}

/** The IPv4 address inside `::ffff:0:0/96` (mapped) and `64:ff9b::/96` (NAT64, RFC 6052). */
function embedded4(groups: readonly number[]): string | null {
  const head = groups.slice(0, 6).join(":");
  if (head !== "0:0:0:0:0:65535" && head !== `${0x64}:${0xff9b}:0:0:0:0`) return null;
  const [high, low] = [groups[6]!, groups[7]!];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The eight groups of an IPv6 address; null for what is none, or names an interface. */
function groupsOf(address: string): number[] | null {
  if (!URL.canParse(`http://[${address}]/`)) return null;
  const [head = "", tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const read = (text: string | undefined) => (text ? text.split(":").map((group) => Number.parseInt(group, 16)) : []);
  const [before, after] = [read(head), read(tail)];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
