import type { Json } from "#src/kernel/canonical-json.ts";

export type ProviderAnswer = { readonly content: string } | { readonly toolCalls: { name: string; arguments: string }[] };

/** A call of a tool, as the double of a provider gives it. */
export const callsTool = (name: string, args: Json): ProviderAnswer => ({ toolCalls: [{ name, arguments: JSON.stringify(args) }] });

/** The model of somebody who submits a used drill to the sample `resale`: what it does next, by all that it was told so far. */
export function submissionModel(seen: string): ProviderAnswer {
  if (seen.includes("q-years")) return { content: "Does it switch on?" };
  if (seen.includes("item-1")) return callsTool("catalogue_get_product_protocol", { product_id: "p-drill" });
  if (seen.includes("handed this over to create_item"))
    return callsTool("catalogue_create_item", { product_id: "p-drill", brand_id: "b-bosch", option_value_ids: ["v-used", "v-box"] });
  if (seen.includes("v-broken")) return callsTool("handoff_create_item", { reason: "all options are known", evidence: "used, with box" });
  if (seen.includes("handed this over to product_options")) return callsTool("catalogue_get_product_options", { product_id: "p-drill" });
  if (seen.includes("p-drill")) return callsTool("handoff_product_options", { reason: "it is a Bosch drill" });
  return callsTool("catalogue_get_catalog", { query: "drill" });
}
