# Holdfast in a container: see docs/operating.md.
#
#   docker build -t holdfast .
#   docker run --read-only --tmpfs /tmp -v holdfast:/var/lib/holdfast -v $PWD/holdfast.yaml:/etc/holdfast/holdfast.yaml:ro \
#     -p 8080:8080 --stop-timeout 45 --ulimit nofile=65536 --memory 2g holdfast

# The packages that run it, exactly those of package-lock.json; npm and Node stay behind in this stage.
FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -f node_modules/bun/bin/bunx.exe

FROM debian:bookworm-slim
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE holdfast.schema.json ./
COPY bin bin
COPY src src
COPY --chmod=0755 deploy/holdfast.sh /usr/local/bin/holdfast
COPY deploy/holdfast.yaml /etc/holdfast/holdfast.yaml
# A number, so that an orchestrator can see that it is not root. The folder's owner becomes that of a new volume.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/holdfast
USER 10001:10001
# Nothing is written outside of the volume: the admin token for commands run in this container, the traffic record, and the disk tier.
ENV HOLDFAST_STATE=/var/lib/holdfast/state \
    BUN_RUNTIME_TRANSPILER_CACHE_PATH=0 \
    DO_NOT_TRACK=1
VOLUME /var/lib/holdfast
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the process answers at all. Traffic is the business of /readyz, which says 503 while the node drains.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/app/node_modules/bun/bin/bun.exe", "--no-install", "--no-env-file", "-e", "process.exit(await fetch('http://127.0.0.1:9090/healthz').then((answer) => (answer.ok ? 0 : 1), () => 1))"]
ENTRYPOINT ["holdfast"]
CMD ["serve", "-c", "/etc/holdfast/holdfast.yaml"]
