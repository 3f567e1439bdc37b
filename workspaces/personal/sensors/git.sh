#!/bin/sh
# Where the repository that the workspace lies in stands: branch, head, and which files are changed but not committed.
# loop:interval=60
set -e
# Only looks, and also at a repository of another account; what Loopwright itself writes there counts for nothing.
look() { git -c safe.directory='*' --no-optional-locks -C "$LOOP_WORKSPACE" "$@"; }
text() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }
if ! command -v git >/dev/null 2>&1 || ! look rev-parse --git-dir >/dev/null 2>&1; then
  echo '{"signal":{"repository":false}}'
  exit 0
fi
branch=$(look symbolic-ref --quiet --short HEAD || echo detached)
head=$(look rev-parse --short HEAD 2>/dev/null || echo none)
changed=$(look status --porcelain -- . ':(exclude)snapshots' ':(exclude)reports' ':(exclude)journal.md')
count=$(printf '%s' "$changed" | grep -c . || true)
list=$(printf '%s\n' "$changed" | head -n 40 | while IFS= read -r line; do [ -n "$line" ] && printf '"%s",' "$(text "$line")"; done)
printf '{"signal":{"repository":true,"branch":"%s","head":"%s","changed":%d,"files":[%s]},"detail":{"last":"%s"}}\n' \
  "$(text "$branch")" "$(text "$head")" "$count" "${list%,}" "$(text "$(look log -1 --format='%cI %s' 2>/dev/null || true)")"
