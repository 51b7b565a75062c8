FROM maven:3.9-eclipse-temurin-21 AS runtime
RUN jlink --add-modules java.base,java.instrument,java.logging,java.management,java.naming,java.sql,jdk.unsupported \
    --strip-java-debug-attributes --no-man-pages --no-header-files --compress=zip-6 --output /opt/java-runtime

FROM maven:3.9-eclipse-temurin-21 AS builder
WORKDIR /build
COPY pom.xml ./
RUN --mount=type=cache,target=/root/.m2 mvn -B -q dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=/out/lib
COPY src src
# The plain jar, not the packed one: the libraries have a layer of their own, which an edit of the sources leaves alone.
RUN --mount=type=cache,target=/root/.m2 mvn -B -q package -DskipTests -Dspring-boot.repackage.skip && cp target/invoices.jar /out/

FROM debian:trixie-slim
COPY --from=runtime /opt/java-runtime /opt/java-runtime
WORKDIR /app
COPY --from=builder /out/lib lib
COPY --from=builder /out/invoices.jar ./
USER 1001:1001
EXPOSE 8080
ENTRYPOINT ["/opt/java-runtime/bin/java", "-cp", "invoices.jar:lib/*", "example.invoices.Server"]
