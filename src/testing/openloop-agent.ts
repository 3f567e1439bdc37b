/** The file that the documentation of OpenLoop shows, with these approvers. */
export const documentedOpenLoopAgent = (approvers: readonly string[]): string => `apiVersion: openloop.ai/v1alpha1
kind: Agent
metadata: { name: dev-platform, workspace: acme }
spec:
  surfaces:
    - { type: slack, channel: "#dev-platform" }
    - { type: discord, channel: "eng" }
  memory: { scope: channel, backend: postgres, retention_days: 90 }
  model_policy:
    default: openai/gpt-4o-mini
    routes:
      - { match: { task: code }, model: anthropic/claude-sonnet-4-6 }
  tools:
    - { name: github, type: native, permissions: ["issues:write", "pulls:read"] }
  approvals:
    require_for: ["github.issues:write", "github.pulls:write"]
    approvers: ${JSON.stringify(approvers)}
  budget: { monthly_usd: 50, per_task_usd: 0.50, on_exceeded: block }
`;
