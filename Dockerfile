# geovagt in a container: docker build -t geovagt . (or podman, or buildah).
#
#     docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#       -v /srv/geovagt/etc:/etc/geovagt:ro -v geovagt-state:/var/lib/geovagt -p 443:8443 geovagt
#
# Only /var/lib/geovagt is written to. The health check asks the operations listener: `operations:
# {bind: ["127.0.0.1:9100"]}` in gateway.yaml, or another address in GEOVAGT_HEALTH_URL.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
ARG PROFILE=dist
WORKDIR /build
COPY Cargo.toml Cargo.lock askama.toml ./
COPY .cargo .cargo
COPY src src
COPY config config
COPY benches benches
COPY tests tests
# Dependencies are compiled once: both directories outlive the build.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile "$PROFILE" --bin geovagt \
 && case "$PROFILE" in dev) directory=debug ;; *) directory=$PROFILE ;; esac \
 && install -D --strip "target/$directory/geovagt" /out/geovagt

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="geovagt" \
      org.opencontainers.image.description="A geo-blocking authentication gateway for municipalities" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="the geovagt authors"
# What the system trusts comes from the build image, so that nothing is installed here.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN groupadd --system --gid 9443 geovagt \
 && useradd --system --uid 9443 --gid 9443 --home-dir /var/lib/geovagt --no-create-home \
      --shell /usr/sbin/nologin geovagt \
 && install -d -m 700 -o geovagt -g geovagt /var/lib/geovagt
COPY --from=build /out/geovagt /usr/bin/geovagt
COPY geoip/country.mmdb /usr/share/geovagt/country.mmdb
COPY config/debian/gateway.yaml config/lists/cfcs.yaml /usr/share/doc/geovagt/examples/
COPY config/lists/cfcs.yaml /etc/geovagt/lists/cfcs.yaml
COPY LICENSE NOTICE geoip/README.md /usr/share/doc/geovagt/
ENV GEOVAGT_HEALTH_URL=http://127.0.0.1:9100/readyz
USER 9443:9443
VOLUME ["/var/lib/geovagt"]
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
  CMD ["/usr/bin/geovagt", "health"]
ENTRYPOINT ["/usr/bin/geovagt"]
CMD ["serve"]
