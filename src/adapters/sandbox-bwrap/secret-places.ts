import { join } from "node:path";

/** Readable for root alone, and so for a command that runs as root. */
const OF_THE_SYSTEM = [
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/ssh",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/krb5.keytab",
  "/var/lib/docker",
];

/** Sockets of services lie here: a read-only file system does not keep a command from connecting to one. */
export const SOCKET_FOLDERS = ["/run", "/var/run"];

const OF_A_PERSON = [
  ".aws",
  ".azure",
  ".bash_history",
  ".cargo/credentials.toml",
  ".claude",
  ".claude.json",
  ".codex",
  ".config/gcloud",
  ".config/gh",
  ".config/op",
  ".docker",
  ".gemini",
  ".git-credentials",
  ".gnupg",
  ".kube",
  ".local/share/keyrings",
  ".mozilla",
  ".my.cnf",
  ".netrc",
  ".node_repl_history",
  ".npmrc",
  ".password-store",
  ".pgpass",
  ".psql_history",
  ".pypirc",
  ".ssh",
  ".terraform.d",
  ".vault-token",
  ".zsh_history",
];

/** Where keys and passwords usually lie. Tools that live in a home folder stay usable, so it is not hidden whole. */
export const secretPlaces = (osHome: string | undefined): readonly string[] => [
  ...OF_THE_SYSTEM,
  ...(osHome === undefined ? [] : OF_A_PERSON.map((place) => join(osHome, place))),
];
