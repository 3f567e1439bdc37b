const x = process.getBuiltinModule("node:path"); void x;
