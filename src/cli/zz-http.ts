const http = process.getBuiltinModule("node:http"); void http;
