import { PROMPT_FILE, type Preset } from "#src/workspace/manifest/command.ts";

interface KnownProgram {
  /** Looked for before it is started. */
  readonly program: string;
  /** How it comes to the machine. */
  readonly install: string;
  /** A line for the shell. `confined`: it runs in our sandbox, where its own would not start. */
  readonly run: (confined: boolean) => string;
  /** Folders of the account's home where it keeps its log-in and its sessions. */
  readonly homeFolders: readonly string[];
}

/** Its shell otherwise puts a question that nobody answered within two minutes into the background, and its model goes on without the answer. */
const CLAUDE_WAITS = "BASH_DEFAULT_TIMEOUT_MS=86400000 BASH_MAX_TIMEOUT_MS=86400000";

const PROMPT = `"$(cat ${PROMPT_FILE})"`;

/**
 * Coding agents by their headless command lines. Each was driven through a worker's whole life, in the sandbox and against a scripted model: claude-code 2.1.328, codex
 * 0.169.0, pi 0.87.1, opencode 1.18.33 and gemini-cli 0.61.0. All let their model use a shell, since that is how a worker asks. Their standard input is closed: some read
 * it to its end first.
 */
export const KNOWN_PROGRAMS: Readonly<Record<Exclude<Preset, "custom">, KnownProgram>> = {
  claude: {
    program: "claude",
    install: "npm install -g @anthropic-ai/claude-code",
    run: () => `${CLAUDE_WAITS} claude -p ${PROMPT} --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash </dev/null`,
    homeFolders: [".claude", ".claude.json"],
  },
  codex: {
    program: "codex",
    install: "npm install -g @openai/codex",
    run: (confined) => `codex exec --json ${confined ? "--dangerously-bypass-approvals-and-sandbox" : "-s workspace-write"} ${PROMPT} </dev/null`,
    homeFolders: [".codex"],
  },
  pi: {
    program: "pi",
    install: "npm install -g @earendil-works/pi-coding-agent",
    run: () => `pi -p --mode json ${PROMPT} </dev/null`,
    homeFolders: [".pi"],
  },
  opencode: {
    program: "opencode",
    install: "npm install -g opencode-ai",
    run: () => `opencode run --format json --auto ${PROMPT} </dev/null`,
    homeFolders: [".config/opencode", ".local/share/opencode", ".local/state/opencode", ".cache/opencode"],
  },
  gemini: {
    program: "gemini",
    install: "npm install -g @google/gemini-cli",
    run: () => `gemini -p ${PROMPT} --approval-mode yolo --skip-trust -o stream-json </dev/null`,
    homeFolders: [".gemini"],
  },
};

/** The template with the file in its place, as one word for a shell. */
export const commandLine = (template: string, promptFile: string): string =>
  template.replaceAll(PROMPT_FILE, /^[\w@%+=:,./-]+$/.test(promptFile) ? promptFile : `'${promptFile.replaceAll("'", `'\\''`)}'`);
