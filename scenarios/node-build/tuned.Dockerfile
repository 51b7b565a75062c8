FROM node:18-alpine AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci

FROM packages AS builder
COPY tsconfig.json ./
COPY src src
RUN npm run build

# The manifest lists the compiler among the dependencies: it goes here.
FROM packages AS production
RUN npm uninstall --no-save --omit=dev typescript @types/node

FROM alpine:3.21
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
COPY --from=packages /usr/lib/libstdc++.so.6 /usr/lib/libgcc_s.so.1 /usr/lib/
WORKDIR /app
ENV NODE_ENV=production
COPY --from=production /app/node_modules node_modules
COPY package.json ./
COPY --from=builder /app/dist dist
USER 1000:1000
EXPOSE 3000
CMD ["node", "dist/server.js"]
