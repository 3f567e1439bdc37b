const x = process.getBuiltinModule("node:os"); void x;
