/** How the coding agents that are usually meant are installed. */
const PACKAGES: Readonly<Record<string, string>> = {
  claude: "@anthropic-ai/claude-code",
  codex: "@openai/codex",
  gemini: "@google/gemini-cli",
  opencode: "opencode-ai",
  pi: "@earendil-works/pi-coding-agent",
};

/** A sentence with the line to type, or what to do with a program that nobody here knows. */
export function howToInstall(program: string): string {
  const name = PACKAGES[program];
  return name === undefined ? "Install it, or name another one by its whole path." : `Install it: \`npm install -g ${name}\`.`;
}
