import { type Group, type Row, SETTINGS } from "./schema.ts";

const ABOUT: Readonly<Record<Group, string>> = {
  Places: "Where things are.",
  Serving: "How the server is reached and what a process does.",
  Work: "How runs are moved.",
  Telemetry: "Nothing is sent anywhere unless these say so.",
  Models:
    "Provider keys are *named, not used*, unless `LOOP_MODEL` is `on`: a key that lies in the environment for something else costs nothing. A provider in `loop.yaml` with a key such as `secret:env:OPENAI_API_KEY` is used whatever `LOOP_MODEL` says.",
};

const HEAD = `# Settings

<!-- Generated from src/settings/schema.ts; a test compares the two. -->

Settings come from the environment and from a file \`.env\` in the folder where Loopwright is started; the environment wins. They are read once, at the start.
An empty value counts as not set. A name that starts with \`LOOP_\` and is not on this page is refused, so that a typing error cannot pass unnoticed; every
problem is shown at once. Secrets are never shown and are taken out of every log.

A line of \`.env\` is \`KEY=value\`. Values may stand in 'single' quotes (taken as they are) or "double" quotes (\`\\n\`, \`\\r\`, \`\\t\`, \`\\"\`, \`\\\\\`, \`\\$\`), also over
several lines; \`export\` before the name and comments after \`#\` are allowed; nothing is expanded, but a path may start with \`~/\`.
`;

/** The text of docs/settings.md. */
export function settingsDocument(): string {
  const rows: readonly Row<unknown>[] = Object.values(SETTINGS) as Row<unknown>[];
  const groups = (Object.keys(ABOUT) as Group[]).map((group) => {
    const lines = rows.filter((row) => row.group === group).map(lineOf);
    return `\n## ${group}\n\n${ABOUT[group]}\n\n| name | value | default | meaning |\n|---|---|---|---|\n${lines.join("\n")}\n`;
  });
  return `${HEAD}${groups.join("")}`;
}

function lineOf(row: Row<unknown>): string {
  return `| \`${row.name}\` | ${row.kind.expected}${row.secret ? " (secret)" : ""} | ${row.byDefault} | ${row.meaning}${row.alias === undefined ? "" : ` \`${row.alias}\` is another name for it.`} |`;
}
