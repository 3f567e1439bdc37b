FROM node:24-slim AS packages
WORKDIR /opt/loopwright
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
 && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM node:24-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap ca-certificates git libstdc++6 tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node -m 0700 /var/lib/loopwright
WORKDIR /opt/loopwright
COPY --from=packages /opt/loopwright/node_modules node_modules
COPY . .
RUN ln -s /opt/loopwright/bin/loop /usr/local/bin/loop \
 && ln -s /opt/loopwright/bin/loop /usr/local/bin/loopwright
ENV NODE_ENV=production \
    LOOP_HOME=/var/lib/loopwright \
    LOOP_HOST=0.0.0.0 \
    LOOP_PORT=4747
USER node
VOLUME /var/lib/loopwright
EXPOSE 4747
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["node", "-e", "require('node:http').get({ host: '127.0.0.1', port: process.env.LOOP_PORT, path: '/v1/health' }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# A home without a workspace gets a copy of the sample, as the first `npm start` makes it. Any other verb: docker run … loop <verb>
ENTRYPOINT ["tini", "--"]
CMD ["sh", "-c", "[ -e \"${LOOP_WORKSPACE:-$LOOP_HOME/workspace}/loop.yaml\" ] || loop init \"${LOOP_WORKSPACE:-$LOOP_HOME/workspace}\" && exec loop serve"]
