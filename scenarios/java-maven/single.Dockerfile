FROM maven:3.9-eclipse-temurin-21 as builder

WORKDIR /build
COPY . .
RUN mvn clean package -DskipTests

EXPOSE 8080
ENTRYPOINT ["java", "-jar", "/build/target/invoices.jar"]
