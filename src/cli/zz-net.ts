const http = process.getBuiltinModule("node:net"); void http;
