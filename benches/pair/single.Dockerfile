# Everything is left in the image. {base} and {token} are put in by the benchmark, the token into every RUN.
FROM {base}
WORKDIR /{token}/single
COPY . .
RUN : {token} && sort -u words > sorted && head -c 20000000 /dev/zero | gzip -1 > built
