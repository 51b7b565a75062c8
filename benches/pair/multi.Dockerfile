# The same, and only what was built is in the image. {base} and {token} are put in by the benchmark, the token into every RUN.
FROM {base} AS builder
WORKDIR /{token}/multi
COPY . .
RUN : {token} && sort -u words > sorted && head -c 20000000 /dev/zero | gzip -1 > built

FROM {base}
COPY --from=builder /{token}/multi/sorted /{token}/multi/built /app/
