#!/bin/sh
# The command inside of the image: the runtime itself, in the place of this shell, so that signals reach it.
# The same flags as bin/bun.mjs.
exec /app/node_modules/bun/bin/bun.exe --no-install --no-env-file --config=/app/bin/bunfig.toml /app/src/main.ts "$@"
