# The same build in a stage of its own; only what it made is shipped.
FROM alpine:3.21 AS builder
WORKDIR /src
COPY deps.txt ./
RUN head -c 20000000 /dev/urandom > /var/cache/downloads
COPY . .
RUN sh build.sh /out/greeter

FROM alpine:3.21
COPY --from=builder /out/greeter /usr/local/bin/greeter
CMD ["greeter"]
