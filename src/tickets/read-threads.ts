// What a face may read of conversations; changing them goes through intake/.
export { listThreadMessages } from "./store/thread-messages.ts";
export { listThreads, requireThread } from "./store/threads.ts";
