/** One command of a script: its words without quotes, and where its output goes. */
export interface SimpleCommand {
  readonly words: readonly string[];
  readonly writesTo: readonly string[];
  /** Its input is the output of the command before. */
  readonly isPiped: boolean;
}

/** Stands for what is nested deeper than anybody writes by hand. */
export const TOO_DEEP = "\0";
const DEEPEST = 16;

const SEPARATORS = /^(?:\|\||&&|[;&|\n(){}])/;

interface Reading {
  readonly text: string;
  at: number;
  readonly depth: number;
  readonly commands: SimpleCommand[];
}

/**
 * The commands that a shell script spells out, in order, with those inside `$(…)`, backticks and groups. What a variable or a program makes of itself while it
 * runs cannot be seen; the sandbox is for that.
 */
export function simpleCommands(text: string, depth = 0): SimpleCommand[] {
  if (depth > DEEPEST) return [{ words: [TOO_DEEP], writesTo: [], isPiped: false }];
  const reading: Reading = { text: text.replaceAll("\\\n", ""), at: 0, depth, commands: [] };
  while (reading.at < reading.text.length) readPipeline(reading);
  return reading.commands;
}

function readPipeline(reading: Reading): void {
  for (let isPiped = false; ;) {
    readCommand(reading, isPiped);
    const separator = SEPARATORS.exec(reading.text.slice(reading.at, reading.at + 2))?.[0] ?? "";
    reading.at += Math.max(separator.length, 1);
    if (separator !== "|") return;
    isPiped = true;
    if (reading.text[reading.at] === "&") reading.at += 1;
  }
}

function readCommand(reading: Reading, isPiped: boolean): void {
  const words: string[] = [];
  const writesTo: string[] = [];
  let redirects = false;
  while (reading.at < reading.text.length) {
    const rest = reading.text.slice(reading.at, reading.at + 3);
    if (/^[^\S\n]/.test(rest)) reading.at += 1;
    else if (rest.startsWith("#")) skipComment(reading);
    else if (/^(?:&>|>[>|&]?|<)/.test(rest)) {
      redirects = !rest.startsWith("<");
      reading.at += /^(?:&>|>[>|&]|>|<)/.exec(rest)![0].length;
    } else if (SEPARATORS.test(rest)) break;
    else {
      const word = readWord(reading);
      if (redirects) writesTo.push(word);
      else words.push(word);
      redirects = false;
    }
  }
  if (words.length + writesTo.length > 0) reading.commands.push({ words, writesTo, isPiped });
}

function skipComment(reading: Reading): void {
  while (reading.at < reading.text.length && reading.text[reading.at] !== "\n") reading.at += 1;
}

/** One word without its quotes. The commands inside it are read too. */
function readWord(reading: Reading): string {
  let word = "";
  while (reading.at < reading.text.length) {
    const char = reading.text[reading.at]!;
    if (/\s/.test(char) || /[;&|(){}<>]/.test(char)) break;
    reading.at += 1;
    if (char === "\\") word += reading.text[reading.at++] ?? "";
    else if (char === "'") word += until(reading, "'");
    else if (char === '"') word += inQuotes(reading);
    else if (char === "`") substituted(reading, until(reading, "`"));
    else if (char === "$" && reading.text[reading.at] === "(") substituted(reading, parenthesised(reading));
    else if (char === "$" && reading.text[reading.at] === "{") word += `$${braced(reading)}`;
    else if (!(char === "$" && /['"]/.test(reading.text[reading.at] ?? ""))) word += char;
  }
  return word;
}

function inQuotes(reading: Reading): string {
  let word = "";
  while (reading.at < reading.text.length) {
    const char = reading.text[reading.at++]!;
    if (char === '"') break;
    if (char === "\\") word += reading.text[reading.at++] ?? "";
    else if (char === "`") substituted(reading, until(reading, "`"));
    else if (char === "$" && reading.text[reading.at] === "(") substituted(reading, parenthesised(reading));
    else if (char === "$" && reading.text[reading.at] === "{") word += `$${braced(reading)}`;
    else word += char;
  }
  return word;
}

const substituted = (reading: Reading, script: string): void => void reading.commands.push(...simpleCommands(script, reading.depth + 1));

function until(reading: Reading, end: string): string {
  const stop = reading.text.indexOf(end, reading.at);
  const inside = reading.text.slice(reading.at, stop === -1 ? undefined : stop);
  reading.at = stop === -1 ? reading.text.length : stop + 1;
  return inside;
}

/** `${HOME}` and `${HOME:-x}` as the name alone. */
function braced(reading: Reading): string {
  reading.at += 1;
  return /^\w*/.exec(until(reading, "}"))![0];
}

function parenthesised(reading: Reading): string {
  const from = (reading.at += 1);
  for (let depth = 1; reading.at < reading.text.length; reading.at += 1) {
    const char = reading.text[reading.at];
    if (char === "(") depth += 1;
    if (char === ")" && (depth -= 1) === 0) break;
  }
  const inside = reading.text.slice(from, reading.at);
  reading.at += 1;
  return inside;
}
