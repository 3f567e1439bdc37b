import { askVerbs } from "./ask-verbs.ts";
import { claimVerbs } from "./claim-verbs.ts";
import { directionVerbs } from "./direction-verbs.ts";
import { journalVerbs } from "./journal-verbs.ts";
import { scheduleVerbs } from "./schedule-verbs.ts";
import { mailboxVerbs } from "./mailbox-verbs.ts";
import { notifyVerbs } from "./notify-verbs.ts";
import { runVerbs } from "./run-verbs.ts";
import { reportVerbs } from "./report-verbs.ts";
import type { LoopVerb } from "./verb.ts";
import { workerVerbs } from "./worker-verbs.ts";
import { worldVerbs } from "./world-verbs.ts";

/** The whole contract, in the order in which it is documented. */
export const LOOP_VERBS: readonly LoopVerb[] = [
  ...worldVerbs,
  ...directionVerbs,
  ...runVerbs,
  ...notifyVerbs,
  ...scheduleVerbs,
  ...journalVerbs,
  ...reportVerbs,
  ...claimVerbs,
  ...askVerbs,
  ...workerVerbs,
  ...mailboxVerbs,
];
