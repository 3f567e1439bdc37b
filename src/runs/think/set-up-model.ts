/** What whoever runs the server does where a model is needed and none answers. */
export const SET_UP_MODEL =
  "Models are named in loop.yaml, and the key of a provider comes from its variable in the environment, such as ANTHROPIC_API_KEY, or from `loop secrets set`; LOOP_MODEL=on uses the keys that are found without naming a model. See docs/models.md.";
