await Promise.resolve(); process.exitCode = 0;
