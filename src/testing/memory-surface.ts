import type { MessagePort, OutboundMessage } from "#src/acts/ports/message-port.ts";
import { LoopError } from "#src/kernel/errors.ts";

export interface MemorySurface extends MessagePort {
  readonly edit: NonNullable<MessagePort["edit"]>;
  /** What people would read now, oldest first. */
  readonly messages: () => readonly OutboundMessage[];
  /** From now on every call fails with this, as when the place is down or turns the message away; `null` mends it. */
  failWith(error: LoopError | null): void;
}

/** A place for messages that lives in this process. */
export function memorySurface(name: string): MemorySurface {
  const posted = new Map<string, OutboundMessage>();
  let trouble: LoopError | null = null;
  const open = async (): Promise<void> => {
    if (trouble) throw trouble;
  };
  const refOf = (messageId: string) => ({ surface: name, messageId });
  return {
    name,
    messages: () => [...posted.values()],
    failWith: (error) => void (trouble = error),
    async post(message, deliveryKey) {
      await open();
      if (!posted.has(deliveryKey)) posted.set(deliveryKey, message);
      return refOf(deliveryKey);
    },
    async find(deliveryKey) {
      await open();
      return posted.has(deliveryKey) ? refOf(deliveryKey) : undefined;
    },
    async edit({ messageId }, message) {
      await open();
      if (!posted.has(messageId)) throw new LoopError("surface_refused", `${name} has no message ${messageId} to edit.`, { facts: { message: messageId } });
      posted.set(messageId, message);
    },
  };
}
