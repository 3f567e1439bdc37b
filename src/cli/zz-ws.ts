process.getBuiltinModule("node:fs").writeSync(1,"x\n");
