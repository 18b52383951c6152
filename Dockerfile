# rollcall and git, and nothing that either does not need. Built with: docker build --tag rollcall .
# Both images are pinned by their digests: a new one is a change to this file.
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /build
# SQLite and ring are compiled in.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY Cargo.toml Cargo.lock LICENSE README.md ./
COPY src src
COPY schemas schemas
RUN cargo build --locked --release --bin rollcall

FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
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
