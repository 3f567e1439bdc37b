const x = process.getBuiltinModule("node:fs"); void x;
