/** Something that a person has to put right: shown as one message, without a stack. */
export class SetupProblem extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @returns {never} */
export function giveUp(message, exitCode) {
  throw new SetupProblem(message, exitCode);
}
