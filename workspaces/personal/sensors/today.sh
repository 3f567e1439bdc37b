#!/bin/sh
# The date, so that what is to be done once a day is done.
# loop:interval=300
printf '{"signal":{"date":"%s"},"detail":{}}\n' "$(date +%F)"
