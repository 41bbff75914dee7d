# Narthex in a container: built with the full Node image, run on one that has neither a shell nor a package manager.
# Both images can be replaced, by a mirror or by a digest: docker build --build-arg RUNTIME_IMAGE=… .
ARG BUILD_IMAGE=docker.io/library/node:24-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
# Dependencies before sources, so that a change of the sources does not fetch them again.
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
COPY policies ./policies
RUN npm run build
RUN npm prune --omit=dev

FROM ${RUNTIME_IMAGE}
# The commit that was built: docker build --build-arg REVISION=$(git rev-parse HEAD) .
ARG REVISION=unknown
LABEL org.opencontainers.image.title="narthex" \
      org.opencontainers.image.description="Intermediary metadata proxy for messaging interoperability" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/policies ./policies
ENV NODE_ENV=production
# The image's user nonroot, by number: Kubernetes cannot verify a name.
USER 65532:65532
EXPOSE 5222 5223 8443 9090
# Health is asked over HTTP by whoever runs the container; SIGTERM drains.
ENTRYPOINT ["/nodejs/bin/node", "--disallow-code-generation-from-strings", "dist/cli/main.js"]
CMD ["serve"]
