import { sandboxPortSuite } from "#src/testing/sandbox-port.suite.ts";
import { createSandboxOff } from "./sandbox.ts";

sandboxPortSuite("off", createSandboxOff);
