/** The one sentence that a person says to their agent session. `command`: how `loop` is called here. */
export const tellAgentText = (command: string): string =>
  `Tell your agent: read \`${command} _ help\`, then work the loop: \`${command} _ wait --json\`, decide one move, act, and wait again.`;
