import { createContext } from "./context.ts";
void createContext;
