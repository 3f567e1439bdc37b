// An MCP server on standard input and output: a small catalogue in memory. It needs Node and nothing else.
import { createInterface } from "node:readline";

const PRODUCTS = [
  {
    id: "p-drill",
    name: "Cordless drill",
    brands: [
      { id: "b-bosch", name: "Bosch" },
      { id: "b-makita", name: "Makita" },
    ],
  },
  {
    id: "p-phone",
    name: "Smartphone",
    brands: [
      { id: "b-fairphone", name: "Fairphone" },
      { id: "b-nokia", name: "Nokia" },
    ],
  },
  { id: "p-kettle", name: "Electric kettle", brands: [{ id: "b-bosch", name: "Bosch" }] },
];
const OPTIONS = [
  {
    id: "o-state",
    label: "Condition",
    values: [
      { id: "v-new", label: "As new" },
      { id: "v-used", label: "Used" },
      { id: "v-broken", label: "Broken" },
    ],
  },
  {
    id: "o-box",
    label: "Original box",
    values: [
      { id: "v-box", label: "Yes" },
      { id: "v-nobox", label: "No" },
    ],
  },
];
const QUESTIONS = [
  {
    id: "q-on",
    label: "Does it switch on?",
    type: "select",
    options: [
      { label: "Yes", deal_breaker: false },
      { label: "No", deal_breaker: true },
    ],
  },
  { id: "q-years", label: "How many years old is it?", type: "number", options: [] },
];
const items = new Map();

const text = (description) => ({ type: "string", description });
const schema = (properties) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });

const TOOLS = {
  get_catalog: {
    description: "Products whose name or brand has these words, with their brands; all of them for an empty text.",
    inputSchema: schema({ query: text("words of a product or brand") }),
    call({ query }) {
      const words = String(query).toLowerCase().split(/\s+/).filter(Boolean);
      const about = (product) => `${product.name} ${product.brands.map(({ name }) => name).join(" ")}`.toLowerCase();
      return { products: PRODUCTS.filter((product) => words.every((word) => about(product).includes(word))) };
    },
  },
  get_product_options: {
    description: "What can be chosen for a product.",
    inputSchema: schema({ product_id: text("id of the product") }),
    call: ({ product_id }) => ({ product_id: productOf(product_id).id, options: OPTIONS }),
  },
  create_item: {
    description: "Creates the item that somebody hands in.",
    inputSchema: schema({
      product_id: text("id of the product"),
      brand_id: text("id of the brand"),
      option_value_ids: { type: "array", items: { type: "string" } },
    }),
    call({ product_id, brand_id, option_value_ids }) {
      const product = productOf(product_id);
      if (!product.brands.some(({ id }) => id === brand_id)) throw new Error(`${product.name} has no brand ${brand_id}`);
      const known = new Set(OPTIONS.flatMap(({ values }) => values.map(({ id }) => id)));
      const wrong = option_value_ids.find((id) => !known.has(id));
      if (wrong !== undefined) throw new Error(`there is no option ${wrong}`);
      const item_id = `item-${items.size + 1}`;
      items.set(item_id, { product_id, brand_id, option_value_ids });
      return { item_id, item_token: `token-${item_id}` };
    },
  },
  get_product_protocol: {
    description: "The questions about a product.",
    inputSchema: schema({ product_id: text("id of the product") }),
    call: ({ product_id }) => ({ product_id: productOf(product_id).id, questions: QUESTIONS }),
  },
  validate_protocol_answer: {
    description: "Whether an answer is one to its question, and whether it ends the submission.",
    inputSchema: schema({ question_id: text("id of the question"), answer: text("what was answered") }),
    call({ question_id, answer }) {
      const question = QUESTIONS.find(({ id }) => id === question_id);
      if (!question) throw new Error(`there is no question ${question_id}`);
      if (question.type === "number") return { valid: /^\d+([.,]\d+)?$/.test(answer.trim()), deal_breaker: false };
      const chosen = question.options.find(({ label }) => label.toLowerCase() === answer.trim().toLowerCase());
      return { valid: chosen !== undefined, deal_breaker: chosen?.deal_breaker ?? false };
    },
  },
};

function productOf(id) {
  const product = PRODUCTS.find((known) => known.id === id);
  if (!product) throw new Error(`there is no product ${id}; get_catalog lists those there are`);
  return product;
}

const VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const METHODS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: VERSIONS.includes(protocolVersion) ? protocolVersion : VERSIONS[0],
    capabilities: { tools: {} },
    serverInfo: { name: "catalogue", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: Object.entries(TOOLS).map(([name, { description, inputSchema }]) => ({ name, description, inputSchema })) }),
  "tools/call"({ name, arguments: args = {} }) {
    const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
    if (!tool) throw Object.assign(new Error(`there is no tool ${name}`), { code: -32602 });
    try {
      const result = tool.call(args);
      return { content: [{ type: "text", text: JSON.stringify(result) }], structuredContent: result };
    } catch (error) {
      return { content: [{ type: "text", text: error.message }], isError: true };
    }
  },
};

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") continue;
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    send({ id: null, error: { code: -32700, message: "this is not JSON" } });
    continue;
  }
  const { id, method, params = {} } = request;
  if (id === undefined) continue; // a notification
  try {
    const perform = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
    if (!perform) throw Object.assign(new Error(`there is no method ${method}`), { code: -32601 });
    send({ id, result: perform(params) });
  } catch (error) {
    send({ id, error: { code: error.code ?? -32603, message: error.message } });
  }
}
