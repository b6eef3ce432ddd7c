# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock askama.toml ./
COPY src src
COPY config config
COPY benches benches
COPY tests tests
RUN cargo build --locked --profile dist --bin geovagt

FROM debian:bookworm-slim
RUN useradd --system --uid 9443 --home-dir /var/lib/geovagt --create-home geovagt \
 && mkdir -p /etc/geovagt/lists /usr/share/geovagt
COPY --from=build /build/target/dist/geovagt /usr/bin/geovagt
COPY geoip/country.mmdb geoip/README.md /usr/share/geovagt/
COPY config/gateway.yaml /usr/share/geovagt/gateway.example.yaml
COPY config/lists/cfcs.yaml /etc/geovagt/lists/cfcs.yaml
USER geovagt
VOLUME ["/var/lib/geovagt"]
EXPOSE 8080 8443 9100
ENTRYPOINT ["/usr/bin/geovagt"]
CMD ["serve"]
