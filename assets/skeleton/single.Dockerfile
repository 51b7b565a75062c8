# The builder is the image: whatever the build needs and leaves behind is shipped.
FROM alpine:3.21
WORKDIR /src
# The list of dependencies comes first: as long as it does not change, an edit of the app does not install them again.
COPY deps.txt ./
# Your package manager stands here.
RUN head -c 20000000 /dev/urandom > /var/cache/downloads
COPY . .
# Your compiler stands here.
RUN sh build.sh /usr/local/bin/greeter
CMD ["greeter"]
