/** For a provider whose key was found: the models of the two tiers when nothing names others. First the providers that people most often mean. */
const USUAL: readonly { readonly variable: string; readonly fast: string; readonly strong: string }[] = [
  { variable: "ANTHROPIC_API_KEY", fast: "anthropic:claude-haiku-4-5", strong: "anthropic:claude-sonnet-4-5" },
  { variable: "OPENAI_API_KEY", fast: "openai:gpt-5-mini", strong: "openai:gpt-5" },
  { variable: "GOOGLE_GENERATIVE_AI_API_KEY", fast: "google:gemini-2.5-flash", strong: "google:gemini-2.5-pro" },
  { variable: "OPENROUTER_API_KEY", fast: "openrouter:openai/gpt-5-mini", strong: "openrouter:openai/gpt-5" },
];

/** Undefined: none of the keys belongs to a provider whose models can be guessed; name models in loop.yaml. */
export function usualModels(keysFound: readonly string[]): { readonly fast: string; readonly strong: string } | undefined {
  return USUAL.find(({ variable }) => keysFound.includes(variable));
}
