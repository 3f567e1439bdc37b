#!/bin/sh
# How full the disk of the workspace is. Going over or under 80, 90 and 95 percent wakes; each percent does not.
# loop:interval=300
df -P "$LOOP_WORKSPACE" | awk 'NR == 2 {
  used = $5 + 0
  level = used >= 95 ? "full" : used >= 90 ? "nearly full" : used >= 80 ? "filling" : "ok"
  printf "{\"signal\":{\"disk\":\"%s\"},\"detail\":{\"usedPercent\":%d,\"freeMb\":%d}}\n", level, used, $4 / 1024
}'
