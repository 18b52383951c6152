# rollcall and git, and nothing that either does not need. Built with: docker build --tag rollcall .
# The tags stand for one version each; who wants the same bytes each time adds `@sha256:…` to both.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /build
# SQLite and ring are compiled in.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY Cargo.toml Cargo.lock LICENSE README.md ./
COPY src src
COPY schemas schemas
RUN cargo build --locked --release --bin rollcall

FROM debian:bookworm-slim
# git for `--base` and `--against`; certificates for mail servers and remote stores. What is patched comes with a new image.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin rollcall
COPY --from=build /build/target/release/rollcall /usr/local/bin/rollcall
USER 10001:10001
WORKDIR /access
ENTRYPOINT ["rollcall"]
CMD ["--help"]
