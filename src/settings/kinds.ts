/** Where the program runs, as far as a value may depend on it. */
export interface Account {
  /** Absolute; undefined where the account has no home folder. */
  readonly osHome: string | undefined;
  readonly isRoot: boolean;
}

/** What a value may look like. */
export interface Kind<T> {
  /** Ends the sentence "Expected …". */
  readonly expected: string;
  /** Undefined: the text is not of this kind. Never throws. */
  read(text: string, account: Account): T | undefined;
}

export const ROLES = ["api", "engine", "pulse"] as const;
/** What a process of a home does: answers requests, moves runs, or watches sensors and timers. */
export type ProcessRole = (typeof ROLES)[number];

/** `~/` is the account's home folder, since no shell reads an `.env` file. */
export const absolutePath: Kind<string> = {
  expected: "an absolute path",
  read(text, { osHome }) {
    const path = text.startsWith("~/") && osHome !== undefined ? `${osHome}${text.slice(1)}` : text;
    return path.startsWith("/") ? path : undefined;
  },
};

export const oneOf = <const T extends string>(...words: readonly T[]): Kind<T> => ({
  expected: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
  read: (text) => words.find((word) => word === text),
});

export const onOrOff: Kind<boolean> = {
  expected: "on or off",
  read: (text) => (text === "on" ? true : text === "off" ? false : undefined),
};

export function wholeNumber(range: { of?: string; min: number; max?: number }): Kind<number> {
  const { of = "", min, max } = range;
  return {
    expected: `a whole number${of && ` of ${of}`}, ${max === undefined ? `${min} or more` : `${min} to ${max}`}`,
    read(text) {
      if (!/^\d{1,9}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= (max ?? Infinity) ? value : undefined;
    },
  };
}

export const processRoles: Kind<readonly ProcessRole[]> = {
  expected: `one or more of ${ROLES.join(", ")}, with commas between`,
  read(text) {
    const words = listOf(text);
    if (words.length === 0 || words.some((word) => !ROLES.some((role) => role === word))) return undefined;
    return ROLES.filter((role) => words.includes(role));
  },
};

export const host: Kind<string> = {
  expected: "an IP address or the name of a host, such as 127.0.0.1, :: or localhost",
  read: (text) => (isIp(text) || /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i.test(text) ? text : undefined),
};

export const addressRanges: Kind<readonly string[]> = {
  expected: "IP addresses or ranges with commas between, such as 10.0.0.7, 10.1.0.0/16 or fd00::/8",
  read(text) {
    const ranges = listOf(text);
    return ranges.length > 0 && ranges.every(isRange) ? ranges : undefined;
  },
};

/** Scheme, host and port only: every link of ours starts with it. */
export const webOrigin: Kind<string> = {
  expected: "the address people open, without a path, such as https://loop.example.org",
  read(text) {
    const url = webUrlOf(text);
    return url && url.pathname === "/" && url.search === "" && url.hash === "" ? url.origin : undefined;
  },
};

export const webUrl: Kind<string> = {
  expected: "a URL such as https://host/path",
  read: (text) => (webUrlOf(text) ? text : undefined),
};

export const databaseUrl: Kind<string> = {
  expected: "a URL such as postgres://user:password@host/database",
  read(text) {
    const url = URL.parse(text);
    return url && ["postgres:", "postgresql:"].includes(url.protocol) && url.pathname.length > 1 ? text : undefined;
  },
};

export const modelName: Kind<string> = {
  expected: "provider:model, such as anthropic:claude-haiku-4-5",
  read: (text) => (/^[a-z0-9-]+:\S+$/.test(text) ? text : undefined),
};

/** Printable text without white space round it, as keys are. */
export const keyText: Kind<string> = {
  expected: "a key on one line, without spaces",
  read: (text) => (/^[\x21-\x7e]+$/.test(text) ? text : undefined),
};

/** `name=value` pairs with commas between them; becomes an object. */
export const headerList: Kind<Readonly<Record<string, string>>> = {
  expected: "headers as name=value,name=value",
  read(text) {
    const pairs = listOf(text).map((pair) => /^([A-Za-z0-9-]+)=([\x20-\x7e]+)$/.exec(pair));
    return pairs.every((pair) => pair !== null) ? Object.fromEntries(pairs.map((pair) => [pair[1]!.toLowerCase(), pair[2]!])) : undefined;
  },
};

export const regionName: Kind<string> = {
  expected: "a region such as eu-central-1",
  read: (text) => (/^[a-z0-9-]+$/.test(text) ? text : undefined),
};

const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

function webUrlOf(text: string): URL | null {
  const url = URL.parse(text);
  return url && ["http:", "https:"].includes(url.protocol) && url.username === "" && url.password === "" ? url : null;
}

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split(".").every((part) => Number(part) <= 255 && String(Number(part)) === part);
const isIpv6 = (text: string): boolean => /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

function isRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  if (rest.length > 0 || !isIp(address)) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128));
}
