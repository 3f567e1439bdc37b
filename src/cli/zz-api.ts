import { createApi } from "./client/api.ts"; void createApi;
