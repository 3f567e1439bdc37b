/** A verb as far as a shell completes it. */
export interface Spoken {
  readonly name: string;
  readonly summary: string;
  /** Without the dashes. */
  readonly flags: readonly string[];
  /** Its first word is a question: the tickets with an open one are offered. */
  readonly takesAsk: boolean;
}

const PROGRAMS = ["loop", "loopwright"];

const firstWords = (verbs: readonly Spoken[]): string[] => [...new Set(verbs.map(({ name }) => name.split(" ")[0]!))];
const secondWords = (verbs: readonly Spoken[], first: string): string[] => [
  ...new Set(verbs.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.split(" ")[1]!] : []))), // of `_ goal write` the second alone
];
const groups = (verbs: readonly Spoken[]): string[] => firstWords(verbs).filter((first) => secondWords(verbs, first).length > 0);
const dashed = ({ flags }: Spoken): string => flags.map((flag) => `--${flag}`).join(" ");

/** Ids of open questions and the numbers in their words, found without help from another program. */
const OPEN_ASKS = String.raw`loop asks --json 2>/dev/null | grep -o '"id":"ask_[0-9a-f]*"' | cut -d'"' -f4`;

export function bashScript(verbs: readonly Spoken[]): string {
  const cases = verbs.map(
    (verb) =>
      `    ${JSON.stringify(verb.name)}) words=${JSON.stringify(dashed(verb))}${verb.takesAsk ? `; [ "$before" = ${JSON.stringify(verb.name)} ] && words="$words $(${OPEN_ASKS})"` : ""} ;;`,
  );
  const under = groups(verbs).map((first) => `    ${first}) words=${JSON.stringify(secondWords(verbs, first).join(" "))} ;;`);
  return [
    "# Completion of loop for bash. Made by: loop completion bash",
    "_loop() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" words="" verb="" before=""',
    '  before="${COMP_WORDS[*]:1:COMP_CWORD-1}"',
    '  if [ "$COMP_CWORD" -le 1 ]; then',
    `    words=${JSON.stringify(firstWords(verbs).join(" "))}`,
    "  else",
    '  verb="${COMP_WORDS[1]} ${COMP_WORDS[2]-}"',
    '  case "$verb" in',
    ...verbs
      .filter(({ name }) => name.includes(" "))
      .map((verb) => `    ${JSON.stringify(`${verb.name}`)}) [ "$COMP_CWORD" -gt 2 ] && words=${JSON.stringify(dashed(verb))} ;;`),
    "  esac",
    '  [ -z "$words" ] && case "${COMP_WORDS[1]}" in',
    ...cases.filter((_, index) => !verbs[index]!.name.includes(" ")),
    ...under,
    "  esac",
    "  fi",
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    `complete -o default -F _loop ${PROGRAMS.join(" ")}`,
  ].join("\n");
}

const inSingleQuotes = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function zshScript(verbs: readonly Spoken[]): string {
  const described = (names: readonly string[], prefix: string): string =>
    names
      .map((name) => inSingleQuotes(`${name}:${verbs.find((verb) => verb.name === `${prefix}${name}`)?.summary ?? secondWords(verbs, name).join(", ")}`))
      .join(" ");
  const two = groups(verbs).map(
    (first) => `    ${first}) second=(${described(secondWords(verbs, first), `${first} `)}); (( CURRENT == 3 )) && _describe 'verb' second && return ;;`,
  );
  const cases = verbs.map(
    (verb) => `    ${inSingleQuotes(verb.name)}) flags=(${dashed(verb)})${verb.takesAsk ? `; (( CURRENT == 3 )) && flags+=(\${(f)"$(${OPEN_ASKS})"})` : ""} ;;`,
  );
  return [
    `#compdef ${PROGRAMS.join(" ")}`,
    "# Completion of loop for zsh. Made by: loop completion zsh",
    "_loop() {",
    "  local -a verbs second flags",
    "  local verb",
    `  verbs=(${described(firstWords(verbs), "")})`,
    "  if (( CURRENT == 2 )); then _describe 'verb' verbs; return; fi",
    '  case "$words[2]" in',
    ...two,
    "  esac",
    '  verb="$words[2]"',
    `  case "$words[2] $words[3]" in`,
    ...verbs.filter(({ name }) => name.includes(" ")).map(({ name }) => `    ${inSingleQuotes(name)}) verb=${inSingleQuotes(name)} ;;`),
    "  esac",
    '  case "$verb" in',
    ...cases,
    "  esac",
    "  compadd -a flags",
    "  _files",
    "}",
    "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }",
    `compdef _loop ${PROGRAMS.join(" ")}`,
  ].join("\n");
}

export function fishScript(verbs: readonly Spoken[]): string {
  const lines = PROGRAMS.flatMap((program) => [
    ...firstWords(verbs).map(
      (first) =>
        `complete -c ${program} -n __fish_use_subcommand -f -a ${first} -d ${inSingleQuotes(verbs.find(({ name }) => name === first)?.summary ?? secondWords(verbs, first).join(", "))}`,
    ),
    ...groups(verbs).flatMap((first) =>
      secondWords(verbs, first).map(
        (second) =>
          `complete -c ${program} -n ${inSingleQuotes(`__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${secondWords(verbs, first).join(" ")}`)} -f -a ${second} -d ${inSingleQuotes(verbs.find(({ name }) => name === `${first} ${second}`)?.summary ?? "")}`,
      ),
    ),
    ...verbs.flatMap((verb) => {
      const seen = inSingleQuotes(
        verb.name
          .split(" ")
          .map((word) => `__fish_seen_subcommand_from ${word}`)
          .join("; and "),
      );
      const asks = verb.takesAsk ? [`complete -c ${program} -n ${seen} -f -a ${inSingleQuotes(`(${OPEN_ASKS})`)}`] : [];
      return [...verb.flags.map((flag) => `complete -c ${program} -n ${seen} -l ${flag}`), ...asks];
    }),
  ]);
  return ["# Completion of loop for fish. Made by: loop completion fish", ...lines].join("\n");
}
